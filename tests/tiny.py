"""A tiny training for tests: drawn records of 33x41 images and a PSPNet-18 an eighth as wide."""

import contextlib
import io
import json
import os
import pathlib
import subprocess
import sys

import numpy as np

ROOT = pathlib.Path(__file__).parents[1]
OVERRIDES = {
    "task.model.width": 0.125,
    "task.train_data.crop": "[33,41]",
    "task.train_data.global_batch_size": 4,
    "task.validation_data.global_batch_size": 2,
    "trainer.train_steps": 6,
    "trainer.validation_interval": 6,
    "trainer.checkpoint_interval": 2,
    "trainer.summary_interval": 2,
    "runtime.mixed_precision_dtype": "float32",
}


def run(*arguments, cwd=ROOT, timeout=300, **environment):
    """Runs a Python program of the project; returns the finished process."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def command(*words, cwd="."):
    """Runs `lfp-tf` in this process, where TensorFlow is up already; the result is as of `run`.

    Not for what needs a process of its own: signals, the environment, several replicas.
    """
    from lfp_tf.cli.main import main

    output, error = io.StringIO(), io.StringIO()
    captured = contextlib.redirect_stdout(output), contextlib.redirect_stderr(error)
    with captured[0], captured[1], contextlib.chdir(cwd):
        status = main([str(word) for word in words])
    return subprocess.CompletedProcess(words, status, output.getvalue(), error.getvalue())


def make_records(folder, *, train=10, val=5):
    """Draws the records."""
    done = command(
        "data", "scenes", "--out", folder, "--counts", f"{train},{val},2",
        "--size", "33,41", "--workers", "1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def train_arguments(records, folder, *extra, **changes):
    """The words of a tiny training, for `run`; without the first, for `command("train", ...)`."""
    values = OVERRIDES | {key.replace("__", "."): value for key, value in changes.items()}
    text = ",".join(f"{key}={value}" for key, value in values.items())
    return [
        ROOT / "train.py", "--experiment=pspnet18_scenes", f"--data_dir={records}",
        f"--model_dir={folder}", f"--params_override={text}", *extra,
    ]  # fmt: skip


def train(records, folder, *extra, **changes):
    """Trains in this process; the result is as of `run`."""
    return command("train", *train_arguments(records, folder, *extra, **changes)[1:])


def losses(folder):
    """{step: loss} of a run, exactly as written."""
    lines = (pathlib.Path(folder) / "history.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    return {entry["step"]: entry["loss"] for entry in entries if "loss" in entry}


def assert_close(first, second, relative):
    """Compares `losses` of two runs, step by step."""
    assert first.keys() == second.keys()
    np.testing.assert_allclose(
        list(first.values()), [second[step] for step in first], rtol=relative, atol=0
    )
