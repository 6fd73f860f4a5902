"""What names bring along never moves a terminal: escape codes are shown, not obeyed."""

import ast
import fcntl
import io
import json
import os
import pathlib
import struct
import termios

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lfp_tf
from lfp_tf.cli.main import main
from lfp_tf.cli.output import say, show
from lfp_tf.errors import visible
from lfp_tf.progress import Progress, fitted

EVIL = "a\x1b[2J\x07\x9b\r\u202eb"
SHOWN = r"a\x1b[2J\x07\x9b\r\u202eb"
CONTROL = {chr(code) for code in (*range(32), *range(127, 160))} - set("\n\t")


def test_line_ends_tabs_and_words_of_any_language_stay():
    text = "Stra\u00dfe\t\u5929\u7a7a\u3000\u00a0x\n"
    assert visible(text) == text
    assert visible(EVIL) == SHOWN


def test_all_that_prints_escapes(capsys):
    say(f"{EVIL} said")
    show(pathlib.Path(EVIL))
    assert capsys.readouterr() == (f"{SHOWN}\n", f"{SHOWN} said\n")
    stream = io.StringIO()
    with Progress(EVIL, total=1, unit="images", stream=stream) as progress:
        progress.note(EVIL)
        progress.update(1, EVIL)
    assert not CONTROL & set(stream.getvalue()) and stream.getvalue().startswith(f"{SHOWN}\n")


@given(
    parts=st.lists(st.text("ab\x1b ", max_size=60), min_size=4, max_size=4),
    width=st.integers(0, 100),
)
def test_a_renewed_line_fits_its_width(parts, width):
    line = fitted(parts, width)
    assert len(line) <= width and not CONTROL & set(line)
    whole = visible("  ".join(filter(None, parts)))
    assert (line == whole) == (len(whole) <= width)


def test_on_a_terminal_the_line_never_wraps(monkeypatch):
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    monkeypatch.setattr("lfp_tf.progress.TERMINAL_SECONDS", 0.0)
    with os.fdopen(slave, "w") as stream:
        progress = Progress("a_long_experiment", total=500, unit="images", stream=stream)
        progress.update(1, "loss 1.2345, mean IoU 61.23")
        shown = os.read(master, 1000).decode()
    os.close(master)
    line = shown.removeprefix("\r\x1b[K")
    assert line.startswith("a_long_experiment 1/500  ") and len(line) < 40


def test_nothing_else_prints():
    for path in pathlib.Path(lfp_tf.__file__).parent.rglob("*.py"):
        calls = [
            node.func
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call)
        ]
        prints = [call for call in calls if isinstance(call, ast.Name) and call.id == "print"]
        assert not prints or path.name == "output.py", path


@pytest.mark.parametrize("name", [EVIL, "layer\x7f"])
def test_inspect_shows_names_without_obeying_them(tmp_path, capsys, name):
    np.savez(tmp_path / "a.npz", **{name: np.zeros(2, np.float32)})
    for options in ([], ["--json"]):
        assert main(["inspect", str(tmp_path / "a.npz"), *options]) == 0
        out, err = capsys.readouterr()
        assert not CONTROL & set(out + err)
    assert json.loads(out)["arrays"][0]["name"] == name


def test_files_and_arguments_of_such_names(tmp_path, capsys):
    (tmp_path / EVIL).write_bytes(b"nothing")
    for words in (["inspect", str(tmp_path / EVIL)], [EVIL], ["inspect", f"--{EVIL}"]):
        assert main(words) == 2
        assert not CONTROL & set("".join(capsys.readouterr()))


@pytest.mark.parametrize(
    "path", sorted(pathlib.Path("/work/shared/faults").glob("control*")), ids=lambda p: p.name
)
def test_files_with_control_characters_that_failed(path, capsys):
    main(["inspect", str(path)])
    assert not CONTROL & set("".join(capsys.readouterr()))
