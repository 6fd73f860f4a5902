"""Names of weights in Keras' `.weights.h5`, which counts the variables of a layer instead.

There the first convolution's kernel lies at `layers/conv2d/vars/0`: the class of the layer and its
number among those of its class, whatever the layer is called (keras-team/keras
`keras/src/saving/saving_lib.py`, `_save_container_state`).
"""

import collections
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lfp_tf.checkpoints.formats.mapped_file import MappedFile

_CONTAINER, _FIRST_CONTAINER = "layers/", "_layer_checkpoint_dependencies/"  # Now; Keras 2.12.
MOST_LEVELS = 60
LAYER_BYTES = 400
_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
_DEPTHWISE = ("depthwise_kernel", "bias")
# What a layer's variables are, by its class and their number; other layers keep their paths.
_VARIABLES = {
    "conv2d": ("kernel", "bias"),
    "conv2d_transpose": ("kernel", "bias"),
    "dense": ("kernel", "bias"),
    "depthwise_conv2d": _DEPTHWISE,
    "batch_normalization": _NORM,
}
_PATH = re.compile(r"(.*/)?([a-z][a-z0-9_]*?)(_\d+)?/vars/(\d+)")


def name_weights(
    arrays: Mapping[str, np.ndarray], layers: Mapping[str, str]
) -> dict[str, np.ndarray]:
    """Names weights `LAYER/LEAF`, as `conv6/kernel`, and leaves out those of an optimizer.

    Args:
        arrays: {path in the file: array}.
        layers: {path of a layer in the file: its name}.

    Returns:
        {name: array}; a weight whose layer, or whose place in it, is not known keeps its path.
    """
    counts = collections.Counter(map(_layer, arrays))
    names = collections.Counter(layers[path] for path in counts if path in layers)
    named = {}
    for path, array in arrays.items():
        layer = _layer(path)
        if layer.startswith("optimizer"):
            continue
        name = layers.get(layer)
        leaf = _leaf(path, counts[layer])
        is_known = name is not None and names[name] == 1 and leaf is not None
        named[f"{name}/{leaf}" if is_known else path] = array
    return named


def layers_of(file: MappedFile, config: Any) -> dict[str, str]:
    """Gives {path of a layer in the weights: its name} of the description of a model.

    Nothing is built from it: of every layer the name and the name of its class are read.

    Args:
        file: refuses and counts.
        config: of `config.json`, as JSON gives it.

    Raises:
        LfpError: models within models without end.
    """
    layers, waiting = {}, [(config, "", 0)]
    while waiting:
        model, prefix, level = waiting.pop()
        if level > MOST_LEVELS:
            raise file.refusal(f"nests deeper than {MOST_LEVELS} levels; it is hostile.")
        used = collections.Counter()
        for kind, name, layer in _described(model):
            number = used[kind]
            used[kind] += 1
            path = f"{prefix}{_CONTAINER}{kind}" + (f"_{number}" if number else "")
            file.charge(LAYER_BYTES + len(path))
            layers[path] = name
            waiting.append((layer, f"{path}/", level + 1))
    return layers


def _layer(path):
    """The path of the layer that a weight belongs to, "" of anything else."""
    return path.rpartition("/vars/")[0].replace(_FIRST_CONTAINER, _CONTAINER)


def _described(model: Any) -> Iterator[tuple[str, str, Any]]:
    """Yields (class in snake case, name, description) of the layers in a model's description."""
    content = model.get("config") if type(model) is dict else None
    layers = content.get("layers") if type(content) is dict else None
    for layer in layers if type(layers) is list else []:
        content = layer.get("config") if type(layer) is dict else None
        if type(content) is dict and type(content.get("name")) is str:
            yield _snake_case(str(layer.get("class_name"))), content["name"], layer


def _snake_case(name):
    """As Keras does it: `Conv2D` is `conv2d`, `BatchNormalization` `batch_normalization`."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _leaf(path, count):
    """The name of a variable of a layer that has `count` of them; None where it is not known."""
    match = _PATH.fullmatch(path)
    leaves = _VARIABLES.get(match[2], ()) if match else ()
    # A norm without scale or centre has fewer, and they do not say which.
    if not match or (leaves is _NORM and count != len(_NORM)) or int(match[4]) >= len(leaves):
        return None
    return leaves[int(match[4])]
