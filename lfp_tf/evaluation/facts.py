"""The versions of what results depend on, for the files that hold results."""

import importlib.metadata

import lfp_tf

_PACKAGES = ("tensorflow", "tf_keras", "tf-models-official", "numpy")


def versions() -> dict[str, str]:
    """Gives {package: version} of what results depend on."""
    names = {name: importlib.metadata.version(name) for name in _PACKAGES}
    return {"lfp-tf": lfp_tf.__version__} | names
