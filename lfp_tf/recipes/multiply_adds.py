"""Multiply-adds of a traced graph: of what its outputs need, from the static shapes."""

import tensorflow as tf

PRODUCTS = ("MatMul", "BatchMatMulV2", "Einsum")
_COUNTED = ("Conv2D", "DepthwiseConv2dNative", *PRODUCTS)


def multiply_adds(concrete, *, without=()):
    """Counts convolutions and matrix products that the outputs of a function depend on.

    Args:
        concrete: `tf.function`'s concrete function, traced with shapes that are all known.
        without: kinds of operations left out: `BatchMatMulV2` where matrices resize maps.

    Returns:
        A number; pooling, norms and resizing are not counted.
    """
    pending, seen, total = [tensor.op for tensor in tf.nest.flatten(concrete.outputs)], set(), 0
    while pending:
        operation = pending.pop()
        if operation.name in seen:
            continue
        seen.add(operation.name)
        total += _of_operation(operation) if operation.type not in without else 0
        pending += [tensor.op for tensor in operation.inputs]
    return total


def _of_operation(operation):
    kind = operation.type
    if kind not in _COUNTED:
        return 0
    outputs = operation.outputs[0].shape.num_elements()
    first, second = (tensor.shape for tensor in operation.inputs[:2])
    if kind == "Conv2D":
        kernel = operation.inputs[1]
        # `ops.convolution` fills up channels with zeros for speed.
        kernel = kernel.op.inputs[0] if kernel.op.type == "Pad" else kernel
        return operation.outputs[0].shape[:3].num_elements() * kernel.shape.num_elements()
    if kind == "DepthwiseConv2dNative":
        return outputs * second[:2].num_elements()
    if kind == "Einsum":
        return _einsum(operation.get_attr("equation").decode(), first, second)
    return outputs * (first[-2] if operation.get_attr("transpose_a") else first[-1])


def _einsum(equation, first, second):
    sides = {}
    for letters, shape in zip(equation.split("->")[0].split(","), (first, second), strict=True):
        sides |= dict(zip(letters, shape, strict=True))
    product = 1
    for length in sides.values():
        product *= length
    return product
