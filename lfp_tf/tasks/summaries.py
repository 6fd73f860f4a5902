"""What a run shows in TensorBoard: scalars, the graph, and pictures with truth and prediction."""

import pathlib

import numpy as np
import tensorflow as tf

from lfp_tf.data.pipelines.segmentation import evaluation_batches
from lfp_tf.data.records import read_dataset, record_index
from lfp_tf.ops.preprocessing import preprocess, preprocessing
from lfp_tf.pictures.palette import colorize


class Summaries:
    """Writers of one run; nothing is opened before something is written.

    Args:
        folder: of the run; `train/` and `validation/` inside take the event files.
        task: `SegmentationTask`.
        model: its network.
    """

    def __init__(self, folder, task, model):
        self.folder, self.task, self.model = pathlib.Path(folder), task, model
        self._writers = {}

    def train(self, step, logs):
        """Scalars of a loop; with the first ones the graph."""
        writer = self._writer("train")
        with writer.as_default(step=step):
            for name, value in logs.items():
                tf.summary.scalar(name, value)

    def evaluation(self, step, logs):
        """Scalars of an evaluation, and the first validation pictures beside truth and ours."""
        with self._writer("validation").as_default(step=step):
            for name, value in logs.items():
                tf.summary.scalar(name, value)
            for number, panel in enumerate(self._panels()):
                tf.summary.image(f"picture {number}: input, truth, ours", panel[None])

    def _panels(self):
        params = self.task.params
        data, config = params.task.validation_data, params.task
        colors = np.asarray(read_dataset(data.folder)["colors"], np.uint8)
        batches = evaluation_batches(
            record_index(data.folder, data.split),
            global_batch_size=1,
            mean=preprocessing(config.model.preprocess).mean,
            same_size=False,
            ignore_label=config.losses.ignore_label,
            warp=tuple(config.evaluation.warp) or None,
        )
        for batch in batches.take(params.trainer.preview_pictures):
            outputs = self._predict(preprocess(batch["images"], config.model.preprocess))
            labels = np.argmax(outputs["logits"][0].numpy(), -1)
            picture = batch["images"][0].numpy().astype(np.uint8)
            truth = batch["labels"][0].numpy()
            yield np.concatenate(
                [picture, colorize(truth, colors), _as_large(colorize(labels, colors), picture)], 1
            )

    @tf.function(reduce_retracing=True)
    def _predict(self, images):
        return self.model(images, training=False)

    def _writer(self, name):
        if name not in self._writers:
            self._writers[name] = tf.summary.create_file_writer(str(self.folder / name))
            if name == "train":
                self._graph(self._writers[name])
        return self._writers[name]

    def _graph(self, writer):
        size = (*self.task.params.task.train_data.crop, 3)
        concrete = self._predict.get_concrete_function(tf.TensorSpec((1, *size)))
        with writer.as_default(step=0):
            tf.summary.graph(concrete.graph)


def _as_large(picture, other):
    """Repeats pixels up to the size of `other`, for logits below zoom 8."""
    rows = np.arange(other.shape[0]) * picture.shape[0] // other.shape[0]
    columns = np.arange(other.shape[1]) * picture.shape[1] // other.shape[1]
    return picture[rows][:, columns]
