"""Average pooling to a grid of bins: adaptive (two small matrix products) or fixed windows."""

import numpy as np
import tensorflow as tf

from lfp_tf.ops.shapes import side
from lfp_tf.ops.valid_cells import clear_invalid, valid_mask


def adaptive_average_pool(images: tf.Tensor, bins: tuple) -> list[tf.Tensor]:
    """Averages a map over `n` x `n` bins for every n in `bins` (PyTorch's AdaptiveAvgPool2d).

    Bin i of n covers the rows floor(i H / n) .. ceil((i + 1) H / n) - 1, so neighbouring bins
    may share a row: 7 rows in 3 bins are rows 0-2, 2-4, 4-6. Columns alike.

    Args:
        images: [B, H, W, C] float; H and W may be unknown.
        bins: numbers of bins a side.

    Returns:
        A list of [B, n, n, C], one per entry of `bins`, in the type of `images`.
    """
    rows = [_bin_matrix(side(images, 1), n, images.dtype) for n in bins]
    columns = [_bin_matrix(side(images, 2), n, images.dtype) for n in bins]
    by_row = tf.einsum("ih,bhwc->biwc", tf.concat(rows, axis=0), images)
    parts = tf.split(by_row, list(bins), axis=1)
    return [
        tf.einsum("jw,biwc->bijc", column, part)
        for column, part in zip(columns, parts, strict=True)
    ]


def window_average_pool(images: tf.Tensor, window: int) -> tf.Tensor:
    """Averages a map over windows that do not overlap; what no full window covers is left out.

    Args:
        images: [B, H, W, C] float.
        window: rows and columns a window, and its stride.

    Returns:
        [B, floor(H / window), floor(W / window), C].

    Raises:
        ValueError: the map is smaller than the window.
    """
    for axis in (1, 2):
        if images.shape[axis] is not None and images.shape[axis] < window:
            raise ValueError(
                f"A map of {images.shape[1]} x {images.shape[2]} is smaller than the pooling "
                f"window of {window}; give a larger image or smaller pool_windows."
            )
    return tf.nn.avg_pool2d(images, window, window, "VALID")


def halving_average_pool(x: tf.Tensor, sizes: tf.Tensor | None = None) -> tf.Tensor:
    """Averages over windows of 3 x 3 about every second cell; padding does not count.

    PyTorch's `AvgPool2d(3, 2, 1, count_include_pad=False)`: the corner is the mean of 2 x 2 cells.

    Args:
        x: [B, H, W, C] float; H and W may be unknown.
        sizes: int [B, 2], valid rows and columns; None is the whole map. Cell (y, x) of the result
            is valid where (2y, 2x) is, so valid sizes halve, rounded up.

    Returns:
        [B, ceil(H / 2), ceil(W / 2), C].
    """
    mask = tf.ones_like(x[:1, :, :, :1]) if sizes is None else valid_mask(sizes, x)
    sums, counts = (
        tf.nn.avg_pool2d(tf.pad(maps, [[0, 0], [1, 1], [1, 1], [0, 0]]), 3, 2, "VALID")
        for maps in (clear_invalid(x, sizes), mask)
    )
    # A window that holds a valid cell has a share of at least 1/9.
    return sums / tf.maximum(counts, 0.1)


def _bin_matrix(size, bins, dtype):
    """[bins, size]: row i holds 1 / count over the positions of bin i."""
    # Static sizes become constants of the graph: numpy and TensorFlow share the arithmetic.
    numbers = np.arange if isinstance(size, int) else tf.range
    index, position = numbers(bins), numbers(size)
    first = (index * size) // bins
    last = -((-(index + 1) * size) // bins)
    inside = (position[None, :] >= first[:, None]) & (position[None, :] < last[:, None])
    inside = tf.cast(inside, tf.float32)
    return tf.cast(inside / tf.reduce_sum(inside, axis=1, keepdims=True), dtype)
