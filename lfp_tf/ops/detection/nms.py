"""Greedy non-maximum suppression by TensorFlow's kernel, in Detectron's or TensorFlow's rules."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from lfp_tf.ops.shapes import side


class Kept(NamedTuple):
    """Boxes that stay.

    Attributes:
        indices: int32 [limit], in the order of visits (best first); 0 behind the last.
        count: int32 scalar, how many there are.
    """

    indices: tf.Tensor
    count: tf.Tensor


def nms(
    boxes: tf.Tensor,
    scores: tf.Tensor,
    *,
    limit: int | tf.Tensor,
    threshold: float,
    pixel: float = 1.0,
    inclusive: bool = True,
    later_first: bool = True,
) -> Kept:
    """Visits boxes from the best and drops those that overlap a kept one (`cython_nms.pyx`).

    The defaults are Detectron's. Its order among equal scores is that of a reversed stable sort.

    Args:
        boxes: [N, 4] float32 in pixels: x1, y1, x2, y2.
        scores: [N] float32; boxes of score -inf are no boxes, for padding to a static size.
        limit: the most that are kept; a number where the result's size shall be static.
        threshold: overlap (intersection over union) in 0..1, above 0.
        pixel: 1.0 where x2, y2 belong to the box (Detectron), 0.0 where they are its edge.
        inclusive: whether an overlap equal to `threshold` suppresses, as in Detectron.
        later_first: whether of equal scores the later box is visited first, as in Detectron.

    Raises:
        ValueError: a threshold outside of its range.
    """
    if not 0.0 < threshold <= 1.0:
        raise ValueError(f"The threshold is {threshold}, but needs to be above 0 and at most 1.")
    # The kernel suppresses above its threshold.
    below = np.nextafter(np.float32(threshold), np.float32(0)) if inclusive else threshold
    grown = tf.cast(boxes, tf.float32) + tf.constant([0.0, 0.0, pixel, pixel])
    scores = tf.cast(scores, tf.float32)
    # Without any box the kernel does not pad its result.
    grown = tf.pad(grown, [[0, 1], [0, 0]])
    scores = tf.pad(scores, [[0, 1]], constant_values=-np.inf)
    order = _visits(scores, later_first)
    # XLA's kernel visits equal scores in any order, so it gets falling ranks instead.
    ranks = tf.cast(tf.range(side(order, 0), 0, -1), tf.float32)
    indices, count = tf.raw_ops.NonMaxSuppressionV4(
        boxes=tf.gather(grown, order),
        scores=tf.where(tf.gather(scores, order) > -np.inf, ranks, -np.inf),
        max_output_size=limit,
        iou_threshold=tf.constant(below, tf.float32),
        score_threshold=tf.constant(-np.inf, tf.float32),
        pad_to_max_output_size=True,
    )
    indices = tf.gather(order, indices)
    is_kept = tf.range(limit) < count
    return Kept(tf.where(is_kept, indices, 0), count)


def kept_mask(kept: Kept, count: int | tf.Tensor) -> tf.Tensor:
    """Which of `count` boxes stay: bool [count]."""
    is_kept = tf.sequence_mask(kept.count, side(kept.indices, 0), dtype=tf.int32)
    # Padding adds 0 to the first box, or to the row behind the last where there is no box.
    return tf.math.unsorted_segment_sum(is_kept, kept.indices, count + 1)[:-1] > 0


def _visits(scores, later_first):
    """Indices from the best score to the worst: int32 [N]."""
    if not later_first:
        return tf.argsort(scores, direction="DESCENDING", stable=True)
    backwards = tf.argsort(tf.reverse(scores, [0]), direction="DESCENDING", stable=True)
    return side(scores, 0) - 1 - backwards
