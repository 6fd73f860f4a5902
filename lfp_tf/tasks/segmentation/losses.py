"""What a segmentation network minimizes: cross-entropy of its logits at the labels' size."""

from collections.abc import Iterable

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


def loss_sums(outputs: dict, labels: dict, *, ignore_label: int = 255) -> dict[str, tf.Tensor]:
    """Sum of cross-entropy over the valid pixels, by output.

    Args:
        outputs: {name: logits [B, h, w, C]}.
        labels: {name: [B, h, w]} at the size of those logits.

    Returns:
        {name: float32 scalar}.
    """
    return {
        name: cross_entropy_sum(logits, labels[name], ignore_label=ignore_label)
        for name, logits in outputs.items()
    }


def valid_counts(labels: dict, *, ignore_label: int = 255) -> dict[str, tf.Tensor]:
    """{name: how many labels count} as float32 scalars."""
    return {name: count_valid(maps, ignore_label=ignore_label) for name, maps in labels.items()}


def cross_entropy_sum(
    logits: tf.Tensor, labels: tf.Tensor, *, ignore_label: int = 255
) -> tf.Tensor:
    """Sums softmax cross-entropy over the pixels whose label is not `ignore_label`.

    Args:
        logits: [B, H, W, C] float; computed in float32.
        labels: [B, H, W] integer, 0..C-1 or `ignore_label`.

    Returns:
        float32 scalar, in nats.
    """
    valid = tf.not_equal(labels, ignore_label)
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
        tf.where(valid, labels, 0), tf.cast(logits, tf.float32)
    )
    # where, not a product: an infinite logit of an ignored pixel must not become NaN.
    return tf.reduce_sum(tf.where(valid, entropy, 0.0))


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
