"""Attention over all positions of a map, exact, in blocks of queries whatever the map's size.

Axes: I items (image x head), N queries, M keys, P parts of a mixture, D channels of queries and
keys, E channels of values. All of a similarity and its softmax is float32 (float64 of float64).
"""

from collections.abc import Callable

import tensorflow as tf

from lfp_tf.ops.randomness import row_uniforms
from lfp_tf.ops.row_blocks import by_rows
from lfp_tf.ops.shapes import side

# Similarities that exist at a time: 16 MiB of float32.
BLOCK_ENTRIES = 2**22
SIMILARITIES = ("dot", "euclidean")
# Philox' counter has words for rows; a salt tells apart what draws from one key.
_SALT = 7


def attention(
    queries: tf.Tensor,
    keys: tf.Tensor,
    values: tf.Tensor,
    *,
    similarity: str = "dot",
    temperature: float = 1.0,
    mixture: tf.Tensor | None = None,
    key_mask: tf.Tensor | None = None,
    dropout: "Dropout | None" = None,
    block_entries: int | None = BLOCK_ENTRIES,
) -> tf.Tensor:
    """Softmax attention, or a mixture of softmaxes over parts of the channels.

    Part n of P has the channels n D / P to (n + 1) D / P - 1 of queries and keys; the result is
    sum_n pi_n softmax(s_n) V with s = q . k / t or s = -|q - k|^2 / t (Zhang et al. 2020, "Feature
    Pyramid Transformer", section 3.2; dongzhang89/FPT lib/modeling/self_trans.py).

    Args:
        queries: [I, N, D] float.
        keys: [I, M, D].
        values: [I, M, E].
        similarity: `dot` or `euclidean`, the negative square of the distance.
        temperature: divisor t of the similarities.
        mixture: [I, P], the share of each part, see `mixture_shares`; None is one part.
        key_mask: [I, M], 1 for keys that count and 0 for the others; None counts all.
        dropout: of the weights after the softmax, not normalised again; None drops nothing.
        block_entries: similarities that exist at a time, at least one row of them; None makes all
            at once by ordinary differentiation: the naive form.

    Returns:
        [I, N, E] in the type of the values; 0 where no key counts.

    Raises:
        ValueError: an unknown similarity, parts that do not divide the channels.
    """
    if similarity not in SIMILARITIES:
        raise ValueError(f"similarity is {similarity!r}, but must be one of {SIMILARITIES}.")
    parts = 1 if mixture is None else mixture.shape[-1]
    if queries.shape[-1] % parts:
        raise ValueError(f"{parts} parts do not divide {queries.shape[-1]} channels.")
    queries, keys, wide_values = _wide(queries), _wide(keys), _wide(values)
    if similarity == "euclidean":
        # Distances stay, but 2 q.k - k.k loses fewer digits about the origin.
        center = tf.stop_gradient(_mean(keys, key_mask))[:, None]
        queries, keys = queries - center, keys - center
    shared = {
        "keys": _split(keys, parts),
        "values": wide_values,
        "mixture": None if mixture is None else tf.cast(mixture, keys.dtype),
        "mask": None if key_mask is None else tf.cast(key_mask, keys.dtype),
        "dropout": None if dropout is None else dropout.keys,
    }
    scale = 1.0 / temperature

    def scores(rows, keys):
        products = tf.matmul(_split(rows, parts), keys, transpose_b=True)
        if similarity == "dot":
            return products * scale
        # -|q|^2 is the same for all keys of a query: a softmax does not change by it.
        squares = tf.reduce_sum(tf.square(keys), -1)[:, :, None]
        return (2.0 * products - squares) * scale

    def attend(rows, tensors, first):
        weights = _softmax(scores(rows, tensors["keys"]), tensors["mask"])
        if dropout is not None:
            weights = dropout.applied(weights, tensors["dropout"], first)
        if tensors["mixture"] is None:
            weights = weights[:, 0]
        else:
            weights = tf.reduce_sum(weights * tensors["mixture"][:, :, None, None], 1)
        return tf.matmul(weights, tensors["values"])

    block = _block(keys, parts, block_entries)
    return tf.cast(_by_rows(attend, queries, shared, block), values.dtype)


