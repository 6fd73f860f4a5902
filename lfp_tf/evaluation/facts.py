"""What a file of results says about how it was made: protocol and versions, as plain values."""

import importlib.metadata

_PACKAGES = ("tensorflow", "tf_keras", "tf-models-official", "numpy")
_PROTOCOL = ("name", "flip", "scales", "base_size", "crop", "min_size", "warp")


def describe_protocol(protocol):
    """A protocol's values for JSON; those it does not have are left out.

    Args:
        protocol: `tasks.segmentation.protocols.Protocol`.
    """
    values = {name: getattr(protocol, name) for name in _PROTOCOL}
    if protocol.name in ("whole", "deeplab"):
        values["logits_resize"] = protocol.logits_resize
    if protocol.second_softmax:
        values["second_softmax"] = True
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value is not None
    }


def versions():
    """{package: version} of what results depend on."""
    import lfp_tf

    found = {"lfp-tf": lfp_tf.__version__}
    return found | {name: importlib.metadata.version(name) for name in _PACKAGES}
