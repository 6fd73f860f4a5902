"""A room imports only from floors below its own; a task is known to its own files alone."""

import ast
import pathlib
import subprocess
import sys

import pytest

from lfp_tf.tasks import catalog

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = ROOT / "lfp_tf"
FLOORS = {
    "errors": 0,
    "fields": 0,
    "options": 0,
    "protobuf": 0,
    "documents": 1,
    "files": 1,
    "progress": 1,
    "ops": 1,
    "templates": 1,
    "workers": 1,
    "layers": 2,
    "checkpoints": 2,
    "images": 2,
    "heads": 3,
    "backbones": 3,
    "decoders": 3,
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
    "garden": 10,
}
NAMES = [task.name for task in catalog.TASKS]
# Rooms that may know a task by its name.
KNOW_TASKS = ("api", "parity")
FILES_OF_A_TASK = {
    "config": ["Config"],
    "networks": ["NETWORKS", "usual_classes"],
    "task": ["Task"],
    "prediction": ["protocol_of", "predictor"],
    "evaluation": ["evaluate", "report"],
    "metrics": [],
    "report": ["score_facts", "write_report"],
    "signatures": ["signature_functions", "warmup_requests"],
    "results": ["Results", "of_model", "of_export"],
    "arguments": [
        *("OPTIONS", "ENDINGS", "SUMMARIES", "AFTER_TRAINING", "check", "protocol", "describe"),
        *("evaluation_options", "read_annotations", "table"),
    ],
}
NETWORK_WING = ("layers", "decoders", "heads", "backbones", "models")
NO_TENSORFLOW_AT_THE_TOP = (
    *("cli", "api", "errors", "fields", "options", "protobuf", "documents", "files", "images"),
    *("progress", "templates", "workers"),
)
# Files whose whole import must stay free of TensorFlow, as experiments are checked with them.
FREE_OF_TENSORFLOW = (
    *("recipes.config", "recipes.experiments", "recipes.overrides", "recipes.preflight"),
    *("training.fields", "tasks.catalog", "tasks.spec"),
    *(f"tasks.{name}.{file}" for name in NAMES for file in ("config", "networks", "arguments")),
)
HOSTS_TRAINING = ("training", "garden")
FILES = sorted(PACKAGE.rglob("*.py"))


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
        assert there == here or FLOORS[there] < FLOORS[here], f"{here} imports {there}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_task_is_imported_by_itself_alone(path):
    here, *inside = parts(path)
    if here in KNOW_TASKS or (here, *inside[:1]) == ("data", "datasets"):
        return
    for there, task in own_imports(path):
        if there in ("data", "tasks") and task in NAMES:
            assert inside[:1] == [task], f"imports {there}.{task}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_tasks_name_is_written_in_its_own_files_alone(path):
    here, *inside = parts(path)
    if here in KNOW_TASKS or inside[:1] == ["catalog"]:
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and node.value in NAMES:
            is_own = here in ("data", "tasks") and inside[:1] == [node.value]
            # A way of preprocessing has the name of a task; recipes and checkpoints bear it.
            is_preprocessing = name_of(path) == "options.py"
            # COCO's JSON calls an object's mask by the name of a task.
            is_mask = inside[:1] == ["detection"] and node.value == "segmentation"
            assert is_own or is_preprocessing or is_mask, f"line {node.lineno} says {node.value!r}"


@pytest.mark.parametrize("task", catalog.TASKS, ids=lambda task: task.name)
def test_a_task_has_the_files_of_the_table(task):
    for name, offered in FILES_OF_A_TASK.items():
        module = catalog.part(task, name)
        for thing in offered:
            assert hasattr(module, thing), f"tasks/{task.name}/{name}.py has no {thing}"
    assert tuple(catalog.part(task, "networks").NETWORKS) == task.networks
    for name in ("records", "pipeline"):
        assert (PACKAGE / "data" / task.name / f"{name}.py").exists()


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


def test_only_training_and_the_garden_import_the_hosts_training_machinery():
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


def test_experiments_are_checked_without_tensorflow():
    code = "import sys\n" + "".join(f"import lfp_tf.{name}\n" for name in FREE_OF_TENSORFLOW)
    code += (
        "print([name for name in ('tensorflow', 'official', 'tf_keras') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
