"""`make demo`: the commands a user types, one after the other, on drawn street scenes.

Each step is skipped or continued where an earlier call has done it, so it may be stopped and
started again at any moment.
"""

import argparse
import json
import pathlib
import shlex
import subprocess
import sys

from lfp_tf.data.records import read_record, record_index
from lfp_tf.errors import WorkFailed
from lfp_tf.files import atomic_path

EXPERIMENT = "pspnet18_scenes"
COUNTS = "800,100,100"
SHOWN = 6
_ROOT = pathlib.Path(__file__).parents[2]
_LFP_TF = [sys.executable, "-m", "lfp_tf.cli"]


def main(arguments=None):
    """Runs the demo into `--out`; returns the exit status."""
    from lfp_tf.cli.main import guarded

    return guarded(_demo, arguments)


def _demo(arguments):
    parser = argparse.ArgumentParser(description="The library's commands on drawn scenes.")
    parser.add_argument("--out", default="build/demo", help="where everything goes")
    out = pathlib.Path(parser.parse_args(arguments).out)
    data, run, saved = out / "data", out / "run", out / "saved_model"
    network = ["--experiment", EXPERIMENT, "--checkpoint", run]
    _call("lfp-tf", "data", "scenes", "--out", data, "--counts", COUNTS)
    _call(
        "python",
        _ROOT / "train.py",
        f"--experiment={EXPERIMENT}",
        "--mode=train_and_eval",
        f"--data_dir={data}",
        f"--model_dir={run}",
    )
    _call("lfp-tf", "evaluate", *network, "--data_dir", data, "--split", "test", "--out", out)
    if not list(saved.glob("*/saved_model.pb")):
        _call("lfp-tf", "export", *network, "--export_dir", saved)
    pictures = _held_out_pictures(data, out / "pictures")
    shown = out / "predictions"
    _call("lfp-tf", "predict", "--saved_model", saved, *pictures, "--out", shown, "--overwrite")
    print(_summary(out, shown))
    return 0


def _call(program, *words):
    words = [str(word) for word in words]
    print("$", program, shlex.join(words), file=sys.stderr, flush=True)
    command = _LFP_TF if program == "lfp-tf" else [sys.executable]
    done = subprocess.run([*command, *words], stdout=sys.stderr)
    if done.returncode in (130, 143):
        raise KeyboardInterrupt
    if done.returncode:
        raise WorkFailed(f"`{program} {words[0]}` ended with {done.returncode}; see above.")


def _held_out_pictures(data, folder):
    """Writes the first test pictures as files, as a user has them."""
    index = record_index(data, "test")
    paths = []
    for number in range(min(SHOWN, len(index))):
        path = folder / f"scene_{number}.png"
        with atomic_path(path) as temporary:
            temporary.write_bytes(read_record(index, number)["image/encoded"][0])
        paths.append(path)
    return paths


def _summary(out, shown):
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    score = 100 * metrics["scores"]["all"]["mIoU"]
    return "\n".join(
        [
            f"{EXPERIMENT} reached {score:.1f} mean IoU on {len(metrics['pictures'])} new scenes.",
            f"The report: {out / 'report.html'}",
            f"Segmented pictures: {shown} (open {shown / 'scene_0.overlay.png'})",
            f"The SavedModel for TF Serving: {out / 'saved_model'}",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
