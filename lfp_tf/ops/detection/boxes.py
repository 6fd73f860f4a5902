"""Boxes x1, y1, x2, y2 in pixels: areas, overlaps, coding against other boxes, clipping.

`pixel` says what a corner is. 1.0: the last pixel that belongs to the box, so a width is
x2 - x1 + 1 (Detectron). 0.0: an edge, so a width is x2 - x1 (tensorpack, torchvision, COCO).
"""

import math
from collections.abc import Sequence

import tensorflow as tf

# Detectron's largest log of a ratio of sides: a box grows at most from 16 to 1000 pixels.
LARGEST_LOG = math.log(1000.0 / 16.0)


def areas(boxes: tf.Tensor, *, pixel: float = 1.0) -> tf.Tensor:
    """Areas of boxes; (0, 0, 9, 4) has 50 with `pixel` 1 and 36 with 0.

    Args:
        boxes: [..., 4].
        pixel: see above.

    Returns:
        [...] square pixels.
    """
    width, height, _, _ = _sides_and_centres(boxes, pixel)
    return width * height


def overlaps(
    boxes: tf.Tensor,
    others: tf.Tensor,
    *,
    pixel: float = 1.0,
    crowd: tf.Tensor | None = None,
) -> tf.Tensor:
    """Intersection over union of all pairs (Detectron's `cython_bbox.pyx`).

    Args:
        boxes: [..., N, 4].
        others: [..., M, 4].
        pixel: see above.
        crowd: [..., M] bool; where true, the intersection is divided by the area of the box alone,
            as COCO's evaluation does with crowds. None: nowhere.

    Returns:
        [..., N, M] in 0..1; 0 where both have no area.
    """
    a, b = boxes[..., :, None, :], others[..., None, :, :]
    corners = tf.maximum(a[..., :2], b[..., :2]), tf.minimum(a[..., 2:], b[..., 2:])
    sides = tf.maximum(corners[1] - corners[0] + pixel, 0.0)
    shared = sides[..., 0] * sides[..., 1]
    own = areas(a, pixel=pixel)
    whole = own + areas(b, pixel=pixel) - shared
    if crowd is not None:
        whole = tf.where(crowd[..., None, :], own, whole)
    return tf.math.divide_no_nan(shared, whole)


def encode(
    boxes: tf.Tensor,
    targets: tf.Tensor,
    *,
    weights: Sequence[float] = (1.0, 1.0, 1.0, 1.0),
    pixel: float = 1.0,
) -> tf.Tensor:
    """What turns boxes into targets: dx, dy, dw, dh (R-CNN; Detectron's `bbox_transform_inv`).

    Args:
        boxes, targets: [..., 4], of positive sides.
        weights: factors of the four; 10, 10, 5, 5 in Detectron's box head.
        pixel: see above. The centre is x1 + width / 2 in both conventions.

    Returns:
        [..., 4].
    """
    width, height, x, y = _sides_and_centres(boxes, pixel)
    target_width, target_height, target_x, target_y = _sides_and_centres(targets, pixel)
    deltas = [
        (target_x - x) / width,
        (target_y - y) / height,
        tf.math.log(target_width / width),
        tf.math.log(target_height / height),
    ]
    return tf.stack([w * d for w, d in zip(weights, deltas, strict=True)], axis=-1)


def decode(
    boxes: tf.Tensor,
    deltas: tf.Tensor,
    *,
    weights: Sequence[float] = (1.0, 1.0, 1.0, 1.0),
    largest_log: float = LARGEST_LOG,
    pixel: float = 1.0,
) -> tf.Tensor:
    """Moves boxes by deltas: the inverse of `encode` (Detectron's `bbox_transform`).

    Args:
        boxes: [..., 4].
        deltas: [..., 4K]: K groups of dx, dy, dw, dh.
        weights: what the deltas are divided by.
        largest_log: dw and dh above it count as it; none is too small.
        pixel: see above.

    Returns:
        [..., 4K].
    """
    width, height, x, y = (value[..., None] for value in _sides_and_centres(boxes, pixel))
    shape = tf.shape(deltas)
    groups = tf.reshape(deltas, tf.concat([shape[:-1], [-1, 4]], axis=0))
    dx, dy, dw, dh = (groups[..., i] / weights[i] for i in range(4))
    x, y = x + dx * width, y + dy * height
    half_width = 0.5 * width * tf.exp(tf.minimum(dw, largest_log))
    half_height = 0.5 * height * tf.exp(tf.minimum(dh, largest_log))
    corners = [x - half_width, y - half_height, x + half_width - pixel, y + half_height - pixel]
    decoded = tf.reshape(tf.stack(corners, axis=-1), shape)
    return tf.ensure_shape(decoded, deltas.shape)


def clip(
    boxes: tf.Tensor,
    height: float | tf.Tensor,
    width: float | tf.Tensor,
    *,
    pixel: float = 1.0,
) -> tf.Tensor:
    """Boxes with their corners inside an image: x to 0..width - `pixel`, y likewise.

    Args:
        boxes: [..., 4].
        height, width: pixels; numbers, or tensors that go with [...].
        pixel: see above.

    Returns:
        [..., 4]; a box that was outside has no area, or one pixel.
    """
    right, bottom = width - pixel, height - pixel
    x1, y1, x2, y2 = tf.unstack(boxes, axis=-1)
    inside = [(x1, right), (y1, bottom), (x2, right), (y2, bottom)]
    return tf.stack([tf.maximum(tf.minimum(v, last), 0.0) for v, last in inside], axis=-1)


def _sides_and_centres(boxes, pixel):
    x1, y1, x2, y2 = tf.unstack(boxes, axis=-1)
    width, height = x2 - x1 + pixel, y2 - y1 + pixel
    return width, height, x1 + 0.5 * width, y1 + 0.5 * height
