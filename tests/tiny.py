"""A tiny training for tests: drawn records of 33x41 images and a PSPNet-18 an eighth as wide."""

import json
import os
import pathlib
import subprocess
import sys

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


def lfp_tf(*arguments, **more):
    """Runs `lfp-tf`."""
    return run("-m", "lfp_tf.cli", *arguments, **more)


def make_records(folder, *, train=10, val=5):
    """Draws the records."""
    done = lfp_tf(
        "data", "scenes", "--out", folder, "--counts", f"{train},{val},2",
        "--size", "33,41", "--workers", "1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def train_arguments(records, folder, *extra, **changes):
    """The words of a tiny training."""
    values = OVERRIDES | {key.replace("__", "."): value for key, value in changes.items()}
    text = ",".join(f"{key}={value}" for key, value in values.items())
    return [
        ROOT / "train.py", "--experiment=pspnet18_scenes", f"--data_dir={records}",
        f"--model_dir={folder}", f"--params_override={text}", *extra,
    ]  # fmt: skip


def train(records, folder, *extra, **changes):
    """Trains; returns the finished process."""
    return run(*train_arguments(records, folder, *extra, **changes))


def losses(folder):
    """{step: loss} of a run, exactly as written."""
    lines = (pathlib.Path(folder) / "history.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    return {entry["step"]: entry["loss"] for entry in entries if "loss" in entry}
