"""A function of rows, computed block by block and again in the backward pass: bounded memory."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from lfp_tf.ops.shapes import side

# From (block of rows [I, R, D], the shared tensors, number of its first row) to [I, R, E].
Function = Callable[[tf.Tensor, Sequence[tf.Tensor], tf.Tensor], tf.Tensor]
# From the same and the gradient of the result to the gradients of the rows and of each float
# tensor that is shared.
Gradient = Callable[[tf.Tensor, Sequence[tf.Tensor], tf.Tensor, tf.Tensor], list]


def by_rows(
    function: Function,
    rows: tf.Tensor,
    shared: Sequence[tf.Tensor],
    block: int | tf.Tensor | None,
    *,
    width: int,
    gradient: Gradient | None = None,
) -> tf.Tensor:
    """Applies a function to blocks of rows one after the other, and again for the gradients.

    Nothing that the function makes on the way outlives its block, neither forward nor backward:
    the backward pass runs it again on each block (Chen et al. 2016, "Training Deep Nets with
    Sublinear Memory Cost"). The gradients of `shared` are the sums over the blocks. All blocks
    write into one tensor.

    Args:
        function: gets (rows [I, R, D], `shared`, index of the first row as an int32 scalar) and
            gives [I, R, E], each row from its own row and `shared` alone. It must read no other
            tensor that needs a gradient.
        rows: [I, N, D] float; N may be unknown.
        shared: tensors that every block needs; those that are not float have no gradient.
        block: rows of a block, at least 1; None takes all rows at once by ordinary
            differentiation, which is the naive form.
        width: E.
        gradient: gets what `function` gets and the gradient of its result, gives those of the rows
            and of the float tensors of `shared`; None runs the function under a tape.

    Returns:
        [I, N, E] of what the function gives.
    """
    if block is None:
        return function(rows, shared, tf.constant(0))
    of_block = gradient or _by_tape(function)

    @tf.custom_gradient
    def blockwise(rows, *shared):
        def backward(upstream):
            return _backward(of_block, rows, shared, block, upstream)

        return _forward(function, rows, shared, block, width), backward

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
            found = iter(_gradients(lambda: function(*tensors), tensors, upstream))
            return [next(found) if t.dtype.is_floating else None for t in tensors]

        return function(*tensors), gradient

    return applied(*tensors)


def _forward(function, rows, shared, block, width):
    block, count = _blocks(rows, block)

    def body(number, results):
        first = _first(rows, number, block)
        result = function(_block(rows, first, block), shared, first)
        return number + 1, _written(results, result, first)

    _, results = _loop(body, count, _empty(rows, width))
    return results


def _backward(gradient, rows, shared, block, upstream):
    block, count = _blocks(rows, block)
    floats = [tensor for tensor in shared if tensor.dtype.is_floating]

    def body(step, results, *sums):
        # The last block comes first, so that the one before it writes the rows that both have.
        number = count - 1 - step
        first = _first(rows, number, block)
        is_own = first + tf.range(block) >= number * block
        own = _block(upstream, first, block)
        own = tf.where(is_own[None, :, None], own, tf.zeros([], own.dtype))
        of_rows, *further = gradient(_block(rows, first, block), shared, first, own)
        sums = [total + one for total, one in zip(sums, further, strict=True)]
        return step + 1, _written(results, of_rows, first), *sums

    zeros = [tf.raw_ops.Empty(shape=tf.shape(x), dtype=x.dtype, init=True) for x in floats]
    _, results, *sums = _loop(body, count, _empty(rows, rows.shape[2]), *zeros)
    totals = iter(sums)
    of_shared = [next(totals) if tensor.dtype.is_floating else None for tensor in shared]
    return [results, *of_shared]


def _by_tape(function):
    def gradient(rows, shared, first, upstream):
        return _gradients(lambda: function(rows, shared, first), (rows, *shared), upstream)

    return gradient


def _gradients(function, tensors, upstream):
    """The gradients of those tensors that are float."""
    floats = [tensor for tensor in tensors if tensor.dtype.is_floating]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(floats)
        result = function()
    zeros = tf.UnconnectedGradients.ZERO
    return tape.gradient(result, floats, upstream, unconnected_gradients=zeros)


def _loop(body, count, *values):
    """One block after the other."""
    return tf.while_loop(
        lambda number, *_: number < count, body, (0, *values), parallel_iterations=1
    )


def _blocks(rows, block):
    """Rows of a block and the number of blocks.

    A number that divides all rows, if there is one above half of `block`, as there mostly is of
    the cells of a map: then no row is computed twice.
    """
    length = side(rows, 1)
    if isinstance(block, int) and isinstance(length, int):
        block = max(1, min(block, length))
        block = next((n for n in range(block, block // 2, -1) if length % n == 0), block)
        return block, -(-length // block)
    block = tf.maximum(1, tf.minimum(block, length))
    sizes = tf.range(block, block // 2, -1)
    divisor = tf.reduce_max(tf.where(length % sizes == 0, sizes, 0))
    block = tf.where(divisor > 0, divisor, block)
    return block, -(-length // block)


def _first(rows, number, block):
    """The first row of a block; the last block begins early where it would reach too far."""
    return tf.minimum(number * block, side(rows, 1) - block)


def _block(rows, first, block):
    part = tf.slice(rows, [0, first, 0], tf.stack([-1, block, -1]))
    part.set_shape([rows.shape[0], block if isinstance(block, int) else None, rows.shape[2]])
    return part


def _empty(rows, width):
    """[I, N, width] for results; zeros would be kept as a constant of the graph, as large."""
    shape = [side(rows, 0), side(rows, 1), width]
    results = tf.raw_ops.Empty(shape=shape, dtype=rows.dtype, init=False)
    results.set_shape([rows.shape[0], rows.shape[1], width])
    return results


def _written(results, block, first):
    """The results with a block at its place; there is no second copy of them.

    On a processor only the update of a slice works in place, and XLA, which does, cannot compile
    it where the place is a variable. So the device chooses: to XLA it is none of those named.
    """
    length = side(block, 1)

    def in_place():
        return tf.raw_ops.TensorStridedSliceUpdate(
            input=results,
            begin=[0, first],
            end=[0, first + length],
            strides=[1, 1],
            value=block,
            begin_mask=1,
            end_mask=1,
        )

    def scattered():
        items, places = tf.range(side(block, 0)), first + tf.range(length)
        pairs = tf.stack(tf.meshgrid(items, places, indexing="ij"), -1)
        return tf.tensor_scatter_nd_update(results, pairs, block)

    number = tf.raw_ops.DeviceIndex(device_names=["CPU"])
    written = tf.switch_case(number, [in_place, scattered])
    written.set_shape(results.shape)
    return written
