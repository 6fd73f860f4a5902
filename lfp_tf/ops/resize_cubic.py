"""`cv2.resize(..., INTER_CUBIC)`: four taps a side, the edge repeated, no antialiasing.

Output i of b, from a input pixels, stands at (i+0.5) a/b - 0.5; the kernel is Keys' with -0.75.
TensorFlow's own bicubic resizes have -0.5, or -0.75 on another grid.
"""

from collections.abc import Sequence

import tensorflow as tf

from lfp_tf.ops.shapes import side

_KEYS = -0.75


def resize_cubic(images: tf.Tensor, size: Sequence, *, rounded: bool = False) -> tf.Tensor:
    """Cubic resize to a size; equal sizes copy.

    Args:
        images: [B, H, W, C].
        size: (height, width), numbers or int32 scalars.
        rounded: as for a uint8 image: whole numbers within 0..255. OpenCV computes these with
            11 bits, so that single grey levels may differ by one.

    Returns:
        float32 [B, height, width, C].
    """
    images = tf.cast(images, tf.float32)
    for axis, count in zip((1, 2), size, strict=True):
        images = _along(images, count, axis)
    return tf.clip_by_value(tf.round(images), 0.0, 255.0) if rounded else images


def shortest_edge_size(height: int | tf.Tensor, width: int | tf.Tensor, shortest: int) -> tuple:
    """(height, width) whose shorter side is `shortest`, the other the whole part of n f + 0.5."""
    height, width = (tf.cast(length, tf.float64) for length in (height, width))
    factor = shortest / tf.minimum(height, width)
    sides = (tf.cast(length * factor + 0.5, tf.int32) for length in (height, width))
    return tuple(tf.maximum(length, shortest) for length in sides)


def centre_window(images: tf.Tensor, size: Sequence) -> tf.Tensor:
    """The middle (height, width) of images [B, H, W, C], the smaller half of the rest before."""
    top, left = (
        tf.cast((side(images, axis) - length) // 2, tf.int32)
        for axis, length in zip((1, 2), size, strict=True)
    )
    window = images[:, top : top + size[0], left : left + size[1]]
    return tf.ensure_shape(window, [images.shape[0], *size, images.shape[3]])


def _along(images, count, axis):
    length = side(images, axis)
    step = tf.cast(length, tf.float64) / tf.cast(count, tf.float64)
    position = (tf.cast(tf.range(count), tf.float64) + 0.5) * step - 0.5
    first = tf.floor(position)
    away = tf.cast(position - first, tf.float32)
    first = tf.cast(first, tf.int32)
    total = tf.zeros([])
    for tap, weight in zip((-1, 0, 1, 2), _weights(away), strict=True):
        taken = tf.gather(images, tf.clip_by_value(first + tap, 0, length - 1), axis=axis)
        total += taken * (weight[:, None, None] if axis == 1 else weight[:, None])
    return total


def _weights(away):
    """The kernel at 1 + away, away, 1 - away and 2 - away; the last is what the others leave."""
    outer = ((_KEYS * (away + 1.0) - 5.0 * _KEYS) * (away + 1.0) + 8.0 * _KEYS) * (away + 1.0)
    outer -= 4.0 * _KEYS
    left = ((_KEYS + 2.0) * away - (_KEYS + 3.0)) * away * away + 1.0
    near = 1.0 - away
    right = ((_KEYS + 2.0) * near - (_KEYS + 3.0)) * near * near + 1.0
    return outer, left, right, 1.0 - outer - left - right
