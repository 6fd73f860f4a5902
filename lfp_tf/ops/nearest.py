"""Nearest resampling of labels by the rules of TensorFlow 1, OpenCV and Pillow.

Shapes: labels [B, H, W] or [B, H, W, C], whose type is kept; `size` is (height, width), numbers or
int32 tensors.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from lfp_tf.ops.resize import opencv_factors, scaled_length
from lfp_tf.ops.shapes import height_width, sides, size_tensor


def resize_legacy_nearest(labels: tf.Tensor, size: Sequence) -> tf.Tensor:
    """Nearest of TF1: pixel floor(i a / b), the position computed in float32 as the kernel does."""
    maps, restore = _as_images(labels)
    resized = tf.raw_ops.ResizeNearestNeighbor(
        images=maps, size=size_tensor(size), align_corners=False, half_pixel_centers=False
    )
    return restore(resized)


def resize_opencv_nearest(
    labels: tf.Tensor, *, size: Sequence | None = None, factors: Sequence | None = None
) -> tf.Tensor:
    """`cv2.resize(..., INTER_NEAREST)`: pixel floor(i / f), clamped; by size f = b / a.

    Args:
        labels: [B, H, W] or [B, H, W, C], any type; the type is kept.
        size: (height, width).
        factors: (vertical, horizontal) as in `resize_opencv`.
    """
    lengths = height_width(labels)
    if factors is None:
        counts = [tf.cast(count, tf.int32) for count in sides(size)]
        factors = [
            tf.cast(count, tf.float64) / tf.cast(length, tf.float64)
            for count, length in zip(counts, lengths, strict=True)
        ]
    else:
        factors = opencv_factors(labels, factors)
        counts = [scaled_length(*pair) for pair in zip(lengths, factors, strict=True)]
    for axis, length, count, factor in zip((1, 2), lengths, counts, factors, strict=True):
        indices = tf.cast(tf.floor(tf.cast(tf.range(count), tf.float64) * (1.0 / factor)), tf.int32)
        labels = tf.gather(labels, tf.minimum(indices, length - 1), axis=axis)
    return labels


def resize_pil_nearest(labels: tf.Tensor, size: Sequence) -> tf.Tensor:
    """Pillow's `resize(..., NEAREST)`: the pixel under each output's centre.

    Args:
        labels: [B, H, W] or [B, H, W, C], any type; the type is kept.
        size: (height, width).
    """
    for axis, length, count in zip((1, 2), height_width(labels), sides(size), strict=True):
        labels = tf.gather(labels, pil_nearest_indices(length, count), axis=axis)
    return labels


def pil_nearest_indices(length: int | tf.Tensor, count: int | tf.Tensor) -> tf.Tensor:
    """Which of `length` pixels Pillow's nearest resize takes for each of `count` outputs.

    Pillow adds up: t = k/2, k/2 + k, ... with k = length / count in float64, and takes the whole
    part. floor((i + 0.5) k) is another pixel somewhere in a quarter of all pairs of sizes, where
    (i + 0.5) k is a whole number.

    Args:
        length, count: numbers, added up here as Pillow does; or int32 scalars that are known only
            when the graph runs, added up by `tf.cumsum`, which on a CPU goes one by one.

    Returns:
        int32 [count], 0..length-1, ascending.
    """
    known = [tf.get_static_value(value) for value in (length, count)]
    if None not in known:
        steps = np.full(known[1], known[0] / known[1])
        steps[:1] *= 0.5
        return tf.constant(np.cumsum(steps).astype(np.int32))
    step = tf.cast(length, tf.float64) / tf.cast(count, tf.float64)
    steps = tf.concat([[0.5 * step], tf.fill([count - 1], step)], axis=0)
    return tf.cast(tf.cumsum(steps), tf.int32)


def _as_images(labels):
    """[B, H, W] as [B, H, W, 1], and the way back."""
    if labels.shape.rank == 3:
        return labels[..., None], lambda maps: maps[..., 0]
    return labels, lambda maps: maps
