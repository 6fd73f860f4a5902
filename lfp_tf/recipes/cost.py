"""What a network costs: parameters, multiply-adds and activations, layer by layer."""

import dataclasses
import math
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.variables import flat_layers
from lfp_tf.models.catalog import build_network

_PRODUCTS = ("MatMul", "BatchMatMulV2", "Einsum")
_COUNTED = ("Conv2D", "DepthwiseConv2dNative", *_PRODUCTS)
_PARTS = (
    (r"^stem|^Conv1|^bn_Conv1", "stem"),
    (r"^(stage\d)_", None),
    (r"^expanded_conv|^block_", "blocks"),
    (r"^pyramid", "pyramid"),
    (r"^cls_|^zoom", "cls"),
    (r"^aux_", "aux"),
    (r"^aspp_", "aspp"),
    (r"^fc|^reduce_|^mean$", "head"),
    (r"^(stack\d+)_", None),
    (r"^fpn_", "fpn"),
    (r"^((st|gt|rt)_p\d|fpt_)", "transformer"),
    (r"^rpn_", "rpn"),
    (r"^box_", "box head"),
    (r"^mask_", "mask head"),
)


@dataclasses.dataclass(frozen=True)
class LayerCost:
    """One layer.

    Attributes:
        name, kind: the layer's name and class.
        part: of the network: stem, stage1.., pyramid, cls, aux.
        shape: of its output for one crop, (h, w, channels) or (channels).
        parameters: values in its variables; running statistics are not counted.
        multiply_adds: of convolutions and classifiers for one crop, a detector's heads for all
            boxes of an image; all else is left out.
        activations: values of its output, likewise.
    """

    name: str
    kind: str
    part: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    activations: int


@dataclasses.dataclass(frozen=True)
class Cost:
    """A network: its layers in order, and their sums."""

    layers: tuple[LayerCost, ...]

    @property
    def parameters(self) -> int:
        """Trainable values."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Of one crop through the whole network, the auxiliary head included."""
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def activations(self) -> int:
        """Values that training keeps of one crop."""
        return sum(layer.activations for layer in self.layers)

    def by_part(self) -> dict[str, tuple[int, int]]:
        """Gives {part: (parameters, multiply-adds)} in order, without parts that have neither."""
        parts = {}
        for layer in self.layers:
            if not (layer.parameters or layer.multiply_adds):
                continue
            parameters, products = parts.get(layer.part, (0, 0))
            parts[layer.part] = (parameters + layer.parameters, products + layer.multiply_adds)
        return parts


def count_cost(network: str, options: Mapping[str, Any], *, crop: Sequence[int]) -> Cost:
    """Counts the cost of a network at a crop; each further scale of a multi-scale one is a line.

    Args:
        network: what `models.catalog` calls it.
        options: arguments of its builder.
        crop: (height, width).
    """
    scales = options.get("scales", ())
    plain = dict(options) | ({"scales": ()} if scales else {})
    layers = _layers(network, plain, crop)
    for scale in scales:
        size = tuple(int(scale * side) for side in crop)
        layers.append(_scale_cost(_layers(network, plain, size), scale))
    return Cost(tuple(layers))


def multiply_adds(concrete: Any, *, without: Collection[str] = ()) -> int:
    """Counts convolutions and matrix products that the outputs of a function depend on.

    Args:
        concrete: `tf.function`'s concrete function, traced with shapes that are all known.
        without: kinds of operations left out: `BatchMatMulV2` where matrices resize maps.

    Returns:
        A number; pooling, norms and resizing are not counted.
    """
    pending, names, total = [tensor.op for tensor in tf.nest.flatten(concrete.outputs)], set(), 0
    while pending:
        operation = pending.pop()
        if operation.name in names:
            continue
        names.add(operation.name)
        total += _of_operation(operation) if operation.type not in without else 0
        pending += [tensor.op for tensor in operation.inputs]
    return total


def _layers(network, options, crop):
    model = build_network(network, **options, input_shape=(*crop, 3))
    # A detector's heads run for every box.
    parts = model.parts() if hasattr(model, "parts") else [(model, 1)]
    return [
        _layer_cost(layer, runs)
        for part, runs in parts
        for layer in (flat_layers(part) if isinstance(part, tf_keras.Model) else [part])
        if not isinstance(layer, tf_keras.layers.InputLayer)
    ]


def _scale_cost(layers, scale):
    """All layers of a further scale as one; its variables are those of scale 1."""
    return LayerCost(
        name=f"scale {scale:g}",
        kind="all layers",
        part=f"scale {scale:g}",
        shape=layers[-1].shape,
        parameters=0,
        multiply_adds=sum(layer.multiply_adds for layer in layers),
        activations=sum(layer.activations for layer in layers),
    )


def _layer_cost(layer, runs):
    # A layer that several maps share, as an RPN's, counts for each; the first one's shape is told.
    shapes = [node.output_shapes[1:] for node in layer.inbound_nodes] or [()]
    return LayerCost(
        name=layer.name,
        kind=type(layer).__name__,
        part=_part(layer.name),
        shape=shapes[0],
        parameters=_values(layer),
        multiply_adds=runs * sum(_products(layer, shape) for shape in shapes),
        activations=runs * sum(math.prod(shape) for shape in shapes),
    )


def _products(layer, shape):
    """Multiply-adds of a layer for one output of that shape."""
    if hasattr(layer, "convolutions"):
        return _traced(layer)
    if isinstance(layer, tf_keras.layers.Conv2DTranspose):
        # Every output cell comes from one input cell for each stride.
        cells = math.prod(shape[:2]) // math.prod(layer.strides)
        return cells * int(layer.kernel.shape.num_elements())
    if isinstance(layer, tf_keras.layers.DepthwiseConv2D | tf_keras.layers.Conv2D):
        return math.prod(shape[:2]) * int(layer.weights[0].shape.num_elements())
    if isinstance(layer, tf_keras.layers.Dense):
        return int(layer.kernel.shape.num_elements())
    return 0


def _traced(layer):
    """Counts multiply-adds of the convolutions inside a layer, at the sizes they work at."""
    shapes = layer.input_shape
    shapes = shapes if isinstance(shapes, list) else [shapes]
    maps = [tf.TensorSpec((1, *shape[1:])) for shape in shapes]
    maps = maps[0] if len(maps) == 1 else maps
    concrete = tf.function(layer, autograph=False).get_concrete_function(maps, training=False)
    return multiply_adds(concrete, without=_PRODUCTS)


def _values(layer):
    return sum(int(variable.shape.num_elements()) for variable in layer.trainable_weights)


def _part(name):
    for pattern, part in _PARTS:
        if match := re.match(pattern, name):
            return part or match[1]
    return "other"


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
    return math.prod(sides.values())
