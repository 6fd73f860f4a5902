"""Scaling and turning of windows: what OpenCV does to a whole image, computed where it is shown.

A window is (low, high), two int32 [2] vectors (row, column) in pixels of an image; high is
excluded. Every function takes the pixels of a source window, knows where they stand, and gives
the pixels of an output window, the same numbers as if the whole image had been transformed.
Images are [H, W, C], label maps [H, W]; `grid` is a `Grid`.
"""

import dataclasses
import math

import tensorflow as tf

from lfp_tf.ops.nearest import pil_nearest_indices
from lfp_tf.ops.resize import between_pixels


@dataclasses.dataclass(frozen=True)
class Grid:
    """Where the outputs of a resize stand in its source: output i at first + i * step.

    Attributes:
        size: int32 [2] of the source image.
        scaled: int32 [2] of the whole result.
        step: float64 [2], source pixels per output pixel.
        first: float64 [2], source position of output 0.
        is_legacy: labels take floor(i * step) in float32 (TF1) and not in float64 (OpenCV).
        is_pil: labels take `nearest.pil_nearest_indices`.
    """

    size: tf.Tensor
    scaled: tf.Tensor
    step: tf.Tensor
    first: tf.Tensor
    is_legacy: bool = False
    is_pil: bool = False


def opencv_grid(size: tf.Tensor, factors: tf.Tensor) -> Grid:
    """`cv2.resize` by factors, float64 [2]: size round-half-even, positions (i+0.5)/f - 0.5.

    A result of the source's size is a copy, whatever the factors: OpenCV takes that shortcut.
    """
    scaled = tf.cast(tf.round(tf.cast(size, tf.float64) * factors), tf.int32)
    step = tf.where(tf.reduce_all(scaled == size), tf.ones([2], tf.float64), 1.0 / factors)
    return Grid(size, tf.maximum(scaled, 1), step, 0.5 * step - 0.5)


def sized_grid(size: tf.Tensor, scaled: tf.Tensor, *, is_pil: bool = True) -> Grid:
    """`cv2.resize` to a size, positions (i+0.5) a/b - 0.5; labels by Pillow's nearest or not."""
    step = tf.cast(size, tf.float64) / tf.cast(scaled, tf.float64)
    return Grid(size, scaled, step, 0.5 * step - 0.5, is_pil=is_pil)


def legacy_grid(size: tf.Tensor, factors: tf.Tensor) -> Grid:
    """TF1's `resize_bilinear` to trunc(size * factor): positions i * size / new size."""
    scaled = tf.maximum(tf.cast(tf.cast(size, tf.float64) * factors, tf.int32), 1)
    step = tf.cast(size, tf.float64) / tf.cast(scaled, tf.float64)
    return Grid(size, scaled, step, tf.zeros([2], tf.float64), is_legacy=True)


