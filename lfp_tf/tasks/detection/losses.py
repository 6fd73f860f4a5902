"""The five losses of a detector as sums and what they are divided by.

Detectron's divisors are told with each; a caller may divide by another count. Letters: B images,
R boxes (RoIs), K classes with background as 0.
"""

from typing import NamedTuple

import tensorflow as tf


class LossSum(NamedTuple):
    """A sum of losses in nats, and the count that makes it a mean.

    Attributes:
        sum: float32 scalar.
        count: float32 scalar.
    """

    sum: tf.Tensor
    count: tf.Tensor


def mean(loss: LossSum) -> tf.Tensor:
    """The sum divided by its count; 0 where nothing is counted."""
    return loss.sum / tf.maximum(loss.count, 1e-5)


def objectness_loss(logits: tf.Tensor, labels: tf.Tensor, *, batch: int | None = 256) -> LossSum:
    """Sigmoid cross-entropy of the RPN (Faster R-CNN, equation 1).

    Args:
        logits: [B, ...].
        labels: [B, ...] of the same shape: 1, 0, -1 for not counted.
        batch: anchors that an image samples; the divisor is `batch` x B, however few there were.
            None: the divisor is the anchors that count, as in tensorpack.
    """
    total = _binary_sum(logits, labels)
    if batch is None:
        return LossSum(total, tf.reduce_sum(tf.cast(labels >= 0, tf.float32)))
    images = tf.cast(tf.shape(logits)[0], tf.float32)
    return LossSum(total, batch * images)


def anchor_box_loss(
    deltas: tf.Tensor,
    targets: tf.Tensor,
    inside: tf.Tensor,
    outside: tf.Tensor,
    *,
    beta: float = 1.0 / 9.0,
) -> LossSum:
    """Smooth L1 loss of the RPN's boxes; the divisor is B.

    Args:
        deltas, targets: [B, ...].
        inside: factors of differences, 1 on positive anchors and 0 elsewhere.
        outside: factors of losses, 1 / (counted anchors of the image).
        beta: difference from which on the loss is straight.
    """
    images = tf.cast(tf.shape(deltas)[0], tf.float32)
    losses = _smooth_l1(inside * (_float(deltas) - targets), beta)
    return LossSum(tf.reduce_sum(outside * losses), images)


def class_loss(logits: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor) -> LossSum:
    """Softmax cross-entropy of sampled boxes; the divisor is their number.

    Args:
        logits: [R, K].
        labels: int32 [R].
        weights: [R], 0 where no box was sampled.
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, _float(logits))
    return LossSum(tf.reduce_sum(weights * losses), tf.reduce_sum(weights))


def box_loss(
    deltas: tf.Tensor,
    targets: tf.Tensor,
    inside: tf.Tensor,
    weights: tf.Tensor,
    *,
    beta: float = 1.0,
) -> LossSum:
    """Smooth L1 loss of sampled boxes; the divisor is their number, background included.

    Args:
        deltas, targets: [R, D].
        inside: [R, D] or [R, 1], 1 where a difference counts: objects, columns of their class.
        weights: [R], 0 where no box was sampled.
        beta: difference from which on the loss is straight.
    """
    losses = _smooth_l1(inside * (_float(deltas) - targets), beta)
    return LossSum(tf.reduce_sum(weights[:, None] * losses), tf.reduce_sum(weights))


def mask_loss(logits: tf.Tensor, targets: tf.Tensor) -> LossSum:
    """Sigmoid cross-entropy of mask pixels; the divisor is the pixels that count.

    Args:
        logits: any shape.
        targets: the same shape: 1, 0 or between, -1 for not counted.
    """
    counted = tf.reduce_sum(tf.cast(targets >= 0, tf.float32))
    return LossSum(_binary_sum(logits, targets), counted)


def _binary_sum(logits, labels):
    losses = tf.nn.sigmoid_cross_entropy_with_logits(
        labels=tf.maximum(_float(labels), 0.0), logits=_float(logits)
    )
    return tf.reduce_sum(tf.where(labels >= 0, losses, 0.0))


def _smooth_l1(difference, beta):
    size = tf.abs(difference)
    return tf.where(size < beta, 0.5 * tf.square(difference) / beta, size - 0.5 * beta)


def _float(values):
    return tf.cast(values, tf.float32)
