"""What Torch's `image` package does to an image, computed for the window that is looked at.

`torch/image generic/image.c` at 5aa1881: `scale` and `rotate`, both bilinear, as PyraNet calls
them. Images are [H, W, C] float32; a window is (low, high), two int32 [2] vectors (row, column),
high excluded.
"""

from collections.abc import Sequence

import tensorflow as tf


def scale(image: tf.Tensor, size: Sequence) -> tf.Tensor:
    """`image.scale(image, width, height)`.

    A side that grows keeps its corners: output i of m stands at i (n-1)/(m-1), the last one on the
    last pixel. A side that shrinks takes the mean over [i n/m, (i+1) n/m) with shares of the pixels
    at the ends: 0, 1, 2 brought to two is 1/3, 5/3. Equal sides are copied.

    Args:
        image: [H, W, C].
        size: (height, width), numbers or int32 [2].

    Returns:
        float32 [height, width, C].
    """
    size = tf.cast(tf.stack(size), tf.int32)
    return scale_window(image, size, tf.zeros([2], tf.int32), size)


def scale_window(image: tf.Tensor, size: tf.Tensor, low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
    """The outputs low..high of `scale` to `size`; only the pixels they see are read."""
    return tf.cond(
        tf.reduce_all(tf.shape(image)[:2] == size),
        lambda: tf.identity(image[low[0] : high[0], low[1] : high[1]]),
        lambda: _weighted(image, size, low, high),
    )


def _weighted(image, size, low, high):
    lengths = tf.shape(image)[:2]
    for axis in (1, 0):
        first, weights = _taps(lengths[axis], size[axis], low[axis], high[axis])
        stop = first + tf.shape(weights)[1]
        if axis:
            image = tf.einsum("ow,hwc->hoc", weights, image[:, first:stop])
        else:
            image = tf.einsum("oh,hwc->owc", weights, image[first:stop])
    return image


def rotate(image: tf.Tensor, degrees: tf.Tensor) -> tf.Tensor:
    """`image.rotate(image, degrees * pi / 180, 'bilinear')`: anti-clockwise, the size stays.

    The middle is (n-1)/2. A tap less than half a pixel outside takes its inner neighbour, further
    out the output is 0.

    Args:
        image: [H, W, C] float32.
        degrees: float64 scalar.
    """
    size = tf.shape(image)[:2]
    return rotate_window(image, degrees, tf.zeros([2], tf.int32), size)


def rotate_window(
    image: tf.Tensor, degrees: tf.Tensor, low: tf.Tensor, high: tf.Tensor
) -> tf.Tensor:
    """The outputs low..high of `rotate`."""
    size = tf.shape(image)[:2]
    angle = tf.cast(degrees, tf.float64) * (3.141592653589793 / 180.0)
    cosine, sine = tf.cos(angle), tf.sin(angle)
    middle = tf.cast(size - 1, tf.float64) / 2.0
    rows = (tf.cast(tf.range(low[0], high[0]), tf.float64) - middle[0])[:, None]
    columns = (tf.cast(tf.range(low[1], high[1]), tf.float64) - middle[1])[None, :]
    y = cosine * rows + sine * columns + middle[0]
    x = cosine * columns - sine * rows + middle[1]
    (top, bottom, down, inside_y), (left, right, across, inside_x) = (
        _neighbours(y, size[0]),
        _neighbours(x, size[1]),
    )
    flat = tf.reshape(image, [size[0] * size[1], tf.shape(image)[2]])

    def taken(row, column):
        return tf.gather(flat, row * size[1] + column)

    upper = taken(top, left) * (1.0 - across) + taken(top, right) * across
    lower = taken(bottom, left) * (1.0 - across) + taken(bottom, right) * across
    mixed = upper * (1.0 - down) + lower * down
    return tf.where((inside_y & inside_x)[..., None], mixed, 0.0)


def surrounded(
    part: tf.Tensor, first: tf.Tensor, last: tf.Tensor, low: tf.Tensor, high: tf.Tensor
) -> tf.Tensor:
    """A window first..last set into zeros that reach from low to high.

    Where the window is empty all is zeros.
    """
    before = tf.clip_by_value(first - low, 0, high - low)
    after = (high - low) - before - (last - first)
    sides = tf.stack([before, tf.maximum(after, 0)], axis=1)
    return tf.pad(part, tf.concat([sides, [[0, 0]]], axis=0))


def _taps(length, count, low, high):
    """Where the outputs low..high of one side begin to read, and their weights [high-low, n]."""
    outputs = tf.range(low, high)
    grown = count > length
    step = tf.cast(
        tf.where(grown, tf.maximum(length - 1, 1), length) / tf.where(grown, count - 1, count),
        tf.float32,
    )
    begin = tf.cast(outputs, tf.float32) * step
    end = tf.cast(outputs + 1, tf.float32) * step
    is_last = outputs == count - 1
    begin = tf.where(grown & is_last, tf.cast(length - 1, tf.float32), begin)
    nearest = tf.where(length == 1, 0.0, begin)
    # The first tap of the first output, and one past the last tap of the last.
    first = tf.minimum(tf.cast(tf.reduce_min(begin), tf.int32), length - 1)
    stop = tf.where(grown, tf.reduce_max(begin) + 2.0, tf.math.ceil(tf.reduce_max(end)))
    stop = tf.clip_by_value(tf.cast(stop, tf.int32), first + 1, length)
    pixels = tf.cast(tf.range(first, stop), tf.float32)[None]
    linear = tf.maximum(1.0 - tf.abs(pixels - nearest[:, None]), 0.0)
    share = tf.minimum(pixels + 1.0, end[:, None]) - tf.maximum(pixels, begin[:, None])
    share = tf.clip_by_value(share, 0.0, 1.0)
    mean = share / tf.reduce_sum(share, axis=1, keepdims=True)
    copied = tf.cast(pixels == tf.cast(outputs, tf.float32)[:, None], tf.float32)
    weights = tf.where(grown, linear, tf.where(count == length, copied, mean))
    return first, weights


def _neighbours(position, length):
    """(before, after, weight of after [.., 1], whether it counts) of positions along one side."""
    floor = tf.floor(position)
    weight = position - floor
    before, after = tf.cast(floor, tf.int32), tf.cast(floor, tf.int32) + 1
    is_inside = (before >= 0) & (after < length)
    at_end = (after == length) & (weight < 0.5) & (before >= 0)
    at_begin = (before == -1) & (weight > 0.5) & (after < length)
    before = tf.clip_by_value(tf.where(at_begin, after, before), 0, length - 1)
    after = tf.clip_by_value(tf.where(at_end, before, after), 0, length - 1)
    return before, after, tf.cast(weight, tf.float32)[..., None], is_inside | at_end | at_begin