def scaled_source(grid: Grid, low: tf.Tensor, high: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The source window that the outputs low..high of a resize touch."""
    first = tf.floor(_position(grid, low))
    last = tf.floor(_position(grid, high - 1)) + 2.0
    first = tf.clip_by_value(tf.cast(first, tf.int32), 0, grid.size - 1)
    return first, tf.clip_by_value(tf.cast(last, tf.int32), first + 1, grid.size)


def scaled_labels_source(
    grid: Grid, low: tf.Tensor, high: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """The source window of labels that the outputs low..high of a resize touch."""
    first = [_nearest(grid, low, low + 1, axis)[0] for axis in (0, 1)]
    last = [_nearest(grid, high - 1, high, axis)[0] + 1 for axis in (0, 1)]
    return tf.stack(first), tf.stack(last)


def scale_window(
    pixels: tf.Tensor, source_low: tf.Tensor, grid: Grid, low: tf.Tensor, high: tf.Tensor
) -> tf.Tensor:
    """Bilinear resize, outputs low..high: float32 [H', W', C] from [H, W, C] at `source_low`."""
    for axis in (0, 1):
        outputs = tf.cast(tf.range(low[axis], high[axis]), tf.float64)
        positions = grid.first[axis] + outputs * grid.step[axis]
        positions -= tf.cast(source_low[axis], tf.float64)
        # Whole rows are copied in blocks, so columns take their turn as rows: a third of the time
        # of `ScaleAndTranslate`.
        pixels = tf.transpose(between_pixels(pixels, positions, 0), [1, 0, 2])
    return pixels


def scale_labels_window(
    labels: tf.Tensor, source_low: tf.Tensor, grid: Grid, low: tf.Tensor, high: tf.Tensor
) -> tf.Tensor:
    """Nearest resize of a label map, outputs low..high: [H', W'] from [H, W] at `source_low`."""
    rows, columns = (_nearest(grid, low, high, axis) - source_low[axis] for axis in (0, 1))
    labels = labels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    labels = tf.gather(labels, rows - rows[0])
    # Gathering rows copies blocks, gathering columns would copy single bytes: turn between.
    return tf.transpose(tf.gather(tf.transpose(labels), columns - columns[0]))


def turned_source(
    size: tf.Tensor, angle: tf.Tensor, low: tf.Tensor, high: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """The window of an image that the outputs low..high of its rotation touch.

    Args:
        size: int32 [2] of the image.
        angle: degrees, anti-clockwise on the screen; float64 scalar.
        low, high: output window.
    """
    first, last = _reach(size, angle, low, high)
    first = tf.clip_by_value(first, 0, size - 1)
    return first, tf.clip_by_value(last, first + 1, size)


def turn_window(
    pixels: tf.Tensor,
    source_low: tf.Tensor,
    size: tf.Tensor,
    angle: tf.Tensor,
    low: tf.Tensor,
    high: tf.Tensor,
    *,
    fill: tuple,
) -> tf.Tensor:
    """Rotation about (h/2, w/2) as `cv2.warpAffine` with `INTER_LINEAR`, in floating point.

    Taps outside the image take the value `fill`, so pixels half outside blend with it.

    Args:
        pixels: float32 [H, W, C] at `source_low` of the image.
        source_low: int32 [2].
        size: int32 [2] of the whole image.
        angle: degrees, anti-clockwise on the screen; float64 scalar.
        low, high: output window.
        fill: one number a channel.
    """
    fill = tf.constant(fill, tf.float32)
    turn = (source_low, size, angle, low, high, "BILINEAR", 0)
    first, last = _reach(size, angle, low, high)
    is_inside = tf.reduce_all((first >= 0) & (last <= size))
    # The operation fills all channels with one number, so what is to be filled is made zero.
    return tf.cond(
        is_inside,
        lambda: _projected(pixels, *turn),
        lambda: _projected(pixels - fill, *turn) + fill,
    )


def turn_labels_window(
    labels: tf.Tensor,
    source_low: tf.Tensor,
    size: tf.Tensor,
    angle: tf.Tensor,
    low: tf.Tensor,
    high: tf.Tensor,
    *,
    fill: int,
) -> tf.Tensor:
    """`turn_window` for a label map [H, W]: the nearest pixel, `fill` outside."""
    maps = labels[..., None]
    return _projected(maps, source_low, size, angle, low, high, "NEAREST", fill)[..., 0]


def _projected(pixels, source_low, size, angle, low, high, interpolation, fill):
    linear, shift = _turn(size, angle)
    start = tf.linalg.matvec(linear, tf.cast(low, tf.float64)) + shift
    start -= tf.cast(source_low, tf.float64)
    # The operation counts (x, y), we count (row, column).
    matrix = [linear[1, 1], linear[1, 0], start[1], linear[0, 1], linear[0, 0], start[0], 0.0, 0.0]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=pixels[None],
        transforms=tf.cast(tf.stack(matrix), tf.float32)[None],
        output_shape=high - low,
        fill_value=tf.cast(fill, tf.float32),
        interpolation=interpolation,
        fill_mode="CONSTANT",
    )[0]


def _reach(size, angle, low, high):
    """The window, not yet cut to the image, that the outputs low..high take their taps from."""
    linear, shift = _turn(size, angle)
    low, high = tf.cast(low, tf.float64), tf.cast(high, tf.float64) - 1.0
    middle = tf.linalg.matvec(linear, 0.5 * (low + high)) + shift
    half = tf.linalg.matvec(tf.abs(linear), 0.5 * (high - low))
    first = tf.cast(tf.floor(middle - half), tf.int32) - 1
    return first, tf.cast(tf.floor(middle + half), tf.int32) + 3


def _turn(size, angle):
    """The source (row, column) of output p is linear @ p + shift; float64 [2, 2] and [2].

    `cv2.getRotationMatrix2D` turns about (h/2, w/2), not about the middle pixel's centre.
    """
    radians = tf.cast(angle, tf.float64) * (math.pi / 180.0)
    cosine, sine = tf.cos(radians), tf.sin(radians)
    linear = tf.stack([tf.stack([cosine, sine]), tf.stack([-sine, cosine])])
    centre = tf.cast(size, tf.float64) / 2.0
    return linear, centre - tf.linalg.matvec(linear, centre)


def _position(grid, output):
    return grid.first + tf.cast(output, tf.float64) * grid.step


def _nearest(grid, low, high, axis):
    if grid.is_pil:
        whole = pil_nearest_indices(grid.size[axis], grid.scaled[axis])
        return whole[low[axis] : high[axis]]
    outputs = tf.range(low[axis], high[axis])
    dtype = tf.float32 if grid.is_legacy else tf.float64
    indices = tf.cast(tf.floor(tf.cast(outputs, dtype) * tf.cast(grid.step[axis], dtype)), tf.int32)
    return tf.minimum(indices, grid.size[axis] - 1)
