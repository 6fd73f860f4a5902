"""The demo stops as its commands do, and goes on where it was.

The whole of it runs from a wheel in tests/test_package.py.
"""

import argparse
import os
import signal
import subprocess
import sys
import time

import pytest
import tiny

from lfp_tf.cli import demo
from lfp_tf.cli.main import main
from lfp_tf.data.datasets import scenes
from lfp_tf.recipes import experiments

# A demo whose commands are this one: it says that it runs, saves at a signal, and takes its time.
COMMAND = """
import pathlib, signal, sys, time
received = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: received.append(number))
pathlib.Path("running").touch()
while not received:
    time.sleep(0.01)
time.sleep(0.5)
pathlib.Path("saved").write_text(str(received[0]))
sys.exit(128 + received[0])
"""
DEMO = """
import sys
from lfp_tf.cli import demo, main
demo._LFP_TF = [sys.executable, "command.py"]
sys.exit(main.main())
"""


@pytest.fixture
def ours():
    """The environment of a demo outside of pytest."""
    return os.environ | {"PYTHONPATH": str(tiny.ROOT)}


def wait_for(condition, process, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_waits_for_the_command_to_save(tmp_path, ours, stop, times):
    (tmp_path / "command.py").write_text(COMMAND)
    process = subprocess.Popen(
        [sys.executable, "-c", DEMO, "demo", "--out", "out"],
        cwd=tmp_path, env=ours, start_new_session=True, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for((tmp_path / "running").exists, process)
    for _ in range(times):
        # Ctrl-C goes to all processes of a terminal, SIGTERM to the one that it was sent to.
        (os.killpg if stop == signal.SIGINT else os.kill)(process.pid, stop)
        time.sleep(0.1)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 128 + stop
    assert (tmp_path / "saved").read_text() == str(int(stop))
    assert error == "$ lfp-tf data scenes --out out/data\n"


@pytest.mark.parametrize(
    ("code", "status"),
    [("sys.exit(3)", 1), ("sys.exit(130)", 130), ("os.kill(os.getpid(), signal.SIGTERM)", 143)],
)
def test_a_command_that_fails_or_is_stopped_ends_the_demo(
    tmp_path, capfd, monkeypatch, code, status
):
    command = [sys.executable, "-c", f"import os, signal, sys; {code}"]
    monkeypatch.setattr(demo, "_LFP_TF", command)
    assert main(["demo", "--out", str(tmp_path)]) == status
    said = capfd.readouterr().err.splitlines()[1:]
    assert said == (["`lfp-tf data` ended with 3; see above."] if status == 1 else [])


def test_help_tells_the_recipes_steps_and_the_data_sets_counts():
    parser = argparse.ArgumentParser()
    demo.add_arguments(parser)
    helps = {action.dest: action.help for action in parser._actions}
    assert str(experiments.read(demo.EXPERIMENT).config["trainer"]["train_steps"]) in helps["steps"]
    assert ",".join(map(str, scenes.COUNTS)) in helps["counts"]


def test_no_steps_are_refused(capsys):
    assert main(["demo", "--steps", "0"]) == 2
    assert capsys.readouterr().err == "--steps must be at least 1, not 0.\n"


def test_training_is_called_as_a_user_of_this_place_would(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program, script = demo._training_program()
    assert program == "python" and os.path.samefile(script, tiny.ROOT / "train.py")
    monkeypatch.setattr(demo, "_ROOT", tmp_path)
    (tmp_path / "train.py").touch()  # A stranger's, among installed packages.
    assert demo._training_program() == ("lfp-tf", "train")


@pytest.mark.slow  # Two starts of a training.
def test_ctrl_c_in_the_training_loses_no_step(tmp_path, ours):
    words = ["demo", "--out", "out", "--counts", "32,8,8", "--steps", "200"]
    command = [sys.executable, "-m", "lfp_tf.cli", *words]
    run = tmp_path / "out" / "run"
    history = run / "history.jsonl"

    def started():
        return subprocess.Popen(
            command, cwd=tmp_path, env=ours, start_new_session=True, stderr=subprocess.PIPE, text=True
        )  # fmt: skip

    process = started()
    wait_for(lambda: history.exists() and max(tiny.losses(run), default=0) >= 3, process)
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)  # While it saves.
    _, error = process.communicate(timeout=60)
    step = max(tiny.losses(run))
    assert process.returncode == 130
    assert error.endswith(f"Stopped at step {step}; the same command goes on from there.\n")
    assert (run / f"ckpt-{step}.index").is_file()

    process = started()
    wait_for(lambda: max(tiny.losses(run)) > step, process)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"going on from step {step} of 200\n" in error
