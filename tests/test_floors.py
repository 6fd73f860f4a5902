"""A room imports only from floors below its own; a task knows no other task, and nobody a task."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = ROOT / "lfp_tf"
FLOORS = {
    "errors": 0,
    "files": 1,
    "progress": 1,
    "ops": 1,
    "layers": 2,
    "checkpoints": 2,
    "images": 2,
    "heads": 3,
    "backbones": 3,
    "evaluation": 3,
    "data": 3,
    "models": 4,
    "training": 5,
    "serving": 6,
    "tasks": 7,
    "recipes": 8,
    "parity": 9,
    "api": 10,
    "cli": 10,
}
TASKS = ("segmentation", "classification", "pose")
NETWORK_WING = ("layers", "heads", "backbones", "models")
NO_TENSORFLOW_AT_THE_TOP = ("cli", "errors", "files", "progress", "images")
HOSTS_TRAINING = ("training", "tasks", "recipes")
FILES = sorted(PACKAGE.rglob("*.py"))
# Arrows that still run up or into a task, each to be turned: (file, what it imports).
TO_TURN = {
    ("cli/crf_arguments.py", "tasks.segmentation"),
    ("cli/data.py", "data.segmentation"),
    ("cli/evaluate_classification.py", "tasks.classification"),
    ("cli/evaluate_pose.py", "tasks.pose"),
    ("cli/evaluate_segmentation.py", "tasks.segmentation"),
    ("cli/network_arguments.py", "tasks.segmentation"),
    ("cli/predict_classes.py", "tasks.classification"),
    ("cli/predict_network.py", "tasks.segmentation"),
    ("cli/predict_people.py", "tasks.pose"),
    ("cli/predict_pictures.py", "tasks.segmentation"),
    ("data/classification/records.py", "data.segmentation"),
    ("data/pose/records.py", "data.segmentation"),
    ("recipes/config.py", "tasks.classification"),
    ("recipes/config.py", "tasks.pose"),
    ("recipes/config.py", "tasks.segmentation"),
    ("serving/export.py", "tasks.classification"),
    ("serving/export.py", "tasks.pose"),
    ("serving/export.py", "tasks.segmentation"),
    ("tasks/classification/config.py", "tasks.segmentation"),
    ("tasks/classification/evaluation.py", "tasks.segmentation"),
    ("tasks/classification/task.py", "tasks.segmentation"),
    ("tasks/pose/config.py", "tasks.segmentation"),
    ("tasks/pose/task.py", "tasks.segmentation"),
    ("training/base.py", "recipes"),
    ("training/base.py", "tasks"),
    ("training/run.py", "tasks"),
    ("training/run.py", "tasks.classification"),
    ("training/run.py", "tasks.pose"),
    ("training/run.py", "tasks.segmentation"),
}


def parts(path):
    return path.relative_to(PACKAGE).with_suffix("").parts


def name_of(path):
    return str(path.relative_to(PACKAGE))


def imports(path, *, top_only=False):
    """The dotted names a file imports, wherever the import stands."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def own_imports(path):
    """(room, folder or file in it) of what a file imports of ours."""
    for name in imports(path):
        words = name.split(".")
        if words[0] == "lfp_tf" and len(words) > 1 and words[1] in FLOORS:
            yield words[1], words[2] if len(words) > 2 else ""


def test_every_room_has_a_floor():
    rooms = {parts(path)[0] for path in FILES} - {"__init__"}
    assert rooms <= set(FLOORS)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_run_down(path):
    here = parts(path)[0]
    if here == "__init__":
        return
    for there, _ in own_imports(path):
        if there != here and (name_of(path), there) not in TO_TURN:
            turned = {f"{there}.{task}" for task in TASKS}
            if any((name_of(path), arrow) in TO_TURN for arrow in turned):
                continue
            assert FLOORS[there] < FLOORS[here], f"{here} imports {there}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_task_is_imported_by_itself_alone(path):
    here, *inside = parts(path)
    if here in ("api", "parity") or (here, *inside[:1]) == ("data", "datasets"):
        return
    for there, task in own_imports(path):
        if there in ("data", "tasks") and task in TASKS and inside[:1] != [task]:
            assert (name_of(path), f"{there}.{task}") in TO_TURN, f"imports {there}.{task}"


def test_no_arrow_is_left_that_was_turned():
    found = set()
    for path in FILES:
        for there, inside in own_imports(path):
            found |= {(name_of(path), there), (name_of(path), f"{there}.{inside}")}
    assert found >= TO_TURN


def test_files_of_a_room_import_each_other_without_a_circle():
    names = {".".join(("lfp_tf", *parts(p))): p for p in FILES}
    edges = {
        name: {
            t for i in imports(path, top_only=True) for t in (i, i.rpartition(".")[0]) if t in names
        }
        for name, path in names.items()
    }
    done, open_ = set(), []

    def visit(name):
        assert name not in open_, " > ".join([*open_[open_.index(name) :], name])
        if name in done:
            return
        open_.append(name)
        for other in edges[name] - {name}:
            visit(other)
        open_.pop()
        done.add(name)

    for name in edges:
        visit(name)


def test_the_network_wing_knows_no_files_and_no_host():
    for path in FILES:
        if parts(path)[0] in NETWORK_WING:
            for name in imports(path):
                words = name.split(".")
                assert words[0] != "official", path
                assert words[1:2] not in (["data"], ["checkpoints"], ["images"]), path


def test_only_training_and_above_import_the_hosts_training_machinery():
    for path in FILES:
        if parts(path)[0] not in HOSTS_TRAINING:
            assert not any(name.startswith("official.core") for name in imports(path)), path


def test_commands_load_tensorflow_late():
    for path in FILES:
        if parts(path)[0] in NO_TENSORFLOW_AT_THE_TOP:
            tops = {name.split(".")[0] for name in imports(path, top_only=True)}
            assert not tops & {"tensorflow", "tf_keras", "official"}, path


def test_room_inits_are_empty():
    for path in PACKAGE.rglob("*/__init__.py"):
        assert not path.read_text(encoding="utf-8").strip(), path
