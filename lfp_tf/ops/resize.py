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

import numpy as np
import tensorflow as tf

from lfp_tf.ops.shapes import height_width, side


def resize_aligned(images, size):
    """Bilinear with corners on corners (`hszhao/PSPNet src/caffe/util/interp.cpp`).

    A row 0, 1, 2 brought to five is 0, 0.5, 1, 1.5, 2; a single pixel spreads; equal sizes copy.

    Args:
        images: [B, H, W, C]; float32, bfloat16 and float16 keep their type, others give float32.
        size: (height, width) of the result.
    """
    resized = tf.raw_ops.ResizeBilinear(
        images=_float32(images), size=_size(size), align_corners=True, half_pixel_centers=False
    )
    return _like(resized, images, size)


def resize_like(images, other):
    """`resize_aligned` to the height and width of `other` [B, H', W', ...]."""
    return resize_aligned(images, height_width(other))


def resize_like_half_pixel(images, other):
    """`resize_opencv` to the height and width of `other`."""
    return resize_opencv(images, size=height_width(other))


# How logits come to the size of a picture, by the word of an experiment.
LIKE = {"align_corners": resize_like, "half_pixel": resize_like_half_pixel}


def resize_legacy_bilinear(images, size):
    """Bilinear of TF1 without aligned corners: position i a / b (PSPNet's TF1 port, training).

    A row 0, 2 brought to four is 0, 1, 2, 2.
    """
    resized = tf.raw_ops.ResizeBilinear(
        images=_float32(images), size=_size(size), align_corners=False, half_pixel_centers=False
    )
    return _like(resized, images, size)


def resize_legacy_nearest(labels, size):
    """Nearest of TF1: pixel floor(i a / b), the position computed in float32 as the kernel does."""
    maps, restore = _as_images(labels)
    resized = tf.raw_ops.ResizeNearestNeighbor(
        images=maps, size=_size(size), align_corners=False, half_pixel_centers=False
    )
    return restore(resized)


