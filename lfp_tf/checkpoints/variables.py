"""The variables of a Keras model under our names, whatever models it is built from."""


def flat_layers(model):
    """All layers of a model, those of models inside it in their place."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from flat_layers(layer)
        else:
            yield layer


def variables_by_name(model):
    """{`LAYER/LEAF`: variable} of a Keras model; `pyramid/BRANCH/LEAF` for its branches.

    A model inside a model adds nothing to the names, so a network and its multi-scale form have
    the same ones.
    """
    found = {}
    for layer in flat_layers(model):
        found |= layer_variables(layer)
    return found


def layer_variables(layer):
    """{`LAYER/LEAF`: variable} of one layer, those of layers inside it included."""
    found = {}
    _collect(layer, layer.name, found)
    return found


def assign(variables, arrays):
    """Writes {our name: array} into {our name: variable}."""
    for name, array in arrays.items():
        variables[name].assign(array)


def _collect(layer, path, found):
    inner = getattr(layer, "convolutions", []) + getattr(layer, "norms", [])
    for child in inner:
        _collect(child, f"{path}/{child.name}", found)
    if not inner:
        for variable in layer.weights:
            found[f"{path}/{variable.name.split('/')[-1].split(':')[0]}"] = variable
