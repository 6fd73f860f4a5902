"""The best checkpoint of a run by the experiment's metric, beside `info.json` that names it."""

import os
import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.documents import load_json
from lfp_tf.errors import LfpError, printable
from lfp_tf.files import write_json
from lfp_tf.training.saving import saving


class BestCheckpoint:
    """Keeps the weights of the best evaluation under `RUN/best/`.

    Args:
        folder: of the run.
        model: whose weights are kept.
        metric: key of the evaluation's logs.
        is_higher_better: how two values compare.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        model: tf_keras.Model,
        *,
        metric: str,
        is_higher_better: bool = True,
    ):
        self.folder = pathlib.Path(folder) / "best"
        self.metric = metric
        self.is_higher_better = is_higher_better
        self._checkpoint = tf.train.Checkpoint(model=model)

    def update(self, step: int, logs: Mapping[str, float]) -> bool:
        """Writes the weights if `logs` beat the best so far; tells whether they did."""
        if self.metric not in logs:
            raise LfpError(
                f"trainer.best_checkpoint_eval_metric is {self.metric}, but the evaluation gives "
                f"{', '.join(sorted(logs))}."
            )
        value, before = float(logs[self.metric]), best_info(self.folder.parent)
        if before and before["step"] == step and before["value"] == value:
            # A run that was stopped after its evaluation comes by again with the same weights.
            return True
        if before:
            better = value > before["value"] if self.is_higher_better else value < before["value"]
            if not better:
                return False
        step_folder = self.folder / f"step-{step}"
        shutil.rmtree(step_folder, ignore_errors=True)
        with saving(self.folder):
            self._checkpoint.write(str(step_folder / "ckpt"))
        write_json(
            self.folder / "info.json",
            {
                "step": step,
                "metric": self.metric,
                "value": value,
                "checkpoint": f"{step_folder.name}/ckpt",
            },
        )
        for other in self.folder.glob("step-*"):
            if other != step_folder:
                shutil.rmtree(other, ignore_errors=True)
        return True


def best_info(run: str | os.PathLike) -> dict[str, Any] | None:
    """Reads `best/info.json` of a run's folder; None where there is none.

    Returns:
        {"step", "metric", "value", "checkpoint"}, the last relative to `best/`.

    Raises:
        LfpError: the file does not tell them.
    """
    path = pathlib.Path(run) / "best" / "info.json"
    if not path.exists():
        return None
    try:
        info = load_json(path)
        _ = int(info["step"]), str(info["metric"]), float(info["value"])
        if not isinstance(info["checkpoint"], str):
            raise TypeError("checkpoint is no text")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LfpError(
            f"{path} does not tell the best checkpoint ({printable(repr(error))}); copy it again, "
            "or remove its folder."
        ) from None
    return info
