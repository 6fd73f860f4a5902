"""`lfp-tf demo`: the commands a user types, one after the other, on drawn street scenes.

Each step is skipped or continued where an earlier call has done it, so it may be stopped and
started again at any moment.
"""

import argparse
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys

from lfp_tf.cli.checks import check_at_least_one
from lfp_tf.cli.output import say, show
from lfp_tf.data.records import read_record, record_index
from lfp_tf.errors import WorkFailed
from lfp_tf.files import atomic_path

HELP = "draw street scenes, train a small network on them, score, export and use it"
EXAMPLE = """
lfp-tf demo
lfp-tf demo --out tried --counts 32,8,8 --steps 20      # in a minute, to see the steps
"""
EXPERIMENT = "pspnet18_scenes"
NUM_IMAGES = 6  # of those shown at the end
_ROOT = pathlib.Path(__file__).parents[2]
_LFP_TF = [sys.executable, "-m", "lfp_tf.cli"]
_SHELL_BASE = 128  # A shell's status of a process that a signal ended, less the signal's number.


class _Stopped(Exception):
    """A signal ended the command that ran; the argument is the exit status."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `lfp-tf demo`."""
    parser.add_argument(
        "--out", default="build/demo", metavar="DIR", help="where everything goes (build/demo)"
    )
    parser.add_argument("--counts", help="images in train, val, test (800,100,100)")
    parser.add_argument("--steps", type=int, help="updates of the training (320)")


def run(arguments: argparse.Namespace) -> int:
    """Runs the commands; returns 0, or the status of a stop: 130 for Ctrl-C, 143 for SIGTERM.

    Raises:
        LfpError: --steps is below 1.
        WorkFailed: a command failed.
    """
    check_at_least_one(arguments, "steps")
    try:
        _run_commands(pathlib.Path(arguments.out), arguments.counts, arguments.steps)
    except _Stopped as stopped:
        return stopped.args[0]
    return 0


def _run_commands(out, counts, steps):
    data, run_folder, saved, predictions = (
        out / name for name in ("data", "run", "saved_model", "predictions")
    )
    network = ["--experiment", EXPERIMENT, "--checkpoint", run_folder]
    _call("lfp-tf", "data", "scenes", "--out", data, *(["--counts", counts] if counts else []))
    _call(
        *_training_program(),
        f"--experiment={EXPERIMENT}",
        "--mode=train_and_eval",
        f"--data_dir={data}",
        f"--model_dir={run_folder}",
        *([f"--params_override=trainer.train_steps={steps}"] if steps else []),
    )
    _call("lfp-tf", "evaluate", *network, "--data_dir", data, "--split", "test", "--out", out)
    if not list(saved.glob("*/saved_model.pb")):
        _call("lfp-tf", "export", *network, "--export_dir", saved)
    images = _held_out_images(data, out / "images")
    _call("lfp-tf", "predict", "--saved_model", saved, *images, "--out", predictions, "--overwrite")
    show(_summary(out, predictions))


def _training_program():
    """`python train.py` in a checkout, `lfp-tf train` where the library is installed."""
    # Both files: among installed packages a stranger's train.py may stand at that place.
    if all((_ROOT / name).is_file() for name in ("train.py", "setup.cfg")):
        return "python", os.path.relpath(_ROOT / "train.py")
    return "lfp-tf", "train"


def _call(program, *words):
    """Runs one command to its end, whatever signals come meanwhile.

    A terminal sends Ctrl-C to the command too. The command saves what it has and ends, so here the
    signal is only noted, as often as it comes. SIGTERM reaches one process and is handed on.

    Raises:
        _Stopped: a signal came, here or to the command.
        WorkFailed: the command failed.
    """
    words = [str(word) for word in words]
    say(f"$ {program} {shlex.join(words)}")
    command = [*(_LFP_TF if program == "lfp-tf" else [sys.executable]), *words]
    received, running = [], []

    def note(number, _):
        received.append(number)
        if number == signal.SIGTERM:
            for child in running:
                child.send_signal(number)

    stops = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, note) for number in stops}
    try:
        # Standard error itself, not the pipe behind it that filters TensorFlow's chatter: the
        # command's progress line asks whether it writes to a terminal.
        with subprocess.Popen(command, stdout=sys.stderr, stderr=sys.stderr) as child:
            running.append(child)
            if received:  # Before there was a command to hear it.
                child.terminate()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    status = child.returncode if child.returncode >= 0 else _SHELL_BASE - child.returncode
    if received or status in (_SHELL_BASE + number for number in stops):
        raise _Stopped(_SHELL_BASE + received[0] if received else status)
    if status:
        raise WorkFailed(f"`{program} {words[0]}` ended with {status}; see above.")


def _held_out_images(data, folder):
    """Writes the first test images as files, as a user has them."""
    index = record_index(data, "test")
    paths = []
    for number in range(min(NUM_IMAGES, len(index))):
        path = folder / f"scene_{number}.png"
        with atomic_path(path) as temporary:
            temporary.write_bytes(read_record(index, number)["image/encoded"][0])
        paths.append(path)
    return paths


def _summary(out, predictions):
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    score = 100 * metrics["scores"]["all"]["mIoU"]
    return "\n".join(
        [
            f"{EXPERIMENT} reached {score:.1f} mean IoU on {len(metrics['images'])} new scenes.",
            f"The report: {out / 'report.html'}",
            f"Segmented images: {predictions} (open {predictions / 'scene_0.overlay.png'})",
            f"The SavedModel for TF Serving: {out / 'saved_model'}",
        ]
    )
