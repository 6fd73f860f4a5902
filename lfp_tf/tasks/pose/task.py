"""Training and scoring an hourglass for the joints of people, as a task of the host's trainer."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.data.ordering import read_batches
from lfp_tf.data.pose import augmentations
from lfp_tf.data.pose.pipeline import codec_of, evaluation_batches, training_batches
from lfp_tf.data.records import read_dataset, record_index
from lfp_tf.images.skeleton import JOINTS, draw_skeletons, flip_order
from lfp_tf.ops.heatmaps import flip_average, peaks
from lfp_tf.options import Shares
from lfp_tf.tasks.pose.metrics import MPII_COUNTED
from lfp_tf.tasks.pose.training_metrics import MapAccuracy
from lfp_tf.training.base import TrainedTask
from lfp_tf.training.objective import mean_losses


class Task(TrainedTask):
    """Pipeline, losses and scores of `config`; see `TrainedTask`.

    The loss of a stack is the mean squared error over all elements of its maps.
    """

    def validation_metrics(self) -> list:
        """PCK on the heat maps, as the original's training prints it."""
        joints = self._joints()
        counted = MPII_COUNTED if joints == JOINTS["mpii"] else range(len(joints))
        return [MapAccuracy(joints=len(joints), counted=counted)]

    def loss_weights(self) -> dict[str, float]:
        """{heat maps of a stack: 1}."""
        return dict.fromkeys(self.task_config.model.outputs(), 1.0)

    def counts(self, piece: dict, outputs: dict) -> dict[str, tf.Tensor]:
        """Elements of each stack's maps; what fills up a batch of validation does not count."""
        elements = tf.cast(tf.reduce_prod(tf.shape(piece["heatmaps"])[1:]), tf.float32)
        return {name: tf.reduce_sum(_counted(piece)) * elements for name in outputs}

    def sums(self, piece: dict, outputs: dict) -> dict[str, tf.Tensor]:
        """Sums of squared differences to the targets."""
        targets, counted = piece["heatmaps"], _counted(piece)[:, None, None, None]
        return {
            name: tf.reduce_sum(counted * tf.square(tf.cast(maps, tf.float32) - targets))
            for name, maps in outputs.items()
        }

    def scored(self, batch: dict) -> dict:
        """The crops of scale 1, their maps, and who counts."""
        return {
            "images": batch["images"][:, 0],
            "heatmaps": batch["heatmaps"],
            "counted": tf.cast(batch["sources"] != "", tf.float32),
        }

    @tf.autograph.experimental.do_not_convert
    def validation_step(
        self, inputs: dict, model: tf_keras.Model, metrics: list | None = None
    ) -> dict[str, tf.Tensor]:
        """Scores the last stack's maps, averaged with the mirror image's as evaluation does."""
        images = self.preprocessed(inputs["images"])
        outputs = model(images, training=False)
        outputs = {name: outputs[name] for name in self.loss_weights()}
        last = list(outputs)[-1]
        maps = outputs[last]
        if self.task_config.evaluation.flip:
            mirrored = model(images[:, :, ::-1], training=False)[last]
            maps = flip_average(maps, mirrored, flip_order=flip_order(self._joints()))
        for metric in metrics or []:
            metric.update_state(inputs["heatmaps"], maps)
        sums, counts = self.sums(inputs, outputs), self.counts(inputs, outputs)
        loss = mean_losses(sums, counts, weights=self.loss_weights())["loss"]
        # All stacks count the same people.
        return {self.loss: loss, "count": next(iter(counts.values()))}

    def headline(self, logs: dict) -> str:
        """PCK on the heat maps, in per cent."""
        return f"PCK on the heat maps {100 * logs['map_accuracy']:.2f}"

    def panels(self, predict: Callable, count: int) -> Iterator[np.ndarray]:
        """The first people of validation: their crop with the truth's peaks, and with ours."""
        data, joints = self.task_config.validation_data, self._joints()
        batches = self.evaluation_batches(data, Shares(1)).take(count)
        for batch in read_batches(batches):
            crop = batch["images"][:, 0]
            maps = list(predict(self.preprocessed(crop)).values())[-1]
            image = crop[0].numpy().astype(np.uint8)
            stride = image.shape[0] / maps.shape[1]
            shown = []
            for heatmaps in (batch["heatmaps"], maps):
                points = peaks(heatmaps)[0].numpy()
                points[:, :2] = (points[:, :2] - 0.5) * stride
                shown.append(draw_skeletons(image, [points], joints))
            yield np.concatenate(shown, 1)

    def _codec(self, resolution):
        return codec_of(resolution, legacy_border=self.task_config.losses.legacy_border)

    def _joints(self):
        return tuple(read_dataset(self.task_config.train_data.folder)["classes"])

    def training_batches(self, data: Any, start_step: int, shares: Shares) -> tf.data.Dataset:
        """Augmented people for ever."""
        return training_batches(
            record_index(data.folder, data.split),
            shares=shares,
            seed=data.seed,
            augmentation=_augmentation(data.augmentation),
            codec=self._codec(data.crop[0]),
            flip_order=flip_order(self._joints()),
            start_step=start_step,
        )

    def evaluation_batches(self, data: Any, shares: Shares) -> tf.data.Dataset:
        """Every person once."""
        config = self.task_config
        return evaluation_batches(
            record_index(data.folder, data.split),
            shares=shares,
            codec=self._codec(config.train_data.crop[0]),
            num_joints=config.model.classes,
        )


def _augmentation(fields):
    """The user's own steps, or the recipe's."""
    steps = fields.steps
    return augmentations.from_steps(steps) if steps else augmentations.recipe(fields)


def _counted(piece):
    """1 for people, 0 for what fills up the last batch of validation; float32 [b]."""
    return piece.get("counted", tf.ones(tf.shape(piece["heatmaps"])[:1]))
