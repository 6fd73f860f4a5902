"""Fractional max-pooling as Torch computes it; TensorFlow's own is a different algorithm.

Per sample and channel a number u in [0, 1) places the windows of an axis: with `length` pixels,
`count` windows of 2 and a = (length - 2) / (count - 1) in float32, window j begins at
int((j + u) a) - int(u a), the last one at length - 2. Windows overlap
(`torch/nn lib/THNN/generic/SpatialFractionalMaxPooling.c`).
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from lfp_tf.ops.shapes import height_width, side

POOL = 2


def fractional_max_pool(
    images: tf.Tensor, size: Sequence, samples: tf.Tensor | None = None
) -> tf.Tensor:
    """Pools to a size by windows of 2 x 2.

    Args:
        images: [B, H, W, C] float.
        size: (height, width) of the result, each at least 1 and below that of `images`.
        samples: [B, C, 2] in [0, 1), for the width and for the height; None takes 0.5 for all.

    Returns:
        [B, height, width, C].

    Raises:
        ValueError: the map is smaller than its windows ask for; sizes known only when the graph
            runs give an InvalidArgumentError with the same sentence.
    """
    return pick_windows(sliding_max(images), size, samples)


def sliding_max(images: tf.Tensor) -> tf.Tensor:
    """The maximum of each 2 x 2 window: [B, H-1, W-1, C]; several poolings of one map share it."""
    height, width = height_width(images)
    _check((height, width), (1, 1))
    return tf.nn.max_pool2d(images, POOL, 1, "VALID")


def pick_windows(windows: tf.Tensor, size: Sequence, samples: tf.Tensor | None = None) -> tf.Tensor:
    """What `fractional_max_pool` makes of the map that `windows` are the sliding maxima of.

    Args:
        windows: [B, H-1, W-1, C] from `sliding_max`.
        size, samples: as there.
    """
    sides = [side + 1 for side in height_width(windows)]
    size = _check(sides, size)
    if samples is None:
        half = tf.constant(0.5)
        for axis in (1, 2):
            starts = window_starts(half, sides[axis - 1], size[axis - 1])
            windows = _select(windows, starts, axis)
        return windows
    draws: tf.Tensor = tf.cast(samples, tf.float32)
    maps = tf.transpose(windows, [0, 3, 1, 2])
    rows = window_starts(draws[..., 1], sides[0], size[0])
    maps = tf.transpose(_select(maps, rows, 2, batch_dims=2), [0, 1, 3, 2])
    columns = window_starts(draws[..., 0], sides[1], size[1])
    return tf.transpose(_select(maps, columns, 2, batch_dims=2), [0, 3, 2, 1])


def window_starts(samples: tf.Tensor, length: int | tf.Tensor, count: int) -> tf.Tensor:
    """First pixels of the windows along one axis.

    Args:
        samples: [...] float32 in [0, 1).
        length, count: pixels and windows, numbers or int32 scalars.

    Returns:
        int32 [..., count], ascending, the last one length - 2.
    """
    if isinstance(length, int) and isinstance(count, int):
        alpha = np.float32(length - POOL) / np.float32(max(count - 1, 1))
        index = np.arange(count - 1, dtype=np.float32)
    else:
        span = tf.cast(tf.maximum(count - 1, 1), tf.float32)
        alpha = tf.cast(length - POOL, tf.float32) / span
        index = tf.cast(tf.range(count - 1), tf.float32)
    samples = samples[..., None]
    starts = tf.cast((index + samples) * alpha, tf.int32) - tf.cast(samples * alpha, tf.int32)
    last = tf.fill(tf.shape(samples), tf.cast(length - POOL, tf.int32))
    return tf.concat([starts, last], axis=-1)


def _select(maps, starts, axis, batch_dims=0):
    """`tf.gather` at ascending places, with a gather for its gradient.

    TensorFlow's own gradient sums segments between two transpositions.
    """
    length = side(maps, axis)

    @tf.custom_gradient
    def select(maps):
        def gradient(changes):
            last = (slice(None),) * axis + (slice(-2, None),)
            both = tf.reduce_sum(changes[last], axis, keepdims=True)
            changes = tf.concat([changes, tf.zeros_like(both), both], axis)
            sources = _sources(starts, length)
            return tf.gather(changes, sources, axis=axis, batch_dims=batch_dims)

        return tf.gather(maps, starts, axis=axis, batch_dims=batch_dims), gradient

    return select(maps)


def _sources(starts, length):
    """int32 [..., length]: the window that begins at a pixel, of `count` windows.

    `count` where none begins; `count` + 1 where the last two do, which rounding can bring about.
    """
    count = tf.shape(starts)[-1]
    rows = tf.reshape(starts, [-1, count])
    pixels = tf.broadcast_to(tf.range(length), tf.stack([tf.shape(rows)[0], length]))
    first, behind = (tf.searchsorted(rows, pixels, side=end) for end in ("left", "right"))
    chosen = tf.where(behind > first, first, count)
    chosen = tf.where(behind - first > 1, count + 1, chosen)
    return tf.reshape(chosen, tf.concat([tf.shape(starts)[:-1], [length]], axis=0))


def _check(sides, size):
    """Refuses what Torch refuses: windows that do not fit beside each other; returns the size."""
    if all(isinstance(number, int) for number in (*sides, *size)):
        for side, count in zip(sides, size, strict=True):
            if count < 1 or count + POOL - 1 > side:
                raise ValueError(
                    f"A map of {sides[0]} x {sides[1]} is too small for fractional pooling to "
                    f"{size[0]} x {size[1]} regions of {POOL} x {POOL}; give a larger image."
                )
        return size
    checked = []
    for side, count in zip(sides, size, strict=True):
        message = f"A map is too small for fractional pooling in regions of {POOL} x {POOL}."
        fits = tf.debugging.assert_greater_equal(side, count + POOL - 1, message=message)
        some = tf.debugging.assert_positive(count, message=message)
        with tf.control_dependencies([check for check in (fits, some) if check is not None]):
            checked.append(tf.identity(count))
    return checked
