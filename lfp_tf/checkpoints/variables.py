"""The variables of a Keras model under our names, whatever models it is built from."""

from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf
import tf_keras


def flat_layers(model: tf_keras.Model) -> Iterator[tf_keras.layers.Layer]:
    """Yields all layers of a model, those of models inside it in their place."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from flat_layers(layer)
        else:
            yield layer


def variables_by_name(model: tf_keras.Model) -> dict[str, tf.Variable]:
    """Gives {`LAYER/LEAF`: variable} of a model; `pyramid/BRANCH/LEAF` for its branches.

    A model inside a model adds nothing to the names, so a network and its multi-scale form have
    the same ones.
    """
    variables = {}
    for layer in flat_layers(model):
        variables |= layer_variables(layer)
    return variables


def layer_variables(layer: tf_keras.layers.Layer) -> dict[str, tf.Variable]:
    """Gives {`LAYER/LEAF`: variable} of one layer and of the layers inside it."""
    variables = {}
    _collect(layer, layer.name, variables)
    return variables


def assign(variables: Mapping[str, tf.Variable], arrays: Mapping[str, np.ndarray]) -> None:
    """Writes {our name: array} into {our name: variable}."""
    for name, array in arrays.items():
        variables[name].assign(array)


def _collect(layer, path, variables):
    kinds = ("convolutions", "norms", "tables")
    inner = [child for kind in kinds for child in getattr(layer, kind, [])]
    for child in inner:
        _collect(child, f"{path}/{child.name}", variables)
    if not inner:
        for variable in layer.weights:
            variables[f"{path}/{variable.name.split('/')[-1].split(':')[0]}"] = variable
