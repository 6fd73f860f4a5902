"""What a run shows in TensorBoard: scalars, the graph, and images with truth and prediction."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.files import atomic_path
from lfp_tf.training.base import TrainedTask


class Summaries:
    """Writers of one run; nothing is opened before something is written.

    Args:
        folder: of the run; `train/` and `validation/` inside take the event files.
        task: draws the validation images.
        model: its network.
    """

    def __init__(self, folder: str | os.PathLike, task: TrainedTask, model: tf_keras.Model):
        self.folder, self.task, self.model = pathlib.Path(folder), task, model
        self._writers = {}

    def forget_after(self, step: int) -> None:
        """Drops events of later steps, which will be done again, from the files of earlier runs."""
        for path in sorted(self.folder.glob("*/events.out.tfevents.*")):
            events = _events(path)
            kept = [event for event in events if event.step <= step]
            if len(kept) < len(events):
                with atomic_path(path) as temporary, tf.io.TFRecordWriter(str(temporary)) as writer:
                    for event in kept:
                        writer.write(event.SerializeToString())

    def train(self, step: int, logs: Mapping[str, float]) -> None:
        """Writes the scalars of a loop; with the first ones the graph."""
        writer = self._writer("train")
        with writer.as_default(step=step):
            for name, value in logs.items():
                tf.summary.scalar(name, value)

    def evaluation(self, step: int, logs: Mapping[str, float]) -> None:
        """Writes an evaluation's scalars, and the first images with truth and prediction."""
        count = self.task.params.trainer.preview_images
        with self._writer("validation").as_default(step=step):
            for name, value in logs.items():
                tf.summary.scalar(name, value)
            for number, panel in enumerate(self.task.panels(self._predict, count)):
                tf.summary.image(f"image {number}: input, truth, ours", panel[None])

    @tf.function(reduce_retracing=True)
    def _predict(self, images):
        return self.task.shown(self.model, images)

    def _writer(self, name):
        if name not in self._writers:
            self._writers[name] = tf.summary.create_file_writer(str(self.folder / name))
            if name == "train":
                self._graph(self._writers[name])
        return self._writers[name]

    def _graph(self, writer):
        predict: Any = self._predict
        concrete = predict.get_concrete_function(self.task.shown_spec())
        with writer.as_default(step=0):
            tf.summary.graph(concrete.graph)


def _events(path):
    """The events of a file up to the first that a kill cut short."""
    events = []
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            events.append(tf.compat.v1.Event.FromString(record))
    except tf.errors.DataLossError:
        pass
    return events