def resize_opencv(images, *, size=None, factors=None):
    """`cv2.resize(..., INTER_LINEAR)` of float pictures, to a size or by factors (give one).

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
            images=images, size=_size(size), align_corners=False, half_pixel_centers=True
        )
        return _like(resized, images, size)
    for axis, factor in zip((1, 2), _opencv_factors(images, factors), strict=True):
        images = _linear_taps(images, factor, axis)
    return images


def resize_torch_factor(images, factor):
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


def resize_opencv_nearest(labels, *, size=None, factors=None):
    """`cv2.resize(..., INTER_NEAREST)`: pixel floor(i / f), clamped; by size f = b / a.

    Args:
        labels: [B, H, W] or [B, H, W, C], any type; the type is kept.
        size: (height, width).
        factors: (vertical, horizontal) as in `resize_opencv`.
    """
    lengths = height_width(labels)
    if factors is None:
        counts = [tf.cast(count, tf.int32) for count in _sides(size)]
        factors = [
            tf.cast(count, tf.float64) / tf.cast(length, tf.float64)
            for count, length in zip(counts, lengths, strict=True)
        ]
    else:
        factors = _opencv_factors(labels, factors)
        counts = [scaled_length(*pair) for pair in zip(lengths, factors, strict=True)]
    for axis, length, count, factor in zip((1, 2), lengths, counts, factors, strict=True):
        indices = tf.cast(tf.floor(tf.cast(tf.range(count), tf.float64) * (1.0 / factor)), tf.int32)
        labels = tf.gather(labels, tf.minimum(indices, length - 1), axis=axis)
    return labels


def resize_pil_nearest(labels, size):
    """Pillow's `resize(..., NEAREST)`: the pixel under each output's centre.

    Args:
        labels: [B, H, W] or [B, H, W, C], any type; the type is kept.
        size: (height, width).
    """
    for axis, length, count in zip((1, 2), height_width(labels), _sides(size), strict=True):
        labels = tf.gather(labels, pil_nearest_indices(length, count), axis=axis)
    return labels


def pil_nearest_indices(length, count):
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


def resize_matlab(images, size, *, rounded=False):
    """Matlab's `imresize(..., 'bilinear')`: widens the kernel when it shrinks (antialiasing).

    Args:
        images: [B, H, W, C].
        size: (height, width).
        rounded: as for a uint8 picture: rounded half away from zero and clipped to 0..255 after
            each axis.

    Returns:
        float32 [B, height, width, C].
    """
    images = _float32(images)
    targets = [tf.cast(length, tf.int32) for length in _sides(size)]
    rates = [
        tf.cast(b, tf.float64) / tf.cast(side(images, axis), tf.float64)
        for axis, b in zip((1, 2), targets, strict=True)
    ]

    def along(pictures, axis):
        resized = _matlab_axis(pictures, targets[axis - 1], axis)
        return tf.clip_by_value(tf.floor(resized + 0.5), 0.0, 255.0) if rounded else resized

    # The axis with the smaller scale goes first: it decides what a uint8 picture is rounded to.
    resized = tf.cond(
        rates[0] <= rates[1],
        lambda: along(along(images, 1), 2),
        lambda: along(along(images, 2), 1),
    )
    return _like(resized, images, size)


def scaled_length(length, factor):
    """What `cv2.resize` makes of `length` pixels by a float64 `factor`: round half to even."""
    return tf.cast(tf.round(tf.cast(length, tf.float64) * float64(factor)), tf.int32)


def float64(value):
    """A float64 scalar; `tf.cast` would bring a Python number to float32 on the way."""
    return tf.cast(value, tf.float64) if tf.is_tensor(value) else tf.constant(value, tf.float64)


def _opencv_factors(images, factors):
    """The factors, or 1 where they give the picture's own size: OpenCV then copies."""
    lengths = height_width(images)
    factors = [float64(factor) for factor in factors]
    same = [
        scaled_length(length, factor) == length
        for length, factor in zip(lengths, factors, strict=True)
    ]
    return [tf.where(tf.reduce_all(same), tf.ones([], tf.float64), factor) for factor in factors]


def floored_length(length, factor):
    """What PyTorch makes of `length` pixels by a float64 `factor`: the whole pixels."""
    return tf.cast(tf.floor(tf.cast(length, tf.float64) * float64(factor)), tf.int32)


def _linear_taps(images, factor, axis, counted=scaled_length):
    """One axis by a factor, positions in float64 so that the grid is exact to the last pixel."""
    length = side(images, axis)
    outputs = tf.cast(tf.range(counted(length, factor)), tf.float64)
    position = (outputs + 0.5) / factor - 0.5
    before = tf.floor(position)
    weight = tf.cast(position - before, tf.float32)
    before = tf.cast(before, tf.int32)
    low = tf.gather(images, tf.clip_by_value(before, 0, length - 1), axis=axis)
    high = tf.gather(images, tf.clip_by_value(before + 1, 0, length - 1), axis=axis)
    weight = weight[:, None, None] if axis == 1 else weight[:, None]
    return low + (high - low) * weight


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


def _as_images(labels):
    """[B, H, W] as [B, H, W, 1], and the way back."""
    if labels.shape.rank == 3:
        return labels[..., None], lambda maps: maps[..., 0]
    return labels, lambda maps: maps


def _float32(images):
    return tf.cast(images, tf.float32)


def _sides(size):
    """The two sides of a size that may be one tensor [2]."""
    return tf.unstack(size) if tf.is_tensor(size) else list(size)


def _size(size):
    return tf.cast(tf.stack(_sides(size)), tf.int32)


def _like(resized, images, size):
    """Half types come back as they were, and numbers given as size stay in the shape."""
    images = tf.convert_to_tensor(images)
    if images.dtype in (tf.bfloat16, tf.float16):
        resized = tf.cast(resized, images.dtype)
    height, width = (tf.get_static_value(length) for length in _sides(size))
    return tf.ensure_shape(resized, [images.shape[0], height, width, images.shape[3]])
