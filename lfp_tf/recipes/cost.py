"""What a network costs: parameters, multiply-adds and activations, layer by layer."""

import dataclasses
import math
import re

import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.variables import flat_layers
from lfp_tf.models.catalog import build_network
from lfp_tf.recipes.multiply_adds import PRODUCTS, multiply_adds

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
)


@dataclasses.dataclass(frozen=True)
class LayerCost:
    """One layer.

    Attributes:
        name, kind: the layer's name and class.
        part: of the network: stem, stage1.., pyramid, cls, aux.
        shape: of its output for one crop, (h, w, channels) or (channels).
        parameters: values in its variables; running statistics are not counted.
        multiply_adds: of convolutions and classifiers for one crop; all else is left out.
        activations: values of its output for one crop.
    """

    name: str
    kind: str
    part: str
    shape: tuple
    parameters: int
    multiply_adds: int
    activations: int


@dataclasses.dataclass(frozen=True)
class Cost:
    """A network: its layers in order, and their sums."""

    layers: tuple

    @property
    def parameters(self):
        """Trainable values."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self):
        """Of one crop through the whole network, the auxiliary head included."""
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def activations(self):
        """Values that training keeps of one crop."""
        return sum(layer.activations for layer in self.layers)

    def by_part(self):
        """{part: (parameters, multiply-adds)} in the network's order; none without both."""
        found = {}
        for layer in self.layers:
            if not (layer.parameters or layer.multiply_adds):
                continue
            parameters, multiply_adds = found.get(layer.part, (0, 0))
            found[layer.part] = (
                parameters + layer.parameters,
                multiply_adds + layer.multiply_adds,
            )
        return found


def count_cost(network, options, *, crop):
    """The cost of a network at a crop; each further scale of a multi-scale one is a line.

    Args:
        network: what `models.catalog` calls it.
        options: arguments of its builder.
        crop: (height, width).
    """
    scales = options.get("scales", ())
    plain = options | ({"scales": ()} if scales else {})
    layers = _layers(network, plain, crop)
    for scale in scales:
        size = tuple(int(scale * side) for side in crop)
        layers.append(_scale_cost(_layers(network, plain, size), scale))
    return Cost(tuple(layers))


def _layers(network, options, crop):
    model = build_network(network, **options, input_shape=(*crop, 3))
    return [_layer_cost(layer) for layer in flat_layers(model) if layer.name != "images"]


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


def _layer_cost(layer):
    shape = layer.output_shape[1:]
    if hasattr(layer, "convolutions"):
        counted = _traced(layer)
    elif isinstance(layer, tf_keras.layers.DepthwiseConv2D | tf_keras.layers.Conv2D):
        counted = math.prod(shape[:2]) * int(layer.weights[0].shape.num_elements())
    elif isinstance(layer, tf_keras.layers.Dense):
        counted = int(layer.kernel.shape.num_elements())
    else:
        counted = 0
    return LayerCost(
        name=layer.name,
        kind=type(layer).__name__,
        part=_part(layer.name),
        shape=shape,
        parameters=_values(layer),
        multiply_adds=counted,
        activations=math.prod(shape),
    )


def _traced(layer):
    """Multiply-adds of the convolutions inside a layer, at the sizes that they work at."""
    spec = tf.TensorSpec((1, *layer.input_shape[1:]))
    concrete = tf.function(layer, autograph=False).get_concrete_function(spec, training=False)
    return multiply_adds(concrete, without=PRODUCTS)


def _values(layer):
    return sum(int(variable.shape.num_elements()) for variable in layer.trainable_weights)


def _part(name):
    for pattern, part in _PARTS:
        if match := re.match(pattern, name):
            return part or match[1]
    return "other"
