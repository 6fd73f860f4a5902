"""What a segmentation network minimizes: cross-entropy of its logits at the labels' size."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

from lfp_tf.ops.nearest import (
    resize_legacy_nearest,
    resize_opencv_nearest,
    resize_pil_nearest,
)
from lfp_tf.ops.shapes import height_width


def labels_for_loss(
    labels: tf.Tensor, logits: tf.Tensor, *, label_size: str, zoom_factor: int = 8
) -> tf.Tensor:
    """Labels at the size of the logits.

    Args:
        labels: [B, H, W] integer.
        logits: [B, h, w, C].
        label_size: `full` (every 8 / zoom-th label), `map` (the TF1 port's nearest rule),
            `pil_nearest` or `opencv_nearest` (both revisions of DeepLab v2).

    Returns:
        [B, h, w] integer.
    """
    if label_size == "map":
        return labels_at_map(labels, logits)
    if label_size == "pil_nearest":
        return resize_pil_nearest(labels, height_width(logits))
    if label_size == "opencv_nearest":
        return resize_opencv_nearest(labels, size=height_width(logits))
    return labels_at_zoom(labels, zoom_factor)


def loss_weights(outputs: Iterable[str], *, aux_weight: float) -> dict[str, float]:
    """{name of logits: weight of its loss}: every output counts 1, the auxiliary head less."""
    return {name: aux_weight if name == "aux_logits" else 1.0 for name in outputs}


@dataclasses.dataclass(frozen=True)
class PixelLoss:
    """What a pixel of one output costs, and what the sum over pixels is divided by.

    Attributes:
        ignore_label: label that counts nowhere.
        class_weights: one per class; sums are divided by the weights of the counted pixels, as
            `torch.nn.CrossEntropyLoss` does. Empty: all 1.
        label_smoothing: share of the truth that is spread over all classes.
        focal_gamma: exponent of (1 - p) before the cross-entropy (Lin et al. 2017, equation 4).
    """

    ignore_label: int = 255
    class_weights: tuple[float, ...] = ()
    label_smoothing: float = 0.0
    focal_gamma: float = 0.0

    def sum(self, logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Adds up the cost of the pixels whose label is not `ignore_label`.

        Args:
            logits: [B, H, W, C] float; computed in float32.
            labels: [B, H, W] integer, 0..C-1 or `ignore_label`.

        Returns:
            float32 scalar, in nats.
        """
        valid, logits = tf.not_equal(labels, self.ignore_label), tf.cast(logits, tf.float32)
        known = tf.where(valid, labels, 0)
        cost = tf.nn.sparse_softmax_cross_entropy_with_logits(known, logits)
        if self.focal_gamma:
            cost *= (-tf.math.expm1(-cost)) ** self.focal_gamma
        if self.class_weights:
            cost *= tf.gather(self._weights(), known)
        if self.label_smoothing:
            surprise = -tf.nn.log_softmax(logits)
            surprise *= self._weights() if self.class_weights else 1.0
            spread = tf.reduce_mean(surprise, axis=-1)
            cost = (1.0 - self.label_smoothing) * cost + self.label_smoothing * spread
        # where, not a product: an infinite logit of an ignored pixel must not become NaN.
        return tf.reduce_sum(tf.where(valid, cost, 0.0))

    def count(self, labels: tf.Tensor) -> tf.Tensor:
        """Counts the pixels of [B, H, W] that have a cost, or adds up their weights: float32."""
        if not self.class_weights:
            return count_valid(labels, ignore_label=self.ignore_label)
        valid = tf.not_equal(labels, self.ignore_label)
        weights = tf.gather(self._weights(), tf.where(valid, labels, 0))
        return tf.reduce_sum(tf.where(valid, weights, 0.0))

    def _weights(self):
        return tf.constant(self.class_weights, tf.float32)


def loss_sums(outputs: dict, labels: dict, loss: PixelLoss = PixelLoss()) -> dict[str, tf.Tensor]:
    """Adds up a loss by output: {name: float32 scalar}.

    Args:
        outputs: {name: logits [B, h, w, C]}.
        labels: {name: [B, h, w]} at the size of those logits.
        loss: of a pixel.
    """
    return {name: loss.sum(logits, labels[name]) for name, logits in outputs.items()}


def loss_counts(labels: dict, loss: PixelLoss = PixelLoss()) -> dict[str, tf.Tensor]:
    """Gives what these sums are divided by: {name: float32 scalar} of {name: [B, h, w]}."""
    return {name: loss.count(maps) for name, maps in labels.items()}


def true_probabilities(
    logits: tf.Tensor, labels: tf.Tensor, *, ignore_label: int = 255
) -> tf.Tensor:
    """Gives the probability of each pixel's true class, infinity where it is ignored.

    Args:
        logits: [B, H, W, C] float; computed in float32, without a gradient.
        labels: [B, H, W] integer.

    Returns:
        [B, H, W] float32.
    """
    valid = tf.not_equal(labels, ignore_label)
    cost = tf.nn.sparse_softmax_cross_entropy_with_logits(
        tf.where(valid, labels, 0), tf.cast(tf.stop_gradient(logits), tf.float32)
    )
    return tf.where(valid, tf.exp(-cost), np.inf)


def hard_limit(
    probabilities: Sequence[tf.Tensor], *, threshold: float, num_least: int
) -> tf.Tensor:
    """Gives the probability up to which pixels of the global batch are hard.

    Online hard example mining: pixels whose true class has at most this probability count, at
    least `num_least` of them (`OhemCrossEntropy2d`, PkuRainBow/OCNet.pytorch utils/loss.py; after
    Shrivastava et al. 2016). The original picks them for each GPU.

    Args:
        probabilities: of `true_probabilities`, of all pieces of this replica.
        threshold: 0..1.
        num_least: number of pixels of all replicas together.

    Returns:
        float32 scalar, at least `threshold`; infinity where fewer pixels are valid.
    """
    values = tf.concat([tf.reshape(piece, [-1]) for piece in probabilities], axis=0)
    replica = tf.distribute.get_replica_context()
    smallest = _smallest(values, num_least)
    if replica.num_replicas_in_sync > 1:
        smallest = _smallest(replica.all_gather(smallest, axis=0), num_least)
    return tf.maximum(smallest[-1], threshold)


def dice_sum(logits: tf.Tensor, labels: tf.Tensor, *, ignore_label: int = 255) -> tf.Tensor:
    """Adds up the soft Dice loss of each image (Milletari et al. 2016, section 3).

    An image's loss is 1 minus the mean over the classes in its truth of (2 sum p t + 1) /
    (sum p + sum t + 1), over its valid pixels. It is taken image by image, so that pieces and
    replicas of a batch agree.

    Args:
        logits: [B, H, W, C] float; computed in float32.
        labels: [B, H, W] integer.

    Returns:
        float32 scalar; an image without a valid pixel adds nothing.
    """
    valid = tf.not_equal(labels, ignore_label)
    mask = tf.cast(valid, tf.float32)[..., None]
    truth = tf.one_hot(tf.where(valid, labels, 0), logits.shape[-1]) * mask
    probabilities = tf.nn.softmax(tf.cast(logits, tf.float32)) * mask
    overlap, predicted, true = (
        tf.reduce_sum(values, axis=(1, 2))
        for values in (probabilities * truth, probabilities, truth)
    )
    scores = (2.0 * overlap + 1.0) / (predicted + true + 1.0)
    present = tf.cast(true > 0.0, tf.float32)
    means = tf.math.divide_no_nan(
        tf.reduce_sum(scores * present, axis=-1), tf.reduce_sum(present, axis=-1)
    )
    return tf.reduce_sum(tf.where(_has_pixels(labels, ignore_label), 1.0 - means, 0.0))


def dice_count(labels: tf.Tensor, *, ignore_label: int = 255) -> tf.Tensor:
    """Counts the images of [B, H, W] that have a valid pixel: float32."""
    return tf.reduce_sum(tf.cast(_has_pixels(labels, ignore_label), tf.float32))


def balanced_weights(pixels: Sequence[int]) -> tuple[float, ...]:
    """Gives each class the weight n / (C n_c): all classes together count alike.

    Args:
        pixels: n_c, how many pixels of each class there are; a class without any has weight 0.
    """
    total = sum(pixels)
    return tuple(total / (len(pixels) * count) if count else 0.0 for count in pixels)


def count_valid(labels: tf.Tensor, *, ignore_label: int = 255) -> tf.Tensor:
    """How many labels are not `ignore_label`, as float32 (exact below 2^24 a replica)."""
    return tf.reduce_sum(tf.cast(tf.not_equal(labels, ignore_label), tf.float32))


def labels_at_zoom(labels: tf.Tensor, zoom_factor: int) -> tf.Tensor:
    """Keeps every (8 / zoom)-th label, those that logits of that zoom stand on (semseg pspnet.py).

    Args:
        labels: [B, H, W] integer with H = W = 1 modulo 8.
        zoom_factor: 8, 4, 2 or 1; 8 keeps all.

    Returns:
        [B, (H - 1) / 8 * zoom + 1, (W - 1) / 8 * zoom + 1].
    """
    step = 8 // zoom_factor
    return labels[:, ::step, ::step]


def labels_at_map(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Labels at the size of a map by TF1's nearest rule: row i takes row floor(i H / h) (TF1 port).

    Args:
        labels: [B, H, W] integer.
        logits: [B, h, w, C].

    Returns:
        [B, h, w] integer.
    """
    return resize_legacy_nearest(labels[..., None], height_width(logits))[..., 0]


def _smallest(values, count):
    """The `count` smallest of [N], or all, in rising order."""
    return -tf.math.top_k(-values, tf.minimum(count, tf.size(values))).values


def _has_pixels(labels, ignore_label):
    return tf.reduce_any(tf.not_equal(labels, ignore_label), axis=(1, 2))
