"""A room imports only from floors below its own; rooms of the network and the data do not meet."""

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
    "pictures": 2,
    "heads": 3,
    "backbones": 3,
    "evaluation": 3,
    "data": 3,
    "models": 4,
    "tasks": 5,
    "serving": 6,
    "parity": 6,
    "api": 7,
    "cli": 7,
}
NETWORK_WING = ("layers", "heads", "backbones", "models")
NO_TENSORFLOW_AT_THE_TOP = ("cli", "errors", "files", "progress", "pictures")
FILES = sorted(PACKAGE.rglob("*.py"))


def room(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


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
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "lfp_tf" and len(parts) > 1 and parts[1] in FLOORS:
            yield parts[1]


def test_every_room_has_a_floor():
    rooms = {room(path) for path in FILES} - {"__init__"}
    assert rooms <= set(FLOORS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_down(path):
    here = room(path)
    if here == "__init__":
        return
    for there in own_imports(path):
        assert there == here or FLOORS[there] < FLOORS[here], f"{here} imports {there}"


def test_files_of_a_room_import_each_other_without_a_circle():
    names = {".".join(("lfp_tf", *p.relative_to(PACKAGE).with_suffix("").parts)): p for p in FILES}
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
        if room(path) in NETWORK_WING:
            for name in imports(path):
                top = name.split(".")
                assert top[0] != "official", path
                assert name.split(".")[1:2] not in (["data"], ["checkpoints"], ["pictures"]), path


def test_only_tasks_import_the_hosts_training_machinery():
    for path in FILES:
        if room(path) not in ("tasks",):
            assert not any(name.startswith("official.core") for name in imports(path)), path


def test_commands_load_tensorflow_late():
    for path in FILES:
        if room(path) in NO_TENSORFLOW_AT_THE_TOP:
            tops = {name.split(".")[0] for name in imports(path, top_only=True)}
            assert not tops & {"tensorflow", "tf_keras", "official"}, path


def test_room_inits_are_empty():
    for path in PACKAGE.rglob("*/__init__.py"):
        assert not path.read_text(encoding="utf-8").strip(), path
