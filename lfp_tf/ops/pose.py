"""From an image to the crop of one person (`bearpaw/PyraNet`).

Points are (x, y) and count from 1, as in Torch, wherever a function says "1-based"; `center` is
(x, y) and `scale` a person's height over 200 pixels, so that a crop shows 200 * scale pixels.
Images are [H, W, C] float32.
"""

import math

import tensorflow as tf

from lfp_tf.ops import torch_image

PIXELS_PER_SCALE = 200.0


def transform(
    points: tf.Tensor,
    center: tf.Tensor,
    scale: tf.Tensor,
    *,
    resolution: int,
    rotation: float | tf.Tensor = 0.0,
    invert: bool = False,
) -> tf.Tensor:
    """1-based points from the image to the crop, or back (`datasets/posetransforms.lua:9-53`).

    The whole part is taken toward zero, as the original's cast to integers does.

    Args:
        points: [..., 2], 1-based.
        center: [..., 2] or [2], pixels of the image.
        scale: [...] or a scalar.
        resolution: pixels a side of the crop.
        rotation: degrees, as of `torch_image.rotate`.
        invert: from the crop to the image.

    Returns:
        int32 [..., 2], 1-based.
    """
    points = tf.cast(points, tf.float64) - 1.0
    matrix = _matrix(tf.cast(center, tf.float64), tf.cast(scale, tf.float64), resolution, rotation)
    if invert:
        matrix = tf.linalg.inv(matrix)
    points = tf.concat([points, tf.ones_like(points[..., :1])], axis=-1)
    moved = tf.linalg.matvec(matrix, points)[..., :2]
    return tf.cast(moved, tf.int32) + 1


def person_crop(
    image: tf.Tensor,
    center: tf.Tensor,
    scale: tf.Tensor,
    *,
    resolution: int,
    rotation: float | tf.Tensor = 0.0,
) -> tf.Tensor:
    """The square about a person, brought to `resolution` (`posetransforms.lua:115-178`, crop2).

    Large persons are made smaller before the crop is cut out, small ones after it. What lies
    outside the image is 0.

    Args:
        image: [H, W, C] float32.
        center: [2].
        scale: scalar.
        resolution: pixels a side.
        rotation: degrees about the crop's middle; a scalar.

    Returns:
        float32 [resolution, resolution, C].
    """
    # The original keeps the centre in single precision.
    center, scale = tf.cast(center, tf.float32), tf.cast(scale, tf.float64)
    rotation = tf.cast(rotation, tf.float64)
    size = tf.shape(image)[:2]
    shrink = PIXELS_PER_SCALE * scale / resolution
    is_large = shrink >= 2.0
    factor = tf.where(is_large, shrink, 1.0)
    longest = tf.reduce_max(size)
    new_longest = tf.cast(tf.floor(tf.cast(longest, tf.float64) / factor), tf.int32)
    small = tf.maximum(size * new_longest // longest, 1)
    center = center / tf.cast(factor, tf.float32)
    corners = transform(
        [[1.0, 1.0], [resolution + 1.0, resolution + 1.0]],
        center,
        scale / factor,
        resolution=resolution,
        invert=True,
    )
    first = corners[0]
    last = tf.where(is_large, first + resolution, corners[1])
    # A scale of next to nothing leaves no pixel between the corners.
    last = tf.maximum(last, first + 1)
    is_turned = tf.not_equal(rotation, 0.0)
    margin = tf.where(is_turned, _margin(first, last), 0)
    low, high = (first - 1 - margin)[::-1], (last - 1 + margin)[::-1]

    def drawn():
        begin = tf.clip_by_value(low, 0, small)
        end = tf.clip_by_value(high, begin, small)
        part = tf.cond(
            tf.reduce_all(end > begin),
            lambda: torch_image.scale_window(image, small, begin, end),
            lambda: tf.zeros(tf.concat([end - begin, tf.shape(image)[2:]], axis=0)),
        )
        return torch_image.surrounded(part, begin, end, low, high)

    canvas = tf.cond(new_longest < 2, lambda: _zeros(high - low, image), drawn)
    inner = (tf.stack([margin, margin]), high - low - margin)
    canvas = tf.cond(
        is_turned, lambda: torch_image.rotate_window(canvas, rotation, *inner), lambda: canvas
    )
    crop = torch_image.scale(canvas, (resolution, resolution))
    return tf.ensure_shape(crop, [resolution, resolution, image.shape[2]])


def _matrix(center, scale, resolution, rotation):
    """From pixels of the image to those of the crop, both counted from 0: [..., 3, 3]."""
    height = PIXELS_PER_SCALE * scale
    center_x, center_y = center[..., 0], center[..., 1]
    zoom = resolution / height + tf.zeros_like(center_x)
    zero, one = tf.zeros_like(zoom), tf.ones_like(zoom)
    shift_x = resolution * (-center_x / height + 0.5)
    shift_y = resolution * (-center_y / height + 0.5)
    matrix = _rows([[zoom, zero, shift_x], [zero, zoom, shift_y], [zero, zero, one]])
    angle = -tf.cast(rotation, tf.float64) * math.pi / 180.0
    cosine, sine, half = tf.cos(angle), tf.sin(angle), tf.constant(resolution / 2, tf.float64)
    none, whole = tf.zeros_like(cosine), tf.ones_like(cosine)
    turn = _rows([[cosine, -sine, none], [sine, cosine, none], [none, none, whole]])
    away = _rows([[whole, none, -half], [none, whole, -half], [none, none, whole]])
    back = _rows([[whole, none, half], [none, whole, half], [none, none, whole]])
    turned = back @ turn @ away @ matrix
    return tf.where(tf.equal(angle, 0.0), matrix, turned)


def _rows(rows):
    return tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)


def _margin(first, last):
    """What a turned crop needs on each side beyond a straight one."""
    sides = tf.cast(last - first, tf.float64)
    return tf.cast(tf.math.ceil(tf.norm(sides) / 2.0 - sides[0] / 2.0), tf.int32)


def _zeros(size, like):
    return tf.zeros(tf.concat([size, tf.shape(like)[2:]], axis=0))
