"""What the mask branch learns: the outline of the best overlapping object, drawn into a RoI.

Letters: R boxes (RoIs), G objects, S cells a side.
"""

from typing import NamedTuple

import tensorflow as tf

from lfp_tf.ops.detection.boxes import overlaps
from lfp_tf.ops.detection.polygons import Outlines, enclosing_boxes, has_outline, rasterize


class MaskTargets(NamedTuple):
    """Targets of one image's RoIs.

    Attributes:
        masks: int32 [R, S, S]: 1 object, 0 not, -1 not counted.
        weights: [R], 1 where a RoI has a mask.
    """

    masks: tf.Tensor
    weights: tf.Tensor


def mask_targets(
    rois: tf.Tensor,
    is_foreground: tf.Tensor,
    outlines: Outlines,
    candidates: tf.Tensor,
    *,
    size: int = 28,
    pixel: float = 1.0,
) -> MaskTargets:
    """Draws masks (Detectron's `roi_data/mask_rcnn.py`, `utils/segms.py`).

    A RoI takes the candidate whose enclosing box overlaps it most, the first of equals, whatever
    the classes. A RoI from 10 to 38 has cells of (38 - 10) / S pixels: no pixel is added here.

    Args:
        rois: [R, 4] float32, pixels of the image that `outlines` are in.
        is_foreground: [R] bool, RoIs that learn a mask: of an object, of a class with masks.
        outlines: of the image's objects.
        candidates: [G] bool, objects whose outline a RoI may take; no crowds. Those without an
            outline are never taken.
        size: S.
        pixel: as in `boxes`.
    """
    # One more object without outline: an image may have none.
    edges = tf.pad(tf.cast(outlines.edges, tf.float32), [[0, 1], [0, 0], [0, 0]])
    parts = tf.pad(outlines.parts, [[0, 1], [0, 0]], constant_values=-1)
    outlines = Outlines(edges, parts)
    candidates = tf.pad(candidates, [[0, 1]]) & has_outline(outlines)
    shared = overlaps(rois, enclosing_boxes(outlines), pixel=pixel)
    shared = tf.where(candidates, shared, -1.0)
    best = tf.argmax(shared, axis=1)
    has_mask = is_foreground & tf.reduce_any(candidates)

    corners = tf.tile(rois[:, :2], [1, 2])[:, None]
    sides = tf.tile(tf.maximum(rois[:, 2:] - rois[:, :2], 1.0), [1, 2])[:, None]
    # In float32, and the product first: cells of the border depend on the rounding.
    edges = (tf.gather(edges, best) - corners) * float(size) / sides
    parts = tf.where(has_mask[:, None], tf.gather(parts, best), -1)
    drawn = tf.cast(rasterize(Outlines(edges, parts), size), tf.int32)
    masks = tf.where(has_mask[:, None, None], drawn, -1)
    return MaskTargets(masks, tf.cast(has_mask, tf.float32))
