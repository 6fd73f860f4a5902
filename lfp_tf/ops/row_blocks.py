"""A function of rows, computed block by block and again in the backward pass: bounded memory."""

from collections.abc import Callable, Sequence

import tensorflow as tf

# From (block of rows [I, R, D], the shared tensors, number of its first row) to [I, R, E].
Function = Callable[[tf.Tensor, Sequence[tf.Tensor], tf.Tensor], tf.Tensor]


def by_rows(
    function: Function,
    rows: tf.Tensor,
    shared: Sequence[tf.Tensor],
    block: int | tf.Tensor | None,
) -> tf.Tensor:
    """Applies a function to blocks of rows one after the other, and again for the gradients.

    Nothing that the function makes on the way outlives its block, neither forward nor backward:
    the backward pass runs it again on each block under a tape (Chen et al. 2016, "Training Deep
    Nets with Sublinear Memory Cost"). The gradients of `shared` are the sums over the blocks.

    Args:
        function: gets (rows [I, R, D], `shared`, index of the first row as an int32 scalar) and
            gives [I, R, E], each row from its own row and `shared` alone. It must read no other
            tensor that needs a gradient. The last block is filled up with rows of zeros.
        rows: [I, N, D] float; N may be unknown.
        shared: tensors that every block needs; those that are not float have no gradient.
        block: rows of a block, at least 1; None takes all rows at once by ordinary
            differentiation, which is the naive form.

    Returns:
        [I, N, E] of what the function gives.
    """
    if block is None:
        return function(rows, shared, tf.constant(0))

    @tf.custom_gradient
    def blockwise(rows, *shared):
        def gradient(upstream):
            return _backward(function, rows, shared, block, upstream)

        return _forward(function, rows, shared, block), gradient

    return blockwise(rows, *shared)


def recomputed(function: Callable[..., tf.Tensor], *tensors: tf.Tensor) -> tf.Tensor:
    """Applies a function whose intermediate results are made again for the gradients.

    Args:
        function: gets the tensors; it must read no other one that needs a gradient.
        tensors: its arguments; those that are not float have no gradient.

    Returns:
        What the function gives.
    """

    @tf.custom_gradient
    def applied(*tensors):
        def gradient(upstream):
            return _gradients(lambda: function(*tensors), tensors, upstream)

        return function(*tensors), gradient

    return applied(*tensors)


def _forward(function, rows, shared, block):
    blocks, block = _blocks(rows, block)

    def body(number, results):
        first = number * block
        result = function(_block(blocks, first, block), shared, first)
        return number + 1, results.write(number, result)

    count = tf.shape(blocks)[1] // block
    results = tf.TensorArray(rows.dtype, count, element_shape=None)
    _, results = tf.while_loop(
        lambda number, _: number < count, body, (0, results), parallel_iterations=1
    )
    return _joined(results.stack(), rows)


def _backward(function, rows, shared, block, upstream):
    blocks, block = _blocks(rows, block)
    upstream, _ = _blocks(upstream, block)
    floats = [tensor for tensor in shared if tensor.dtype.is_floating]

    def body(number, results, sums):
        first = number * block
        part = _block(blocks, first, block)
        gradient, *further = _gradients(
            lambda: function(part, shared, first), (part, *floats), _block(upstream, first, block)
        )
        sums = [total + one for total, one in zip(sums, further, strict=True)]
        return number + 1, results.write(number, gradient), sums

    count = tf.shape(blocks)[1] // block
    results = tf.TensorArray(rows.dtype, count, element_shape=None)
    _, results, sums = tf.while_loop(
        lambda number, *_: number < count,
        body,
        (0, results, [tf.zeros_like(tensor) for tensor in floats]),
        parallel_iterations=1,
    )
    totals = iter(sums)
    of_shared = [next(totals) if tensor.dtype.is_floating else None for tensor in shared]
    return [_joined(results.stack(), rows), *of_shared]


def _gradients(function, tensors, upstream):
    """The gradient of each tensor, None of those that are not float."""
    floats = [tensor for tensor in tensors if tensor.dtype.is_floating]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(floats)
        result = function()
    zeros = tf.UnconnectedGradients.ZERO
    found = iter(tape.gradient(result, floats, upstream, unconnected_gradients=zeros))
    return [next(found) if tensor.dtype.is_floating else None for tensor in tensors]


def _blocks(rows, block):
    """The rows filled up to whole blocks, and the rows of a block, never more than there are."""
    static = rows.shape[1]
    if isinstance(block, int) and static is not None:
        block = max(1, min(block, static))
        return tf.pad(rows, [[0, 0], [0, -static % block], [0, 0]]), block
    count = tf.shape(rows)[1]
    block = tf.maximum(tf.minimum(block, count), 1)
    return tf.pad(rows, [[0, 0], [0, -count % block], [0, 0]]), block


def _block(rows, first, block):
    part = tf.slice(rows, [0, first, 0], tf.stack([-1, block, -1]))
    part.set_shape([rows.shape[0], block if isinstance(block, int) else None, rows.shape[2]])
    return part


def _joined(stacked, rows):
    """[blocks, I, R, E] to [I, N, E], without the filling."""
    items, width = tf.shape(stacked)[1], stacked.shape[3] or tf.shape(stacked)[3]
    joined = tf.reshape(tf.transpose(stacked, [1, 0, 2, 3]), [items, -1, width])
    joined = joined[:, : tf.shape(rows)[1]]
    joined.set_shape([rows.shape[0], rows.shape[1], stacked.shape[3]])
    return joined
