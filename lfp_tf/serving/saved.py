"""Running an export from Python, as a server does."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lfp_tf.errors import LfpError, graph_sentence


class SavedExport:
    """The signatures of an export's folder as functions of arrays.

    A SavedModel is a program: load only those you trust.

    Args:
        folder: of one version.
        needs: names of signatures.

    Raises:
        LfpError: it cannot be loaded, or lacks a signature of those that are needed.
    """

    def __init__(self, folder: str | os.PathLike, needs: Sequence[str] = ("serving_default",)):
        try:
            # Signatures do not keep their variables alive.
            self._loaded: Any = tf.saved_model.load(str(folder))
            self.signatures = {name: self._loaded.signatures[name] for name in needs}
        except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
            raise LfpError(
                f"{folder} cannot be loaded as a SavedModel of `lfp-tf export`."
            ) from error

    def __call__(self, name: str, **inputs: Any) -> dict[str, np.ndarray]:
        """Runs a signature on {input: array}; gives {output: array}.

        Raises:
            LfpError: the graph refuses the inputs.
        """
        try:
            tensors = {key: tf.constant(value) for key, value in inputs.items()}
            outputs = self.signatures[name](**tensors)
            return {key: value.numpy() for key, value in outputs.items()}
        except tf.errors.InvalidArgumentError as error:
            raise LfpError(graph_sentence(error)) from error
