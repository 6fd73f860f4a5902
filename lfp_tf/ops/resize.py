"""Every resampling rule of the systems, by name: they differ in where the source grid stands.

Shapes: images [B, H, W, C] of any real type, labels [B, H, W] or [B, H, W, C]; `size` is
(height, width), numbers or int32 tensors. Arithmetic is float32. Output i of b, from a input
pixels, takes its value at the source position

| rule | position | taps outside |
| --- | --- | --- |
| aligned (Caffe `Interp`, PyTorch `align_corners`) | i (a-1) / (b-1) | none |
| legacy (TF1 `resize_bilinear`) | i a / b | last pixel |
| opencv, by size | (i+0.5) a / b - 0.5 | nearest pixel |
| opencv, torch, by factor f | (i+0.5) / f - 0.5 | nearest pixel |
| matlab (`imresize`) | as opencv by size, kernel widened when shrinking | mirrored, edge repeated |
| pil nearest (Pillow `NEAREST`) | whole part of (i+0.5) a / b, added up step by step | none |

None but matlab's suppresses aliases.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from lfp_tf.ops.shapes import height_width, side, sides, size_tensor


def resize_aligned(images: tf.Tensor, size: Sequence) -> tf.Tensor:
    """Bilinear with corners on corners (`hszhao/PSPNet src/caffe/util/interp.cpp`).

    A row 0, 1, 2 brought to five is 0, 0.5, 1, 1.5, 2; a single pixel spreads; equal sizes copy.

    Args:
        images: [B, H, W, C]; float32, bfloat16 and float16 keep their type, others give float32.
        size: (height, width) of the result.
    """
    resized = tf.raw_ops.ResizeBilinear(
        images=_float32(images),
        size=size_tensor(size),
        align_corners=True,
        half_pixel_centers=False,
    )
    return _like(resized, images, size)


def resize_like(images: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """`resize_aligned` to the height and width of `other` [B, H', W', ...]."""
    return resize_aligned(images, height_width(other))


def resize_like_half_pixel(images: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """`resize_opencv` to the height and width of `other`."""
    return resize_opencv(images, size=height_width(other))


# How logits come to the size of an image, by the word of an experiment.
LIKE = {"align_corners": resize_like, "half_pixel": resize_like_half_pixel}


def resize_legacy_bilinear(images: tf.Tensor, size: Sequence) -> tf.Tensor:
    """Bilinear of TF1 without aligned corners: position i a / b (PSPNet's TF1 port, training).

    A row 0, 2 brought to four is 0, 1, 2, 2.
    """
    resized = tf.raw_ops.ResizeBilinear(
        images=_float32(images),
        size=size_tensor(size),
        align_corners=False,
        half_pixel_centers=False,
    )
    return _like(resized, images, size)


def resize_opencv(
    images: tf.Tensor, *, size: Sequence | None = None, factors: Sequence | None = None
) -> tf.Tensor:
    """`cv2.resize(..., INTER_LINEAR)` of float images, to a size or by factors (give one).

    With factors the new size is round-half-even(size * factor) and the *factor* sets the grid,
    not the ratio of the sizes: 5 pixels by 0.5 are 2 pixels at positions 0.5 and 2.5.

    Args:
        images: [B, H, W, C].
        size: (height, width).
        factors: (vertical, horizontal), float numbers or float64 scalars.

    Returns:
        float32 [B, H', W', C].
    """
    images = _float32(images)
    if factors is None:
        resized = tf.raw_ops.ResizeBilinear(
            images=images, size=size_tensor(size), align_corners=False, half_pixel_centers=True
        )
        return _like(resized, images, size)
    for axis, factor in zip((1, 2), opencv_factors(images, factors), strict=True):
        images = _linear_taps(images, factor, axis)
    return images


def resize_torch_factor(images: tf.Tensor, factor: float) -> tf.Tensor:
    """PyTorch's bilinear `interpolate(scale_factor=factor)` since 1.6, corners not aligned.

    floor(n factor) pixels; the *factor* sets the grid, as in OpenCV: 513 by 0.5 are 256 at
    positions 0.5, 2.5, ... Before 1.6 the grid came from the sizes: `resize_opencv(size=...)`.

    Args:
        images: [B, H, W, C].
        factor: a number, for both sides.

    Returns:
        float32 [B, floor(H factor), floor(W factor), C].
    """
    images = _float32(images)
    for axis in (1, 2):
        images = _linear_taps(images, float64(factor), axis, floored_length)
    return images


def resize_matlab(images: tf.Tensor, size: Sequence, *, rounded: bool = False) -> tf.Tensor:
    """Matlab's `imresize(..., 'bilinear')`: widens the kernel when it shrinks (antialiasing).

    Args:
        images: [B, H, W, C].
        size: (height, width).
        rounded: as for a uint8 image: rounded half away from zero and clipped to 0..255 after
            each axis.

    Returns:
        float32 [B, height, width, C].
    """
    images = _float32(images)
    targets = [tf.cast(length, tf.int32) for length in sides(size)]
    rates = [
        tf.cast(b, tf.float64) / tf.cast(side(images, axis), tf.float64)
        for axis, b in zip((1, 2), targets, strict=True)
    ]

    def along(values, axis):
        resized = _matlab_axis(values, targets[axis - 1], axis)
        return tf.clip_by_value(tf.floor(resized + 0.5), 0.0, 255.0) if rounded else resized

    # The axis with the smaller scale goes first: it decides what a uint8 image is rounded to.
    resized = tf.cond(
        rates[0] <= rates[1],
        lambda: along(along(images, 1), 2),
        lambda: along(along(images, 2), 1),
    )
    return _like(resized, images, size)


def scaled_length(length: int | tf.Tensor, factor: float | tf.Tensor) -> int | tf.Tensor:
    """What `cv2.resize` makes of `length` pixels by a float64 `factor`: round half to even."""
    return tf.cast(tf.round(tf.cast(length, tf.float64) * float64(factor)), tf.int32)


def float64(value: Any) -> tf.Tensor:
    """A float64 scalar; `tf.cast` would bring a Python number to float32 on the way."""
    return tf.cast(value, tf.float64) if tf.is_tensor(value) else tf.constant(value, tf.float64)


def opencv_factors(images: tf.Tensor, factors: Sequence) -> list:
    """The factors, or 1 where they give the image's own size: OpenCV then copies."""
    lengths = height_width(images)
    factors = [float64(factor) for factor in factors]
    same = [
        scaled_length(length, factor) == length
        for length, factor in zip(lengths, factors, strict=True)
    ]
    return [tf.where(tf.reduce_all(same), tf.ones([], tf.float64), factor) for factor in factors]


def floored_length(length: int | tf.Tensor, factor: float) -> int | tf.Tensor:
    """What PyTorch makes of `length` pixels by a float64 `factor`: the whole pixels."""
    return tf.cast(tf.floor(tf.cast(length, tf.float64) * float64(factor)), tf.int32)


def between_pixels(images: tf.Tensor, positions: tf.Tensor, axis: int) -> tf.Tensor:
    """Float32 linear interpolation along an axis; beyond the first pixel and the last these repeat.

    Args:
        images: of any number of dimensions.
        positions: float64 [N], in pixels, the first pixel's centre at 0.
        axis: which becomes N long.
    """
    images = tf.convert_to_tensor(images)
    before, last = tf.floor(positions), tf.shape(images)[axis] - 1
    share = tf.cast(positions - before, tf.float32)
    share = tf.reshape(share, [-1] + [1] * (images.shape.rank - axis - 1))
    places = [tf.clip_by_value(tf.cast(before, tf.int32) + i, 0, last) for i in (0, 1)]
    low, high = (tf.cast(tf.gather(images, place, axis=axis), tf.float32) for place in places)
    return low + (high - low) * share


def _linear_taps(images, factor, axis, counted=scaled_length):
    """One axis by a factor, positions in float64 so that the grid is exact to the last pixel."""
    length = side(images, axis)
    outputs = tf.cast(tf.range(counted(length, factor)), tf.float64)
    return between_pixels(images, (outputs + 0.5) / factor - 0.5, axis)


def _matlab_axis(images, count, axis):
    """One axis of `imresize`: mirror what the widest kernel reaches, then weigh and normalise."""
    length = side(images, axis)
    rate = tf.cast(count, tf.float32) / tf.cast(length, tf.float32)
    margin = tf.cast(tf.math.ceil(1.0 / tf.minimum(rate, 1.0)), tf.int32) + 1
    mirrored = tf.math.floormod(tf.range(-margin, length + margin), 2 * length)
    mirrored = tf.where(mirrored < length, mirrored, 2 * length - 1 - mirrored)
    padded = tf.gather(images, mirrored, axis=axis)
    shift = -tf.cast(margin, tf.float32) * rate
    height, width = height_width(images)
    rows = axis == 1
    return tf.raw_ops.ScaleAndTranslate(
        images=padded,
        size=tf.stack([count, width] if rows else [height, count]),
        scale=tf.stack([rate, 1.0] if rows else [1.0, rate]),
        translation=tf.stack([shift, 0.0] if rows else [0.0, shift]),
        kernel_type="triangle",
        antialias=True,
    )


def _float32(images):
    return tf.cast(images, tf.float32)


def _like(resized, images, size):
    """Half types come back as they were, and numbers given as size stay in the shape."""
    images = tf.convert_to_tensor(images)
    if images.dtype in (tf.bfloat16, tf.float16):
        resized = tf.cast(resized, images.dtype)
    height, width = (tf.get_static_value(length) for length in sides(size))
    return tf.ensure_shape(resized, [images.shape[0], height, width, images.shape[3]])
