"""From a record's fields to an image and its objects as training takes them.

Letters: G objects, E edges of an object.
"""

from typing import NamedTuple

import tensorflow as tf

from lfp_tf.data.detection.objects import LEAST_POINTS, clipped_boxes
from lfp_tf.ops.detection.input import prepare_image
from lfp_tf.ops.detection.polygons import Outlines, outlines_of_bitmaps, outlines_of_polygons


class Fields(NamedTuple):
    """The objects of a record, unpacked.

    Attributes:
        boxes_unit: float32 [G, 4], x1, y1, x2, y2 as shares of the image's sides.
        classes: int32 [G].
        is_crowd: bool [G].
        is_ignored: bool [G].
        areas: float32 [G].
        masks: string [G], PNGs; empty without a mask.
        polygons: ragged float32 [G, parts, points, 2] pixels.
    """

    boxes_unit: tf.Tensor
    classes: tf.Tensor
    is_crowd: tf.Tensor
    is_ignored: tf.Tensor
    areas: tf.Tensor
    masks: tf.Tensor
    polygons: tf.RaggedTensor


class TrainingObjects(NamedTuple):
    """The objects of an image, in pixels of the image before scaling.

    Attributes:
        boxes: float32 [G, 4], x1, y1, x2, y2.
        classes: int32 [G].
        is_crowd: bool [G].
        outlines: of the objects; crowds and objects without a mask have no edges.
    """

    boxes: tf.Tensor
    classes: tf.Tensor
    is_crowd: tf.Tensor
    outlines: Outlines


def training_objects(
    fields: Fields, size: list, *, pixel: float, with_masks: bool, is_mirrored: tf.Tensor
) -> TrainingObjects:
    """Clips boxes, drops what cannot be learned, mirrors (Detectron's `json_dataset.py`).

    Dropped are objects that are ignored, of no area, or whose box has no extent inside the image.
    Crowds stay, as places that are not to be sampled.

    Args:
        fields: of the record.
        size: (height, width) of the image in pixels.
        pixel: as in `ops.detection.boxes`; 1.0 or 0.0.
        with_masks: whether outlines are made.
        is_mirrored: bool scalar.
    """
    sides, has_extent = clipped_boxes(fields.boxes_unit, size, pixel=pixel, xp=tf)
    is_kept = has_extent & (fields.areas > 0.0) & ~fields.is_ignored
    boxes = tf.boolean_mask(tf.cast(tf.stack(sides, axis=1), tf.float32), is_kept)
    is_crowd = tf.boolean_mask(fields.is_crowd, is_kept)
    if with_masks:
        outlines = _outlines(
            tf.ragged.boolean_mask(fields.polygons, is_kept),
            tf.boolean_mask(fields.masks, is_kept),
            is_crowd,
            tf.cast(size[1], tf.float32) - pixel,
            is_mirrored,
        )
    else:
        count = tf.size(is_crowd)
        outlines = Outlines(tf.zeros([count, 0, 4]), tf.zeros([count, 0], tf.int32))
    return TrainingObjects(
        boxes=tf.where(is_mirrored, mirrored_boxes(boxes, size[1], pixel=pixel), boxes),
        classes=tf.boolean_mask(fields.classes, is_kept),
        is_crowd=is_crowd,
        outlines=outlines,
    )


def mirrored_boxes(boxes: tf.Tensor, width: int | tf.Tensor, *, pixel: float) -> tf.Tensor:
    """Boxes in the mirror image: 10 to 49 of 100 pixels become 50 to 89 with `pixel` 1.

    Args:
        boxes: float32 [G, 4], x1, y1, x2, y2.
        width: of the image in pixels.
        pixel: as in `ops.detection.boxes`.
    """
    last = tf.cast(width, tf.float32) - pixel
    x1, y1, x2, y2 = tf.unstack(boxes, axis=1)
    return tf.stack([last - x2, y1, last - x1, y2], axis=1)


