"""Attention over all positions of a map, exact, in blocks of queries whatever the map's size.

Axes: I items (image x head), N queries, M keys, P parts of a mixture, D channels of queries and
keys, E channels of values. All of a similarity and its softmax is float32 (float64 of float64).
"""

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from lfp_tf.ops.randomness import row_uniforms
from lfp_tf.ops.row_blocks import by_rows
from lfp_tf.ops.shapes import side

# Similarities that exist at a time: 12 MiB of float32.
BLOCK_ENTRIES = 3 * 2**20
SIMILARITIES = ("dot", "euclidean")
# Of a key that does not count; its power is 0 beside that of any other.
_HIDDEN = -1e30
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
    form = _Softmaxes(similarity, 1.0 / temperature, parts, dropout)
    shared = form.shared(keys, wide_values, mixture, key_mask)
    block = _block(keys, parts, block_entries)
    result = _by_rows(form.attended, queries, shared, block, gradient=form.gradients)
    return tf.cast(result, values.dtype)


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
    """Dropout of attention's weights whose factors follow from a key and the row alone.

    So they are the same in the backward pass, in blocks of any size and without blocks.

    Args:
        rate: share that is dropped, above 0 and below 1; the rest is divided by 1 - rate.
        keys: int32 [I, 2], a key an item.
    """

    def __init__(self, rate: float, keys: tf.Tensor):
        self.rate = rate
        self.keys = keys

    def factors(self, keys: tf.Tensor, first: tf.Tensor, shape: list) -> tf.Tensor:
        """What the weights of rows `first` and following of N are multiplied by: float32 `shape`.

        Args:
            keys: int32 [I, 2], `keys` of the items at hand.
            first: int32 scalar.
            shape: [I, P, R, M].
        """
        items, parts, rows, count = shape
        uniforms = tf.map_fn(
            lambda key: row_uniforms(key, first, rows, parts * count, salt=_SALT),
            keys,
            fn_output_signature=tf.TensorSpec([None, None], tf.float32),
        )
        uniforms = tf.reshape(uniforms, [items, rows, parts, count])
        kept = tf.transpose(uniforms, [0, 2, 1, 3]) >= self.rate
        return tf.cast(kept, tf.float32) / (1.0 - self.rate)


