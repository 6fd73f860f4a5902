"""What a file of results says about how it was made: the versions of what it depends on."""

import importlib.metadata

_PACKAGES = ("tensorflow", "tf_keras", "tf-models-official", "numpy")


def versions():
    """{package: version} of what results depend on."""
    import lfp_tf

    found = {"lfp-tf": lfp_tf.__version__}
    return found | {name: importlib.metadata.version(name) for name in _PACKAGES}
