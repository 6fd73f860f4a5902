"""Cross-entropy of dense labels with ignored pixels, and labels for smaller maps of logits."""

import tensorflow as tf

from lfp_tf.ops.nearest import resize_legacy_nearest
from lfp_tf.ops.shapes import height_width


def cross_entropy_sum(logits, labels, *, ignore_label=255):
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


def count_valid(labels, *, ignore_label=255):
    """How many labels are not `ignore_label`, as float32 (exact below 2^24 a replica)."""
    return tf.reduce_sum(tf.cast(tf.not_equal(labels, ignore_label), tf.float32))


def labels_at_zoom(labels, zoom_factor):
    """Keeps every (8 / zoom)-th label, those that logits of that zoom stand on (semseg pspnet.py).

    Args:
        labels: [B, H, W] integer with H = W = 1 modulo 8.
        zoom_factor: 8, 4, 2 or 1; 8 keeps all.

    Returns:
        [B, (H - 1) / 8 * zoom + 1, (W - 1) / 8 * zoom + 1].
    """
    step = 8 // zoom_factor
    return labels[:, ::step, ::step]


def labels_at_map(labels, logits):
    """Labels at the size of a map by TF1's nearest rule: row i takes row floor(i H / h) (TF1 port).

    Args:
        labels: [B, H, W] integer.
        logits: [B, h, w, C].

    Returns:
        [B, h, w] integer.
    """
    return resize_legacy_nearest(labels[..., None], height_width(logits))[..., 0]
