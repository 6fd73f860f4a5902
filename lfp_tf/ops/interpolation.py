"""Resizing as matrix products: exact, and the same on CPU, GPU and XLA, in any float type.

One axis of `length` pixels becomes one of `count` by a matrix [count, length]; output i takes its
value at the source position

| matrix | position | taps outside |
| --- | --- | --- |
| `legacy_matrix` (TF1 `resize_bilinear`) | i length / count | last pixel |
| `aligned_matrix` (Torch `SpatialUpSamplingBilinear`) | i (length-1) / (count-1) | none |

Sizes that are Python numbers give numpy matrices, constants of the graph; those known only when
the graph runs give tensors. They compute in float32, as the originals do.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from lfp_tf.ops.shapes import height_width, side


def legacy_matrix(length: int | tf.Tensor, count: int | tf.Tensor) -> np.ndarray | tf.Tensor:
    """Bilinear without aligned corners (`gr_resize.py`): 2 to 4 is 1 0, .5 .5, 0 1, 0 1.

    Args:
        length, count: pixels before and after, numbers or int32 scalars.

    Returns:
        float32 [count, length].
    """
    xp = _numbers(length, count)
    scale = xp.float32(length) / xp.float32(count)
    return _bilinear(xp, xp.range32(count) * scale, length)


def aligned_matrix(length: int | tf.Tensor, count: int | tf.Tensor) -> np.ndarray | tf.Tensor:
    """Bilinear with corners on corners: 2 to 3 is 1 0, .5 .5, 0 1; one pixel spreads."""
    xp = _numbers(length, count)
    scale = xp.float32(length - 1) / xp.maximum(xp.float32(count - 1), xp.float32(1))
    return _bilinear(xp, xp.range32(count) * scale, length)


def resize_at_scale(image: tf.Tensor, size: Sequence, scale: float | tf.Tensor) -> tf.Tensor:
    """Resizes bilinearly at an exact scale, with pixel centres at halves (OpenCV with `fx`, `fy`).

    3 to round(3 * 1.5) = 4 at scale 1.5 looks at -1/6 (the border pixel), 1/2, 7/6, 11/6. OpenCV
    computes positions in float64 and cuts them to float32. Two taps an axis are much
    less work than the products above, which are for what gradients pass through.

    Args:
        image: [H, W, C] float.
        size: (height, width), numbers or int32 scalars.
        scale: pixels after for one before.

    Returns:
        [height, width, C] float32.
    """
    height, width, channels = side(image, 0), side(image, 1), image.shape[2]
    # Whole rows first: a row is copied at once.
    rows = tf.reshape(tf.cast(image, tf.float32), tf.stack([height, width * channels]))
    rows = _two_taps(rows, _scaled_positions(size[0], scale), axis=0)
    rows = tf.reshape(rows, tf.stack([size[0], width, channels]))
    return _two_taps(rows, _scaled_positions(size[1], scale), axis=1)


def resize(images: tf.Tensor, size: Sequence, matrix: Callable) -> tf.Tensor:
    """Resizes both axes.

    Args:
        images: [B, H, W, C] float.
        size: (height, width), numbers or int32 scalars.
        matrix: one of this file's functions.

    Returns:
        [B, height, width, C] in the type of `images`; `images` itself where no axis changes.
    """
    rows = _product_rows(images, [size[0]], matrix)[0]
    return _product_columns(rows, size[1], matrix)


def resize_to_all(images: tf.Tensor, sizes: list, matrix: Callable) -> list[tf.Tensor]:
    """`resize` to several sizes, the rows of all in one product.

    Args:
        images: [B, H, W, C] float.
        sizes: list of (height, width).

    Returns:
        A list of [B, height, width, C], one a size.
    """
    rows = _product_rows(images, [height for height, _ in sizes], matrix)
    return [
        _product_columns(part, width, matrix) for part, (_, width) in zip(rows, sizes, strict=True)
    ]


def scaled_size(
    length: int | tf.Tensor, scale: float, *, precision: str = "float64"
) -> int | tf.Tensor:
    """The whole pixels of `length` times `scale`: Python's `int(length * scale)`.

    25 * 1.16 is 28.999999999999996 in float64, so 28, but 29 in float32.

    Args:
        length: a number or an int32 scalar.
        scale: a number.
        precision: `float64`, or `float32` as the original's detector computes.
    """
    if isinstance(length, int):
        number = np.float32 if precision == "float32" else np.float64
        return int(number(length) * number(scale))
    dtype = tf.dtypes.as_dtype(precision)
    return tf.cast(tf.cast(length, dtype) * tf.constant(scale, dtype), tf.int32)


def fractional_sizes(length: int | tf.Tensor, levels: int) -> list:
    """Sides of the maps that `levels` fractional poolings make of a side (`PRM.lua`).

    The whole part of length / 2^(i / levels) for i = 1..levels, in float64 without a guard against
    rounding: 64 gives 53, 45, 38, 32 at four levels, but 45, 31 at two.

    Args:
        length: a number or an int32 scalar.

    Returns:
        A list of numbers or int32 scalars.
    """
    step = math.pow(2.0, 1.0 / levels)
    return [scaled_size(length, 1.0 / math.pow(step, level + 1)) for level in range(levels)]


def _scaled_positions(count, scale):
    """float32 [count]: where `resize_at_scale` looks, not before the first pixel."""
    positions = (tf.cast(tf.range(count), tf.float64) + 0.5) / tf.cast(scale, tf.float64) - 0.5
    return tf.maximum(tf.cast(positions, tf.float32), 0.0)


def _two_taps(values, positions, *, axis):
    """Values between two along an axis; [.., count, ..] of [.., length, ..]."""
    last = tf.shape(values)[axis] - 1
    positions = tf.minimum(positions, tf.cast(last, tf.float32))
    first = tf.floor(positions)
    shares = tf.reshape(positions - first, [-1] + [1] * (values.shape.rank - 1 - axis))
    places = tf.cast(first, tf.int32)
    before = tf.gather(values, places, axis=axis)
    after = tf.gather(values, tf.minimum(places + 1, last), axis=axis)
    return before + (after - before) * shares


def _bilinear(xp, positions, length):
    """[count, length] weights: 1 at the pixel of a position, falling to 0 one pixel away."""
    positions = xp.minimum(positions, xp.float32(length) - 1.0)
    distances = xp.expand_dims(positions, 1) - xp.expand_dims(xp.range32(length), 0)
    return xp.maximum(1.0 - xp.abs(distances), xp.float32(0))


def _product_rows(images, heights, matrix):
    """[B, h, W, C] for each of `heights`."""
    height, width = height_width(images)
    if all(_are_equal(h, height) for h in heights):
        return [images] * len(heights)
    matrices = [matrix(height, h) for h in heights]
    joined = matrices[0] if len(matrices) == 1 else tf.concat(matrices, axis=0)
    batch, channels = tf.shape(images)[0], images.shape[3]
    # Rows as one long last axis: a single product without a transposition.
    flat = tf.reshape(images, tf.stack([batch, height, width * channels]))
    flat = tf.matmul(tf.cast(joined, images.dtype)[None], flat)
    parts = [flat] if len(heights) == 1 else tf.split(flat, heights, axis=1)
    resized = []
    for part, h in zip(parts, heights, strict=True):
        part = tf.reshape(part, tf.stack([batch, h, width, channels]))
        resized.append(tf.ensure_shape(part, [images.shape[0], _known(h), _known(width), channels]))
    return resized


def _product_columns(images, width, matrix):
    before = height_width(images)[1]
    if _are_equal(width, before):
        return images
    weights = tf.cast(matrix(before, width), images.dtype)
    return tf.matmul(weights[None, None], images)


def _are_equal(*lengths):
    """Whether both are known and one number."""
    return all(isinstance(length, int) for length in lengths) and len(set(lengths)) == 1


def _known(length):
    return length if isinstance(length, int) else None


def _numbers(*lengths):
    """Numpy where all sizes are Python numbers, TensorFlow otherwise."""
    return _Numpy if all(isinstance(length, int) for length in lengths) else _TensorFlow


class _Numpy:
    """The few functions that the matrices need, by numpy."""

    abs, minimum, maximum = np.abs, np.minimum, np.maximum
    expand_dims, float32 = np.expand_dims, np.float32

    @staticmethod
    def range32(count: int) -> tf.Tensor:
        """0, 1, ..., count-1."""
        return np.arange(count, dtype=np.float32)


class _TensorFlow:
    """The same by TensorFlow."""

    abs, minimum, maximum, expand_dims = tf.abs, tf.minimum, tf.maximum, tf.expand_dims

    @staticmethod
    def float32(values: tf.Tensor) -> tf.Tensor:
        """As float32."""
        return tf.cast(values, tf.float32)

    @staticmethod
    def range32(count: int) -> tf.Tensor:
        """0, 1, ..., count-1."""
        return tf.cast(tf.range(count), tf.float32)