@dataclasses.dataclass(frozen=True)
class _Softmaxes:
    """A block of softmax attention and its gradients, with few matrices at a time.

    By hand, as a tape would keep every matrix on the way. With A_n = softmax(s_n), F the factors of
    dropout and g the gradient of sum_n pi_n (A_n F_n) V, ds_n = pi_n A_n (u_n - sum_j A_n u_n) with
    u_n = F_n (g V^T). pi stands on the queries' side of the products, which is smaller.

    Attributes:
        similarity: `dot` or `euclidean`.
        scale: factor of the similarities.
        parts: P.
        dropout: `Dropout` or None.
    """

    similarity: str
    scale: float
    parts: int
    dropout: "Dropout | None"

    def shared(self, keys, values, mixture, mask):
        """What every block needs, by name.

        A similarity is one product: -|k|^2, which differs by the key, is a channel more of the
        keys, where queries are 1, and so is the lowest number that hides a key. -|q|^2 is the same
        for all keys of a query and does not change a softmax.
        """
        center, bias = None, None
        if self.similarity == "euclidean":
            # Distances stay, but 2 q.k - k.k loses fewer digits about the origin.
            center = tf.stop_gradient(_mean(keys, mask))[:, None]
            keys -= center
        keys = _counting(keys, mask)
        split = _split(keys, self.parts)
        if self.similarity == "euclidean":
            bias = -self.scale * tf.reduce_sum(tf.square(split), -1, keepdims=True)
        if mask is not None:
            hidden = tf.where(
                tf.cast(mask, tf.bool)[:, None, :, None], tf.zeros([], keys.dtype), _HIDDEN
            )
            bias = hidden if bias is None else bias + hidden
        if bias is not None:
            bias = tf.broadcast_to(bias, tf.concat([tf.shape(split)[:-1], [1]], 0))
            split = tf.concat([split, bias], -1)
        return {
            "keys": split,
            "values": _counting(values, mask),
            "mixture": None if mixture is None else tf.cast(mixture, keys.dtype),
            "center": center,
            "dropout": None if self.dropout is None else self.dropout.keys,
        }

    def attended(self, rows, tensors, first):
        """[I, R, E] of the queries [I, R, D]."""
        weights = self._softmaxes(self._queries(rows, tensors), tensors)
        factors = self._factors(weights, tensors, first)
        return tf.matmul(self._mixed(weights, factors, tensors), tensors["values"])

    def gradients(self, rows, tensors, first, upstream):
        """The gradients of the rows and, by name, of what is shared."""
        queries = self._queries(rows, tensors)
        weights = self._softmaxes(queries, tensors)
        factors = self._factors(weights, tensors, first)
        mixed = self._mixed(weights, factors, tensors)
        of_weights = tf.matmul(upstream, tensors["values"], transpose_b=True)[:, None]
        if factors is not None:
            of_weights *= factors
        sums = tf.reduce_sum(weights * of_weights, -1, keepdims=True)
        of_scores = weights * (of_weights - sums)
        shares = tensors["mixture"]
        shares = 1.0 if shares is None else shares[:, :, None, None]
        of_queries = tf.matmul(of_scores, tensors["keys"]) * shares
        width = rows.shape[-1] // self.parts
        return _joined(of_queries[..., :width]) * self._factor(), {
            "keys": tf.matmul(of_scores, queries * shares, transpose_a=True),
            "values": tf.matmul(mixed, upstream, transpose_a=True),
            "mixture": tf.reduce_sum(sums, [2, 3]),
        }

    def _queries(self, rows, tensors):
        """[I, P, R, D / P], perhaps with a channel of ones."""
        if tensors["center"] is not None:
            rows -= tf.stop_gradient(tensors["center"])
        queries = _split(rows, self.parts) * self._factor()
        if tensors["keys"].shape[-1] == queries.shape[-1]:
            return queries
        return tf.pad(queries, [[0, 0], [0, 0], [0, 0], [0, 1]], constant_values=1.0)

    def _factor(self):
        return self.scale if self.similarity == "dot" else 2.0 * self.scale

    def _softmaxes(self, queries, tensors):
        """[I, P, R, M]."""
        return tf.nn.softmax(tf.matmul(queries, tensors["keys"], transpose_b=True))

    def _factors(self, weights, tensors, first):
        if self.dropout is None:
            return None
        shape = [tf.shape(weights)[0], self.parts, tf.shape(weights)[2], side(weights, 3)]
        return tf.cast(self.dropout.factors(tensors["dropout"], first, shape), weights.dtype)

    def _mixed(self, weights, factors, tensors):
        """The sum of the parts by their shares: [I, R, M]."""
        if factors is not None:
            weights *= factors
        if tensors["mixture"] is None:
            return weights[:, 0]
        # As a product it reads every matrix once and writes one.
        rows, count = tf.shape(weights)[2], side(weights, 3)
        flat = tf.reshape(weights, [-1, self.parts, rows * count])
        mixed = tf.matmul(tensors["mixture"][:, None], flat)
        return tf.reshape(mixed, [-1, rows, count])


def _counting(positions, mask):
    """Zeros in place of positions that do not count, whatever they hold."""
    if mask is None:
        return positions
    return tf.where(tf.cast(mask, tf.bool)[:, :, None], positions, tf.zeros([], positions.dtype))


def _by_rows(function: Callable, rows, shared: dict, block, gradient: Callable | None = None):
    """`by_rows` with shared tensors by name, of which some may be None."""
    names = [name for name, tensor in shared.items() if tensor is not None]

    def named(tensors):
        return dict.fromkeys(shared) | dict(zip(names, tensors, strict=True))

    def of_list(rows, tensors, first):
        return function(rows, named(tensors), first)

    def gradients(rows, tensors, first, upstream):
        assert gradient is not None
        of_rows, found = gradient(rows, named(tensors), first, upstream)
        floats = {n: x for n, x in zip(names, tensors, strict=True) if x.dtype.is_floating}
        return [of_rows, *(found[n] if n in found else tf.zeros_like(x) for n, x in floats.items())]

    tensors = [shared[name] for name in names]
    options = {"width": shared["values"].shape[-1], "gradient": gradients if gradient else None}
    return by_rows(of_list, rows, tensors, block, **options)


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


def _joined(parts):
    """[I, P, N, D / P] to [I, N, D], the inverse of `_split`."""
    turned = tf.transpose(parts, [0, 2, 1, 3])
    return tf.reshape(turned, [tf.shape(parts)[0], side(parts, 2), parts.shape[1] * parts.shape[3]])


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
