"""Walking a network over an image in overlapping windows, the sums kept in one buffer.

Windows are of one size, a stride of two thirds of it apart; the last one ends at the edge. Where
windows overlap, their scores are averaged (`hszhao/semseg tool/test.py:127-175`).
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from lfp_tf.ops.resize import resize_aligned, resize_opencv

Network = Callable[[tf.Tensor], tf.Tensor]


def sliding_probabilities(
    network: Network,
    inputs: tf.Tensor,
    *,
    crop: tuple[int, ...],
    classes: int,
    flip: str,
    window_batch: int = 1,
) -> tf.Tensor:
    """Gives class probabilities of an image, the mean over the windows around each pixel.

    Args:
        network: maps float32 [n, *crop, 3] to logits [n, h, w, classes].
        inputs: float32 [H, W, 3], ready for the network, at least the crop on both sides.
        crop: (height, width) of a window.
        classes: number of classes.
        flip: `none`, `softmax` or `logit_sum`, see `window_probabilities`.
        window_batch: windows that go through the network at once (twice as many with a flip).

    Returns:
        float32 [H, W, classes].
    """

    def predict(windows):
        return window_probabilities(network, windows, size=crop, flip=flip)

    inputs = tf.ensure_shape(inputs, [None, None, 3])
    return mean_over_windows(predict, inputs, crop=crop, classes=classes, window_batch=window_batch)


def mean_over_windows(
    predict: Network,
    inputs: tf.Tensor,
    *,
    crop: tuple[int, ...],
    classes: int,
    stride: tuple[int | None, ...] = (None, None),
    window_batch: int = 1,
) -> tf.Tensor:
    """Gives scores of an image, the mean over the windows around each pixel.

    Args:
        predict: maps windows float32 [n, *crop, K] to scores [n, *crop, classes].
        inputs: float32 [H, W, K], K known, at least the crop on both sides.
        crop: (height, width) of a window.
        classes: number of classes.
        stride: pixels from one window to the next, (down, right); see `window_starts`.
        window_batch: windows that are predicted together.

    Returns:
        float32 [H, W, classes].
    """
    height, width = tf.shape(inputs)[0], tf.shape(inputs)[1]
    rows, columns = (
        window_starts(length, *side)
        for length, side in zip((height, width), zip(crop, stride, strict=True), strict=True)
    )
    tops, lefts = (tf.reshape(x, [-1]) for x in tf.meshgrid(rows, columns, indexing="ij"))
    within = tf.range(crop[0])[:, None] * width + tf.range(crop[1])[None, :]
    flat = tf.reshape(inputs, [height * width, inputs.shape[2]])

    def more(first, _):
        return first < tf.size(tops)

    def step(first, total):
        chosen = slice(first, first + window_batch)
        pixels = within + (tops[chosen] * width + lefts[chosen])[:, None, None]
        scores = tf.ensure_shape(predict(tf.gather(flat, pixels)), [None, *crop, classes])
        total = tf.tensor_scatter_nd_add(total, pixels[..., None], scores)
        return first + window_batch, total

    _, total = tf.while_loop(
        more,
        step,
        (tf.constant(0), tf.zeros([height * width, classes])),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, classes])),
        parallel_iterations=1,
    )
    num_windows = _coverage(rows, crop[0], height)[:, None] * _coverage(columns, crop[1], width)
    num_windows = num_windows[..., None]  # pyright: ignore[reportArgumentType]
    return tf.reshape(total, [height, width, classes]) / num_windows


def window_starts(length: Any, crop: int, stride: int | None = None) -> tf.Tensor:
    """Gives the first pixels of the windows of a side: int32 [ceil((length-crop)/stride) + 1].

    A stride of None is ceil(2/3 crop): 473 gives 316, 713 gives 476. A side of 10 under windows
    of 6 has them at 0 and 4. `length`, a number or a scalar, is at least `crop`.
    """
    stride = stride or -(-2 * crop // 3)
    count = -(-(length - crop) // stride) + 1
    return tf.minimum(tf.range(count) * stride, length - crop)


def window_probabilities(
    network: Network,
    windows: tf.Tensor,
    *,
    size: Any,
    flip: str,
    resize: str = "align_corners",
) -> tf.Tensor:
    """Gives probabilities of images, averaged with those of their mirror images if asked for.

    Args:
        network: maps [n, h, w, 3] to logits [n, h', w', C].
        windows: float32 [n, h, w, 3], ready for the network.
        size: (height, width) that logits are resized to, numbers or scalars.
        flip: `none`; `softmax`, the mean of both probabilities (`hszhao/semseg`); `logit_sum`,
            the softmax of both logits' sum (`hszhao/PSPNet`).
        resize: `align_corners` or `half_pixel`.

    Returns:
        float32 [n, *size, C].
    """
    if flip == "none":
        return tf.nn.softmax(_resized_logits(network, windows, size, resize))
    count = tf.shape(windows)[0]
    both = tf.concat([windows, windows[:, :, ::-1]], axis=0)
    logits = _resized_logits(network, both, size, resize)
    if flip == "logit_sum":
        return tf.nn.softmax(logits[:count] + logits[count:, :, ::-1])
    probabilities = tf.nn.softmax(logits)
    return 0.5 * (probabilities[:count] + probabilities[count:, :, ::-1])


def _resized_logits(network, images, size, resize):
    if resize == "half_pixel":
        return resize_opencv(network(images), size=size)
    return tf.cast(resize_aligned(network(images), size), tf.float32)


def _coverage(starts, crop, length):
    """Counts the windows around each pixel of a side: float32 [length]."""
    places = tf.range(length)[:, None]
    inside = (places >= starts) & (places < starts + crop)
    return tf.reduce_sum(tf.cast(inside, tf.float32), axis=1)
