"""Attention of a cell over a square window of cells: shifted maps, never a matrix.

Outside of the map stand zero vectors, which take part in the softmax.
"""

from collections.abc import Iterator

import tensorflow as tf

from lfp_tf.ops.row_blocks import recomputed
from lfp_tf.ops.shapes import height_width


def distance_window_attention(
    queries: tf.Tensor,
    keys: tf.Tensor,
    values: tf.Tensor,
    *,
    size: int,
    mixture: tf.Tensor | None = None,
) -> tf.Tensor:
    """Softmax of the negative squared distance over a window, or a mixture over parts of channels.

    The locality-constrained grounding transformer (Zhang et al. 2020, section 3.3). The window of
    cell (y, x) is centered at (y h // H, x w // W): cell 9 of 10 rows at row 4 of 5.

    Args:
        queries: [B, H, W, D] float; sizes may be unknown.
        keys: [B, h, w, D].
        values: [B, h, w, E].
        size: rows and columns of the window, odd.
        mixture: [B, P], the share of each part of the channels; None is one part.

    Returns:
        [B, H, W, E] in the type of the values; its similarities and softmax are float32 at least.
    """
    parts = 1 if mixture is None else mixture.shape[-1]
    wide = [x if x.dtype == tf.float64 else tf.cast(x, tf.float32) for x in (queries, keys, values)]
    queries, keys, wide_values = wide
    height, width = height_width(queries)
    shape = [-1, height, width, parts, queries.shape[-1] // parts]

    def distances(queries, shifted):
        return tf.reduce_sum(tf.square(tf.reshape(queries - shifted, shape)), -1)

    # Of each shift only the distances are kept, not the difference of the maps.
    scores = [
        -recomputed(
            lambda q, k, at=at: distances(q, _shifted(k, at, size, height, width)), queries, keys
        )
        for at in _window(size)
    ]
    weights = tf.nn.softmax(tf.stack(scores, -1))
    if mixture is not None:
        weights *= tf.cast(mixture, weights.dtype)[:, None, None, :, None]
    weights = tf.reduce_sum(weights, -2)
    result = tf.zeros([], weights.dtype)
    for number, at in enumerate(_window(size)):
        result += recomputed(
            lambda w, v, at=at: w * _shifted(v, at, size, height, width),
            weights[..., number, None],
            wide_values,
        )
    return tf.cast(result, values.dtype)


def channel_window_attention(queries: tf.Tensor, keys: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Softmax of q k over a window, for each channel by itself.

    dongzhang89/FPT lib/modeling/LocalityconstrainedGT.py. Keys and values come as windows, so that
    a place in the window may add to them what it will.

    Args:
        queries: [B, H, W, C] float.
        keys: [B, H, W, C, size * size], of each cell's window, row by row.
        values: the same.

    Returns:
        [B, H, W, C].
    """
    weights = tf.nn.softmax(queries[..., None] * keys)
    return tf.reduce_sum(weights * values, -1)


def windows(x: tf.Tensor, size: int) -> tf.Tensor:
    """The windows about all cells, row by row: [B, H, W, C] to [B, H, W, C, size * size]."""
    height, width = height_width(x)
    return tf.stack([_shifted(x, at, size, height, width) for at in _window(size)], -1)


def _window(size: int) -> Iterator[tuple[int, int]]:
    return ((row, column) for row in range(size) for column in range(size))


def _shifted(x, at, size, height, width):
    """[B, H, W, C] whose cell is the one at place `at` of its window in `x`."""
    before = size // 2
    padded = tf.pad(x, [[0, 0], [before, size - 1 - before], [before, size - 1 - before], [0, 0]])
    own_height, own_width = height_width(x)
    is_static = all(isinstance(s, int) for s in (height, width, own_height, own_width))
    if is_static and (height, width) == (own_height, own_width):
        return padded[:, at[0] : at[0] + height, at[1] : at[1] + width]
    rows = tf.range(height) * own_height // height + at[0]
    columns = tf.range(width) * own_width // width + at[1]
    return tf.gather(tf.gather(padded, rows, axis=1), columns, axis=2)
