"""From class probabilities and boxes to detections: threshold, suppression by class, limit.

Letters: R boxes (RoIs), K classes with background as 0, D detections.
"""

from typing import NamedTuple

import tensorflow as tf

from lfp_tf.ops.detection.nms import kept_mask, nms
from lfp_tf.ops.shapes import side


class Detections(NamedTuple):
    """Objects that were detected in one image.

    Attributes:
        boxes: [D, 4].
        scores: [D].
        labels: int32 [D], 1..K-1.
        rois: int32 [D], the box that a detection comes from.
    """

    boxes: tf.Tensor
    scores: tf.Tensor
    labels: tf.Tensor
    rois: tf.Tensor


class PaddedDetections(NamedTuple):
    """The best detections in a static number of rows, best first.

    Attributes:
        detections: `Detections` of `limit` rows; zeros behind the last.
        count: int32 scalar.
    """

    detections: Detections
    count: tf.Tensor


def detect(
    probabilities: tf.Tensor,
    boxes: tf.Tensor,
    *,
    score_threshold: float = 0.05,
    threshold: float = 0.5,
    limit: int = 100,
    pixel: float = 1.0,
    inclusive: bool = True,
    later_first: bool = True,
) -> Detections:
    """Detections of one image (Detectron's `box_results_with_nms_and_limit`).

    All that score as much as the last within the limit stay, so there may be more.

    Args:
        probabilities: [R, K].
        boxes: [R, K, 4], or [R, 1, 4] for all classes, decoded and clipped.
        score_threshold: a detection scores more.
        threshold: overlap from which on a box of the same class is suppressed.
        limit: detections of the image.
        pixel: as in `boxes`.
        inclusive, later_first: as of `nms.nms`.

    Returns:
        `Detections` by class, then in the order of the boxes.
    """
    count, classes = side(probabilities, 0), side(probabilities, 1)
    scores = tf.where(probabilities > score_threshold, probabilities, -float("inf"))
    scores = tf.transpose(scores)[1:]
    is_own = 1 if boxes.shape[1] != 1 else 0

    def suppress(label):
        kept = nms(
            boxes[:, (label + 1) * is_own],
            scores[label],
            limit=count,
            threshold=threshold,
            pixel=pixel,
            inclusive=inclusive,
            later_first=later_first,
        )
        return kept_mask(kept, count)

    # Of many classes few have a candidate.
    occupied = tf.where(tf.reduce_any(scores > score_threshold, axis=1))[:, 0]
    occupied = tf.cast(occupied, tf.int32)
    signature = tf.TensorSpec([probabilities.shape[0]], tf.bool)
    kept = tf.map_fn(suppress, occupied, fn_output_signature=signature)
    shape = tf.stack([classes - 1, count])
    kept = tf.scatter_nd(occupied[:, None], tf.cast(kept, tf.int32), shape) > 0
    places = tf.cast(tf.where(kept), tf.int32)
    found = tf.gather_nd(scores, places)
    # The last score within the limit; -1 where all stay.
    padded = tf.pad(found, [[0, limit]], constant_values=-1.0)
    is_within = found >= tf.math.top_k(padded, k=limit).values[-1]
    places, found = tf.boolean_mask(places, is_within), tf.boolean_mask(found, is_within)
    labels, rois = places[:, 0] + 1, places[:, 1]
    taken = tf.gather_nd(boxes, tf.stack([rois, labels * is_own], axis=1))
    return Detections(taken, found, labels, rois)


def best_detections(detections: Detections, limit: int) -> PaddedDetections:
    """The first `limit` by score, then in their order, filled up with zeros.

    Args:
        detections: of `detect`.
        limit: rows of the result.
    """
    scores = tf.pad(detections.scores, [[0, limit]], constant_values=-1.0)
    order = tf.math.top_k(scores, k=limit).indices
    padded = (
        tf.pad(values, [[0, limit]] + [[0, 0]] * (values.shape.rank - 1)) for values in detections
    )
    count = tf.minimum(tf.shape(detections.scores)[0], limit)
    return PaddedDetections(Detections(*(tf.gather(v, order) for v in padded)), count)
