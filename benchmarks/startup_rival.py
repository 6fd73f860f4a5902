"""The programs of the start-up benchmark, each run to its second step: our train.py with timers.

Spec: kind (`ours`, `weights`), records, weights (file), folder, size, width, depth. `weights`
writes the file that `ours` starts from.
"""

import time

_BEGIN = time.perf_counter()

import tensorflow  # noqa: E402, F401

_TENSORFLOW = time.perf_counter()

from lfp_tf.models.catalog import build_network  # noqa: E402
from lfp_tf.tasks.segmentation.task import Task  # noqa: E402
from lfp_tf.training.run import Run  # noqa: E402
from lfp_tf.training.trainer import Trainer  # noqa: E402

_LIBRARY = time.perf_counter()

import numpy as np  # noqa: E402

from benchmarks.rivals import serve  # noqa: E402
from lfp_tf.checkpoints.variables import variables_by_name  # noqa: E402
from lfp_tf.cli import train  # noqa: E402
from lfp_tf.data.records import read_dataset  # noqa: E402


def make(spec):
    """The facts of `serve`; it takes no commands."""
    if spec["kind"] == "weights":
        return _write_weights(spec), {}
    seconds = {}
    for owner, method in (
        (Task, "build_model"),
        (Task, "train_step"),
        (Run, "_restore_or_initialize"),
        (Trainer, "train"),
    ):
        _time(owner, method, seconds)
    status = train.main(_arguments(spec))
    if status:
        raise SystemExit(status)
    first, second = seconds["train"][:2]
    trace = sum(seconds["train_step"])
    return {
        "seconds": {
            "import tensorflow": _TENSORFLOW - _BEGIN,
            "import host and library": _LIBRARY - _TENSORFLOW,
            "build": sum(seconds["build_model"]),
            "restore": sum(seconds["_restore_or_initialize"]),
            "trace": trace,
            "first step": first - trace,
            "second step": second,
        },
        # On the system's clock, which the benchmark reads, too.
        "done_at": seconds["done at"][0],
    }, {}


def _arguments(spec):
    changes = {
        "task.model.depth": spec["depth"],
        "task.model.width": spec["width"],
        "task.train_data.crop": f"[{spec['size'][0]},{spec['size'][1]}]",
        "task.dataset": "scenes",
        "task.train_data.global_batch_size": 1,
        "trainer.train_steps": 2,
    }
    text = ",".join(f"{name}={value}" for name, value in changes.items())
    return [
        "--experiment=pspnet101_cityscapes",
        "--mode=train",
        f"--data_dir={spec['records']}",
        f"--model_dir={spec['folder']}",
        f"--init={spec['weights']}",
        f"--params_override={text}",
    ]


def _write_weights(spec):
    classes = len(read_dataset(spec["records"])["classes"])
    model = build_network("pspnet", classes=classes, depth=spec["depth"], width=spec["width"])
    arrays = {name: variable.numpy() for name, variable in variables_by_name(model).items()}
    np.savez(spec["weights"], **arrays)
    return {}


def _time(owner, name, seconds):
    """Notes how long each call of a method takes."""
    method = getattr(owner, name)

    def timed(*arguments, **named):
        begin = time.perf_counter()
        result = method(*arguments, **named)
        end = time.perf_counter()
        seconds.setdefault(name, []).append(end - begin)
        if name == "train":
            seconds.setdefault("done at", []).append(end)
        return result

    setattr(owner, name, timed)


if __name__ == "__main__":
    serve(make)