def mixture_shares(weight: tf.Tensor, positions: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
    """The shares of a mixture's parts: softmax over n of (w_n . mean of the positions).

    Args:
        weight: [P, D].
        positions: [I, N, D], queries in the released code, keys in the paper.
        mask: [I, N], 1 for positions that count; None counts all.

    Returns:
        [I, P] float32 (float64 of float64), which sum to 1.
    """
    mean = _mean(_wide(positions), mask)
    return tf.nn.softmax(tf.matmul(mean, tf.cast(weight, mean.dtype), transpose_b=True))


def mean_attention(
    queries: tf.Tensor, keys: tf.Tensor, values: tf.Tensor, key_mask: tf.Tensor | None = None
) -> tf.Tensor:
    """Sum over keys of (q . k) v, divided by the number of keys that count: no softmax.

    The matrix of similarities is never made: (sum of k^T v) / M comes first, which is D x E
    (dongzhang89/FPT lib/modeling/grounding_trans.py, mode `dot`).

    Args:
        queries: [I, N, D] float.
        keys: [I, M, D].
        values: [I, M, E].
        key_mask: [I, M], 1 for keys that count; None counts all.

    Returns:
        [I, N, E] in the type of the values.
    """
    queries, keys, wide_values = _wide(queries), _wide(keys), _wide(values)
    if key_mask is not None:
        keys *= tf.cast(key_mask, keys.dtype)[:, :, None]
    summary = tf.matmul(keys, wide_values, transpose_a=True) / _count(keys, key_mask)[:, None]
    return tf.cast(tf.matmul(queries, summary), values.dtype)


def additive_attention(
    query_scores: tf.Tensor,
    key_scores: tf.Tensor,
    values: tf.Tensor,
    *,
    key_mask: tf.Tensor | None = None,
    block_entries: int | None = BLOCK_ENTRIES,
) -> tf.Tensor:
    """Sum over keys of relu(a_i + b_j) v_j, divided by the number of keys that count.

    With a and b the two halves of a linear map of [q; k] it is the form `concatenate`
    (dongzhang89/FPT lib/modeling/grounding_trans.py).

    Args:
        query_scores: [I, N, 1] float.
        key_scores: [I, M, 1].
        values: [I, M, E].
        key_mask: [I, M], 1 for keys that count; None counts all.
        block_entries: as of `attention`.

    Returns:
        [I, N, E] in the type of the values.
    """
    rows, columns, wide_values = _wide(query_scores), _wide(key_scores), _wide(values)
    if key_mask is not None:
        wide_values *= tf.cast(key_mask, wide_values.dtype)[:, :, None]
    wide_values /= _count(columns, key_mask)[:, None]
    shared = {"columns": tf.transpose(columns, [0, 2, 1]), "values": wide_values}

    def attend(rows, tensors, _):
        return tf.matmul(tf.nn.relu(rows + tensors["columns"]), tensors["values"])

    block = _block(columns, 1, block_entries)
    return tf.cast(_by_rows(attend, rows, shared, block), values.dtype)


class Dropout:
    """Dropout of attention's weights whose masks follow from a key and the row alone.

    So they are the same in the backward pass, in blocks of any size and without blocks.

    Args:
        rate: share that is dropped, above 0 and below 1; the rest is divided by 1 - rate.
        keys: int32 [I, 2], a key an item.
    """

    def __init__(self, rate: float, keys: tf.Tensor):
        self.rate = rate
        self.keys = keys

    def applied(self, weights: tf.Tensor, keys: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
        """Drops from [I, P, R, M], rows `first` and following of N."""
        parts, rows, count = weights.shape[1], tf.shape(weights)[2], side(weights, 3)
        uniforms = tf.map_fn(
            lambda key: row_uniforms(key, first, rows, parts * count, salt=_SALT),
            keys,
            fn_output_signature=tf.TensorSpec([None, None], tf.float32),
        )
        shape = [tf.shape(weights)[0], rows, parts, count]
        uniforms = tf.transpose(tf.reshape(uniforms, shape), [0, 2, 1, 3])
        return weights * tf.cast(uniforms >= self.rate, weights.dtype) / (1.0 - self.rate)


def _softmax(scores, mask):
    """Softmax over the keys that count, 0 everywhere where none does: [I, P, R, M]."""
    if mask is None:
        return tf.nn.softmax(scores)
    mask = mask[:, None, None]
    lowest = tf.constant(scores.dtype.min, scores.dtype)
    scores = tf.where(mask > 0, scores, lowest)
    powers = tf.exp(scores - tf.stop_gradient(tf.reduce_max(scores, -1, keepdims=True))) * mask
    # Where a key counts the sum is at least 1.
    return powers / tf.maximum(tf.reduce_sum(powers, -1, keepdims=True), 1e-30)


def _by_rows(function: Callable, rows, shared: dict, block):
    """`by_rows` with shared tensors by name, of which some may be None."""
    names = [name for name, tensor in shared.items() if tensor is not None]

    def of_list(rows, tensors, first):
        return function(rows, dict.fromkeys(shared) | dict(zip(names, tensors, strict=True)), first)

    return by_rows(of_list, rows, [shared[name] for name in names], block)


def _block(keys, parts, entries):
    """Rows whose similarities are that many; None for all at once."""
    if entries is None:
        return None
    items, count = side(keys, 0), side(keys, 1)
    if isinstance(items, int) and isinstance(count, int):
        return max(1, entries // max(1, items * parts * count))
    # The product of the sides may pass what int32 holds.
    total = tf.cast(items, tf.int64) * tf.cast(count, tf.int64) * parts
    return tf.maximum(tf.cast(entries // tf.maximum(total, 1), tf.int32), 1)


def _split(positions, parts):
    """[I, N, D] to [I, P, N, D / P]."""
    if parts == 1:
        return positions[:, None]
    width = positions.shape[-1] // parts
    shape = [tf.shape(positions)[0], side(positions, 1), parts, width]
    return tf.transpose(tf.reshape(positions, shape), [0, 2, 1, 3])


def _mean(positions, mask):
    """The mean of the positions that count: [I, D]."""
    if mask is None:
        return tf.reduce_mean(positions, 1)
    mask = tf.cast(mask, positions.dtype)
    return tf.einsum("in,ind->id", mask, positions) / _count(positions, mask)


def _count(positions, mask):
    """How many positions count, at least 1: [1, 1] or [I, 1]."""
    if mask is None:
        return tf.cast(tf.shape(positions)[1], positions.dtype)[None, None]
    return tf.maximum(tf.reduce_sum(tf.cast(mask, positions.dtype), 1, keepdims=True), 1.0)


def _wide(tensor):
    return tensor if tensor.dtype == tf.float64 else tf.cast(tensor, tf.float32)
