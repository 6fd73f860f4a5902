"""Training and scoring a classifier of images, as a task of the host's trainer."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.data.classification import augmentations
from lfp_tf.data.classification.pipeline import evaluation_batches, training_batches
from lfp_tf.data.ordering import read_batches
from lfp_tf.data.records import read_dataset, record_index
from lfp_tf.images.overlay import side_by_side
from lfp_tf.options import Shares
from lfp_tf.training.base import TrainedTask
from lfp_tf.training.objective import mean_losses

_TOP = 5


class Task(TrainedTask):
    """Pipeline, losses and scores of `config`; see `TrainedTask`."""

    def validation_metrics(self) -> list:
        """Top-1 and top-5 accuracy."""
        return [
            tf_keras.metrics.SparseCategoricalAccuracy("accuracy"),
            tf_keras.metrics.SparseTopKCategoricalAccuracy(_TOP, "top5_accuracy"),
        ]

    def loss_weights(self) -> dict[str, float]:
        """{"logits": 1}."""
        return dict.fromkeys(self.task_config.model.outputs(), 1.0)

    def counts(self, piece: dict, outputs: dict) -> dict[str, tf.Tensor]:
        """Images that have a class."""
        return {name: tf.reduce_sum(_counted(piece["labels"])) for name in outputs}

    def sums(self, piece: dict, outputs: dict) -> dict[str, tf.Tensor]:
        """Sums of cross-entropy over the images."""
        labels = piece["labels"]
        return {
            name: tf.reduce_sum(
                _counted(labels)
                * tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(labels, 0), logits)
            )
            for name, logits in outputs.items()
        }

    @tf.autograph.experimental.do_not_convert
    def validation_step(
        self, inputs: dict, model: tf_keras.Model, metrics: list | None = None
    ) -> dict[str, tf.Tensor]:
        """Scores the middle of every image."""
        outputs = model(self.preprocessed(inputs["images"]), training=False)
        labels, counted = inputs["labels"], _counted(inputs["labels"])
        for metric in metrics or []:
            metric.update_state(tf.maximum(labels, 0), outputs["logits"], sample_weight=counted)
        sums, counts = self.sums(inputs, outputs), self.counts(inputs, outputs)
        loss = mean_losses(sums, counts, weights=self.loss_weights())["loss"]
        return {self.loss: loss, "count": counts["logits"]}

    def headline(self, logs: dict) -> str:
        """Both accuracies in per cent."""
        return f"top-1 {100 * logs['accuracy']:.2f}, top-5 {100 * logs['top5_accuracy']:.2f}"

    def panels(self, predict: Callable, count: int) -> Iterator[np.ndarray]:
        """The first validation images with their class and the network's below."""
        data = self.task_config.validation_data
        names = read_dataset(data.folder)["classes"]
        batches = self.evaluation_batches(data, Shares(1)).take(count)
        for batch in read_batches(batches):
            logits = predict(self.preprocessed(batch["images"]))["logits"][0].numpy()
            image = batch["images"][0].numpy().astype(np.uint8)
            truth, guess = names[int(batch["labels"][0])], names[int(np.argmax(logits))]
            yield side_by_side([image, image], [truth, guess])

    def training_batches(self, data: Any, start_step: int, shares: Shares) -> tf.data.Dataset:
        """Augmented images for ever."""
        return training_batches(
            record_index(data.folder, data.split),
            shares=shares,
            seed=data.seed,
            augmentation=_augmentation(data.augmentation),
            size=data.crop[0],
            num_classes=self.task_config.model.classes,
            start_step=start_step,
        )

    def evaluation_batches(self, data: Any, shares: Shares) -> tf.data.Dataset:
        """The middle of every image once."""
        config = self.task_config
        return evaluation_batches(
            record_index(data.folder, data.split),
            shares=shares,
            size=config.train_data.crop[0],
            num_classes=config.model.classes,
            shortest=config.evaluation.shortest or None,
        )


def _augmentation(fields):
    """The user's own steps, or the recipe's."""
    steps = fields.steps
    return augmentations.from_steps(steps) if steps else augmentations.recipe(fields)


def _counted(labels):
    """1 for images, 0 for what fills up the last batch; float32 [b]."""
    return tf.cast(labels >= 0, tf.float32)
