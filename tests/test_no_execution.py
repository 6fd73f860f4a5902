"""The package never runs what a file says: no call that could, anywhere in it."""

import ast
import pathlib

import pytest

PACKAGE = pathlib.Path(__file__).parents[1] / "lfp_tf"
CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen"}
ENDINGS = (
    "load_model",
    "Unpickler",
    "unsafe_load",
    "full_load",
    "unsafe_load_all",
    "full_load_all",
)
MODULES = ("pickle", "cPickle", "_pickle", "dill", "joblib", "shelve", "marshal", "cloudpickle")


def dangers(source):
    """What of a source could run a file's content: (line, what) pairs."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names]
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else names
            yield from ((node.lineno, name) for name in names if name.split(".")[0] in MODULES)
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            words = {word.arg: ast.unparse(word.value) for word in node.keywords}
            if name in CALLS or name.split(".")[-1] in ENDINGS or _unsafe_load(name, words):
                yield node.lineno, name
            if (
                words.get("allow_pickle", "False") != "False"
                or words.get("shell", "False") != "False"
            ):
                yield node.lineno, name


def _unsafe_load(name, words):
    if name in ("yaml.load", "yaml.load_all"):
        return "Safe" not in words.get("Loader", "")
    return name == "torch.load"


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_file_holds_no_call_that_runs_content(path):
    assert list(dangers(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from pickle import load",
        "yaml.load(x)",
        "yaml.load(x, Loader=yaml.FullLoader)",
        "eval(x)",
        "tf.keras.models.load_model(x)",
        "np.load(x, allow_pickle=True)",
        "np.load(x, allow_pickle=trusted)",
        "subprocess.run(x, shell=True)",
    ],
)
def test_danger_is_seen(line):
    assert len(list(dangers(line))) == 1


@pytest.mark.parametrize(
    "line",
    [
        '"""pickle.load(x)"""',
        "yaml.safe_load(x)",
        "yaml.load(x, Loader=yaml.CSafeLoader)",
        "model.evaluate(x)",
        "re.compile(x)",
    ],
)
def test_harmless_lines_pass(line):
    assert list(dangers(line)) == []
