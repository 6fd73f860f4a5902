"""A TensorFlow 2 / Keras model garden for dense prediction; TensorFlow is loaded on first use."""

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = [
    "build",
    "classify",
    "detect",
    "keypoints",
    "load",
    "load_weights",
    "read_checkpoint",
    "segment",
    "show",
]

if TYPE_CHECKING:
    from lfp_tf.api import (
        build,
        classify,
        detect,
        keypoints,
        load,
        load_weights,
        read_checkpoint,
        segment,
        show,
    )


def __getattr__(name):
    if name in __all__:
        return getattr(importlib.import_module("lfp_tf.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
