"""Training and scoring a classifier of pictures, as a task of the host's trainer."""

import dataclasses

import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.data.pipelines.classification import evaluation_batches, training_batches
from lfp_tf.data.records import read_dataset, record_index
from lfp_tf.data.transforms_classification import ClassificationAugmentation
from lfp_tf.pictures.overlay import side_by_side
from lfp_tf.tasks.base import TrainedTask, without_sources
from lfp_tf.tasks.objective import mean_losses

_TOP = 5


class ClassificationTask(TrainedTask):
    """Pipeline, losses and scores of `tasks.classification_config`; see `TrainedTask`."""

    def __init__(self, params, *, start_step=0, logging_dir=None):
        super().__init__(
            params, start_step=start_step, logging_dir=logging_dir, name="classification"
        )

    def build_inputs(self, params, input_context=None):
        """Batches of one replica's size from the records of `params.split`."""
        hosts = self.hosts(input_context)
        if params.is_training:
            return self._training_batches(params, self.start_step, **hosts).map(without_sources)
        batch = params.global_batch_size
        return self._evaluation_batches(params, batch, **hosts).map(without_sources)

    def validation_metrics(self):
        """Top-1 and top-5 accuracy."""
        return [
            tf_keras.metrics.SparseCategoricalAccuracy("accuracy"),
            tf_keras.metrics.SparseTopKCategoricalAccuracy(_TOP, "top5_accuracy"),
        ]

    def loss_weights(self):
        """{"logits": 1}."""
        return dict.fromkeys(self.task_config.model.outputs(), 1.0)

    def counts(self, piece, outputs):
        """Pictures that have a class."""
        return {name: tf.reduce_sum(_counted(piece["labels"])) for name in outputs}

    def sums(self, piece, outputs):
        """Sums of cross-entropy over the pictures."""
        labels = piece["labels"]
        return {
            name: tf.reduce_sum(
                _counted(labels)
                * tf.nn.sparse_softmax_cross_entropy_with_logits(tf.maximum(labels, 0), logits)
            )
            for name, logits in outputs.items()
        }

    def validation_step(self, inputs, model, metrics=None):
        """Scores the middle of every picture."""
        outputs = model(self.preprocessed(inputs["images"]), training=False)
        labels, counted = inputs["labels"], _counted(inputs["labels"])
        for metric in metrics or []:
            metric.update_state(tf.maximum(labels, 0), outputs["logits"], sample_weight=counted)
        sums, counts = self.sums(inputs, outputs), self.counts(inputs, outputs)
        return {self.loss: mean_losses(sums, counts, weights=self.loss_weights())["loss"]}

    def sources(self, begin, end):
        """File names of the training samples of the steps after `begin` up to `end`."""
        batches = self._training_batches(self.task_config.train_data, begin)
        found = batches.take(end - begin)
        return [name.decode() for batch in found for name in batch["sources"].numpy()]

    def headline(self, logs):
        """Both accuracies in per cent."""
        return f"top-1 {100 * logs['accuracy']:.2f}, top-5 {100 * logs['top5_accuracy']:.2f}"

    def panels(self, predict, count):
        """The first validation pictures with their class and the network's below."""
        data = self.task_config.validation_data
        names = read_dataset(data.folder)["classes"]
        for batch in self._evaluation_batches(data, 1).take(count):
            logits = predict(self.preprocessed(batch["images"]))["logits"][0].numpy()
            picture = batch["images"][0].numpy().astype(np.uint8)
            truth, guess = names[int(batch["labels"][0])], names[int(np.argmax(logits))]
            yield side_by_side([picture, picture], [truth, guess])

    def _training_batches(self, data, start_step, **hosts):
        return training_batches(
            record_index(data.folder, data.split),
            size=data.crop[0],
            global_batch_size=data.global_batch_size,
            seed=data.seed,
            augmentation=_augmentation(data.augmentation),
            num_classes=self.task_config.model.classes,
            start_step=start_step,
            **hosts,
        )

    def _evaluation_batches(self, data, batch, **hosts):
        config = self.task_config
        return evaluation_batches(
            record_index(data.folder, data.split),
            size=config.train_data.crop[0],
            global_batch_size=batch,
            num_classes=config.model.classes,
            shortest=config.evaluation.shortest or None,
            **hosts,
        )


def _counted(labels):
    """1 for pictures, 0 for what fills up the last batch; float32 [b]."""
    return tf.cast(labels >= 0, tf.float32)


def _augmentation(config):
    """The pipeline's augmentation of an experiment's fields; None for the middle alone."""
    if not config.enabled:
        return None
    names = [field.name for field in dataclasses.fields(ClassificationAugmentation)]
    return ClassificationAugmentation(**{name: getattr(config, name) for name in names})
