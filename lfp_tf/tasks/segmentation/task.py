"""Training and scoring a segmentation network, as a task of the host's trainer."""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.data.ordering import read_batches
from lfp_tf.data.records import read_dataset, record_index
from lfp_tf.data.segmentation import augmentations
from lfp_tf.data.segmentation.augmentations import LABEL_RESIZES, Canvas, Warp
from lfp_tf.data.segmentation.pipeline import evaluation_batches, training_batches
from lfp_tf.errors import LfpError
from lfp_tf.images.palette import colorize
from lfp_tf.ops.preprocessing import preprocessing
from lfp_tf.ops.resize import LIKE
from lfp_tf.options import Shares
from lfp_tf.tasks.segmentation.losses import (
    PixelLoss,
    balanced_weights,
    dice_count,
    dice_sum,
    hard_limit,
    labels_for_loss,
    loss_counts,
    loss_sums,
    loss_weights,
    true_probabilities,
)
from lfp_tf.tasks.segmentation.training_metrics import MeanIoU
from lfp_tf.training.base import TrainedTask
from lfp_tf.training.objective import mean_losses


class Task(TrainedTask):
    """Pipeline, losses and scores of `config`; see `TrainedTask`."""

    def validation_metrics(self) -> list:
        """The mean IoU."""
        config = self.task_config
        return [
            MeanIoU(
                num_classes=config.model.classes,
                ignore_label=config.losses.ignore_label,
                definition=config.evaluation.mean_iou,
                ignore_truth=config.evaluation.ignore_truth,
            )
        ]

    def loss_weights(self) -> dict[str, float]:
        """{name of logits: weight of its loss}, in the order of the network's outputs; `dice`."""
        losses = self.task_config.losses
        weights = loss_weights(self.task_config.model.outputs(), aux_weight=losses.aux_weight)
        return weights | ({"dice": losses.dice_weight} if losses.dice_weight else {})

    def counts(self, piece: dict, outputs: dict) -> dict[str, tf.Tensor]:
        """Valid pixels at the size of each output's logits, and images for `dice`."""
        labels = self._labels(piece["labels"], outputs)
        counts = loss_counts(self._counted(piece, labels), self.pixel_loss)
        if self.task_config.losses.dice_weight:
            ignore_label = self.pixel_loss.ignore_label
            counts["dice"] = dice_count(labels["logits"], ignore_label=ignore_label)
        return counts

    def sums(self, piece: dict, outputs: dict) -> dict[str, tf.Tensor]:
        """Sums of the pixels' losses over the valid pixels, and of `dice` over images."""
        labels = self._labels(piece["labels"], outputs)
        sums = loss_sums(outputs, self._counted(piece, labels), self.pixel_loss)
        if self.task_config.losses.dice_weight:
            ignore_label = self.pixel_loss.ignore_label
            sums["dice"] = dice_sum(outputs["logits"], labels["logits"], ignore_label=ignore_label)
        return sums

    def looks_ahead(self) -> bool:
        """Only hard pixels count, and which these are, the global batch decides."""
        return self.task_config.losses.ohem_threshold > 0

    def preview(self, piece: dict, outputs: dict) -> dict[str, tf.Tensor]:
        """{name of logits: probability of the true class, [b, h, w]}."""
        labels, ignore_label = self._labels(piece["labels"], outputs), self.pixel_loss.ignore_label
        return {
            name: true_probabilities(logits, labels[name], ignore_label=ignore_label)
            for name, logits in outputs.items()
        }

    def informed(self, pieces: Sequence[dict], previews: Sequence[dict]) -> list[dict]:
        """Adds which pixels are hard, {"hard": {name of logits: bool [b, h, w]}}."""
        losses = self.task_config.losses
        limits = {
            name: hard_limit(
                [preview[name] for preview in previews],
                threshold=losses.ohem_threshold,
                num_least=losses.ohem_least,
            )
            for name in previews[0]
        }
        return [
            piece | {"hard": {name: preview[name] <= limits[name] for name in preview}}
            for piece, preview in zip(pieces, previews, strict=True)
        ]

    @functools.cached_property
    def pixel_loss(self) -> PixelLoss:
        """What a pixel costs; balanced weights are those of the training split's labels."""
        losses, data = self.task_config.losses, self.task_config.train_data
        weights = losses.class_weights
        if weights == "balanced":
            split = read_dataset(data.folder)["splits"][data.split]
            if split["label_pixels"] is None:
                raise LfpError(
                    "task.losses.class_weights=balanced needs the label statistics of "
                    f"{data.folder}, which tells none; give the weights as a list."
                )
            weights = balanced_weights(split["label_pixels"])
        return PixelLoss(
            losses.ignore_label, tuple(weights), losses.label_smoothing, losses.focal_gamma
        )

    @tf.autograph.experimental.do_not_convert
    def validation_step(
        self, inputs: dict, model: tf_keras.Model, metrics: list | None = None
    ) -> dict[str, tf.Tensor]:
        """Counts classes of whole images; the loss is a mean over the batch's valid pixels."""
        config = self.task_config
        outputs = model(self.preprocessed(inputs["images"]), training=False)
        # Scores count every pixel of the image, whatever size the loss works at.
        resize = LIKE[config.evaluation.logits_resize]
        logits = {"logits": resize(outputs["logits"], inputs["labels"])}
        labels = {"logits": inputs["labels"]}
        for metric in metrics or []:
            metric.update_state(inputs["labels"], tf.argmax(logits["logits"], -1, tf.int32))
        sums, counts = (
            loss_sums(logits, labels, self.pixel_loss),
            loss_counts(labels, self.pixel_loss),
        )
        loss = mean_losses(sums, counts, weights={"logits": 1.0})["loss"]
        return {self.loss: loss, "count": counts["logits"]}

    def headline(self, logs: dict) -> str:
        """The mean IoU in per cent."""
        return f"mean IoU {100 * logs['mean_iou']:.2f}"

    def panels(self, predict: Callable, count: int) -> Iterator[np.ndarray]:
        """The first validation images, each beside its truth and what the network sees."""
        config = self.task_config
        data = config.validation_data
        colors = np.asarray(read_dataset(data.folder)["colors"], np.uint8)
        batches = self.evaluation_batches(data, Shares(1), same_size=False).take(count)
        for batch in read_batches(batches):
            outputs = predict(self.preprocessed(batch["images"]))
            labels = np.argmax(outputs["logits"][0].numpy(), -1)
            image = batch["images"][0].numpy().astype(np.uint8)
            truth = batch["labels"][0].numpy()
            prediction = _as_large(colorize(labels, colors), image)
            yield np.concatenate([image, colorize(truth, colors), prediction], 1)

    def training_batches(self, data: Any, start_step: int, shares: Shares) -> tf.data.Dataset:
        """Augmented crops for ever."""
        config = self.task_config
        return training_batches(
            record_index(data.folder, data.split),
            shares=shares,
            seed=data.seed,
            augmentation=_augmentation(data.augmentation),
            canvas=Canvas(
                tuple(data.crop),
                preprocessing(config.model.preprocess).mean,
                config.losses.ignore_label,
            ),
            num_classes=config.model.classes,
            warp=_training_warp(config),
            start_step=start_step,
        )

    def evaluation_batches(
        self, data: Any, shares: Shares, *, same_size: bool | None = None
    ) -> tf.data.Dataset:
        """`same_size` None: as the records say."""
        config = self.task_config
        size = config.evaluation.warp
        if same_size is None:
            same_size = read_dataset(data.folder)["splits"][data.split]["same_size"]
        return evaluation_batches(
            record_index(data.folder, data.split),
            shares=shares,
            mean=preprocessing(config.model.preprocess).mean,
            same_size=bool(same_size),
            warp=Warp(tuple(size), config.evaluation.warp_labels) if size else None,
            ignore_label=config.losses.ignore_label,
        )

    def _counted(self, piece, labels):
        """The labels of each output, the easy pixels ignored where only hard ones count."""
        if "hard" not in piece:
            return labels
        ignore_label = self.pixel_loss.ignore_label
        return {
            name: tf.where(piece["hard"][name], maps, ignore_label) for name, maps in labels.items()
        }

    def _labels(self, labels, outputs):
        """{name: labels at the size of those logits}; equal sizes are computed once."""
        config, labels_of, by_size = self.task_config, {}, {}
        for name, logits in outputs.items():
            size = tuple(logits.shape[1:3])
            if None in size or size not in by_size:
                by_size[size] = labels_for_loss(
                    labels,
                    logits,
                    label_size=config.losses.label_size,
                    zoom_factor=getattr(config.model, "zoom_factor", 8),
                )
            labels_of[name] = by_size[size]
        return labels_of


def _augmentation(fields):
    """The user's own steps, or the recipe's."""
    if fields.steps:
        return augmentations.from_steps(fields.steps)
    return augmentations.recipe(fields.recipe, fields=fields)


def _training_warp(config):
    """Labels are squashed with their images by the loss' own nearest rule."""
    size, rule = config.train_data.warp, config.losses.label_size
    if not size:
        return None
    return Warp(tuple(size), rule) if rule in LABEL_RESIZES else Warp(tuple(size))


def _as_large(image, other):
    """Repeats pixels up to the size of `other`, for logits below zoom 8."""
    rows = np.arange(other.shape[0]) * image.shape[0] // other.shape[0]
    columns = np.arange(other.shape[1]) * image.shape[1] // other.shape[1]
    return image[rows][:, columns]