def canvas_image(
    image: tf.Tensor, scale: tf.Tensor, canvas: tf.Tensor, *, mean: tuple
) -> tf.Tensor:
    """The image scaled, filled up at the bottom and the right with the mean colour.

    Args:
        image: uint8 [H, W, 3].
        scale: of `ops.detection.input.image_scale`.
        canvas: int32 [2], (height, width).
        mean: grey levels of the three channels.

    Returns:
        float32 [height, width, 3] grey levels 0..255.
    """
    scaled = prepare_image(image, scale, means=(0.0, 0.0, 0.0))
    height, width = tf.shape(scaled)[0], tf.shape(scaled)[1]
    color = tf.constant(mean, tf.float32)
    right = tf.broadcast_to(color, tf.stack([height, canvas[1] - width, 3]))
    bottom = tf.broadcast_to(color, tf.stack([canvas[0] - height, canvas[1], 3]))
    return tf.concat([tf.concat([scaled, right], axis=1), bottom], axis=0)


def _outlines(polygons, masks, is_crowd, last, is_mirrored):
    """`Outlines` of polygons where an object has some, else of its bitmap."""
    is_polygon = (polygons.row_lengths(axis=2) >= LEAST_POINTS) & ~is_crowd[:, None]
    polygons = tf.ragged.boolean_mask(polygons, is_polygon)
    parts = tf.cast(polygons.row_lengths(axis=1), tf.int32)
    points = tf.cast(polygons.values.row_lengths(), tf.int32)
    xy = polygons.flat_values
    xy = tf.where(is_mirrored, tf.stack([last - xy[:, 0], xy[:, 1]], axis=1), xy)
    drawn = outlines_of_polygons(xy, points, parts, tf.size(parts))
    needs_mask = (parts == 0) & ~is_crowd & (tf.strings.length(masks) > 0)
    traced = traced_masks(tf.where(needs_mask, masks, ""), is_mirrored)
    count = tf.maximum(tf.shape(drawn.edges)[1], tf.shape(traced.edges)[1])
    drawn, traced = _widened(drawn, count), _widened(traced, count)
    return Outlines(
        tf.where(needs_mask[:, None, None], traced.edges, drawn.edges),
        tf.where(needs_mask[:, None], traced.parts, drawn.parts),
    )


def traced_masks(masks: tf.Tensor, is_mirrored: tf.Tensor) -> Outlines:
    """The outlines of PNGs; none of an empty text. A bitmap is mirrored pixel by pixel.

    Args:
        masks: string [G].
        is_mirrored: bool scalar.
    """
    edges = tf.map_fn(
        lambda mask: tf.cond(
            tf.strings.length(mask) > 0,
            lambda: _traced_edges(mask, is_mirrored),
            lambda: tf.zeros([0, 4]),
        ),
        masks,
        fn_output_signature=tf.RaggedTensorSpec([None, 4], tf.float32, ragged_rank=0),
    )
    lengths = tf.cast(edges.row_lengths(), tf.int32)
    dense = edges.to_tensor(shape=[None, None, 4])
    is_edge = tf.sequence_mask(lengths, tf.shape(dense)[1])
    return Outlines(dense, tf.where(is_edge, 0, -1))


def _traced_edges(mask, is_mirrored):
    bitmap = tf.io.decode_png(mask, 1)[..., 0] > 0
    bitmap = tf.where(is_mirrored, bitmap[:, ::-1], bitmap)
    return outlines_of_bitmaps(bitmap[None]).edges[0]


def _widened(outlines, count):
    """The same outlines with room for `count` edges an object."""
    missing = count - tf.shape(outlines.parts)[1]
    return Outlines(
        tf.pad(outlines.edges, [[0, 0], [0, missing], [0, 0]]),
        tf.pad(outlines.parts, [[0, 0], [0, missing]], constant_values=-1),
    )
