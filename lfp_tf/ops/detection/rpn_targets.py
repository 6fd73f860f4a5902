"""What the RPN learns: which anchors are objects, and the way from an anchor to its object.

Letters: N anchors, G objects.
"""

import dataclasses
from typing import NamedTuple

import tensorflow as tf

from lfp_tf.ops.detection.boxes import encode, overlaps
from lfp_tf.ops.detection.choices import choose

# Numbers of the two choices among the draws of a sample's key.
_POSITIVES, _NEGATIVES = 7001, 7002


@dataclasses.dataclass(frozen=True)
class RpnSampling:
    """Which anchors are learnt from; Detectron's values.

    Attributes:
        batch: anchors an image.
        foreground: the largest share of them that are objects.
        positive: an anchor of this overlap or more is an object.
        negative: an anchor of less overlap is background.
        weak_best: whether an object's best anchors are objects even where their overlap is below
            `negative`. Tensorpack has them as background.
        crowd: an anchor that overlaps a crowd more is not counted; 1 counts all. 0.7 in tensorpack.
        pixel: as in `boxes`.
    """

    batch: int = 256
    foreground: float = 0.5
    positive: float = 0.7
    negative: float = 0.3
    weak_best: bool = True
    crowd: float = 1.0
    pixel: float = 1.0


class RpnTargets(NamedTuple):
    """Targets of one image's anchors, all levels together.

    Attributes:
        labels: int32 [N]: 1 object, 0 background, -1 not counted.
        deltas: [N, 4] from the anchor to its object; zeros where it has none.
        inside: [N], 1 where `deltas` count.
        outside: [N], 1 / (counted anchors) where an anchor counts.
    """

    labels: tf.Tensor
    deltas: tf.Tensor
    inside: tf.Tensor
    outside: tf.Tensor


def rpn_targets(
    anchors: tf.Tensor,
    boxes: tf.Tensor,
    is_object: tf.Tensor,
    size: tuple | tf.Tensor,
    *,
    is_crowd: tf.Tensor | None = None,
    sampling: RpnSampling = RpnSampling(),
    key: tf.Tensor | None = None,
) -> RpnTargets:
    """Targets of one image (Faster R-CNN, section 3.1.2; Detectron's `roi_data/rpn.py`).

    Anchors that leave the image are not counted. An object's best anchors are positive whatever
    their overlap, but if that is below `negative` they are drawn among the background too, and
    background wins, as in the original. The original draws background with replacement; here each
    anchor is drawn at most once.

    Args:
        anchors: [N, 4].
        boxes: [G, 4] in the frame of the anchors.
        is_object: [G] bool; false for crowds and for what fills up a batch.
        size: (height, width) of the image without padding.
        is_crowd: [G] bool; None where there is no crowd.
        sampling: see there.
        key: of the sample; see `choices.choose`.
    """
    height, width = tf.cast(size[0], tf.float32), tf.cast(size[1], tf.float32)
    x1, y1, x2, y2 = tf.unstack(anchors, axis=-1)
    # With inclusive corners the original asks for x2 < width; an edge may lie on the border.
    is_inside = (x1 >= 0.0) & (y1 >= 0.0)
    if sampling.pixel:
        is_inside &= (x2 < width) & (y2 < height)
    else:
        is_inside &= (x2 <= width) & (y2 <= height)
    is_counted = is_inside
    if is_crowd is not None:
        is_counted &= ~_in_crowd(anchors, boxes, is_crowd, sampling)
    # One row that is no object: an image may have none.
    boxes = tf.pad(tf.cast(boxes, tf.float32), [[0, 1], [0, 0]])
    is_object = tf.pad(is_object, [[0, 1]])
    shared = overlaps(anchors, boxes, pixel=sampling.pixel)
    shared = tf.where(is_object & is_inside[:, None], shared, -1.0)
    best = tf.reduce_max(shared, axis=1)
    is_best = tf.reduce_any((shared == tf.reduce_max(shared, axis=0)) & (shared >= 0.0), axis=1)
    is_weak = best < sampling.negative
    if not sampling.weak_best:
        is_best &= ~is_weak
    is_positive = is_counted & (is_best | (best >= sampling.positive))
    labels = _sampled(is_positive, is_counted & is_weak, sampling, key)
    # The original computes them before background overwrites positives.
    has_deltas = labels.positive
    targets = tf.gather(boxes, tf.argmax(shared, axis=1))
    deltas = tf.where(
        has_deltas[:, None], encode(anchors, targets, pixel=sampling.pixel), tf.zeros([4])
    )
    counted = labels.values >= 0
    share = 1.0 / tf.maximum(tf.reduce_sum(tf.cast(counted, tf.float32)), 1.0)
    return RpnTargets(
        labels.values,
        deltas,
        tf.cast(labels.values == 1, tf.float32),
        tf.where(counted, share, 0.0),
    )


def _in_crowd(anchors, boxes, is_crowd, sampling):
    """Which anchors overlap a crowd too much: bool [N]."""
    shared = overlaps(anchors, tf.cast(boxes, tf.float32), pixel=sampling.pixel)
    return tf.reduce_any((shared > sampling.crowd) & is_crowd, axis=1)


class _Labels(NamedTuple):
    values: tf.Tensor
    positive: tf.Tensor


def _sampled(is_positive, is_background, sampling, key):
    limit = int(sampling.foreground * sampling.batch)
    surplus = tf.reduce_sum(tf.cast(is_positive, tf.int32)) - limit
    disabled = choose(is_positive, tf.maximum(surplus, 0), key=key, salt=_POSITIVES)
    is_positive &= ~disabled
    wanted = sampling.batch - tf.reduce_sum(tf.cast(is_positive, tf.int32))
    is_negative = choose(is_background, wanted, key=key, salt=_NEGATIVES)
    labels = tf.where(is_negative, 0, tf.where(is_positive, 1, -1))
    return _Labels(labels, is_positive)
