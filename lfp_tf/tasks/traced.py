"""The graph functions of a network, kept on it: only the first call pays for tracing."""

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.errors import LfpError

_ATTRIBUTE = "_lfp_tf_traced"


def traced(
    model: tf_keras.Model,
    make: Callable[[tf_keras.Model, Any], Callable],
    protocol: Hashable,
) -> Callable[..., Any]:
    """Gives the function of numpy arrays that a network and a protocol make; traced once.

    Args:
        model: with a `recipe`.
        make: `predictor` of the task's `prediction`.
        protocol: what it takes beside the model.

    Returns:
        Function of an image uint8 [H, W, 3] and further arrays to what the graph function gives.
        It raises LfpError where the network refuses the image or memory is short.
    """
    recipe = model.recipe
    # What a checkpoint loaded later may change makes another function.
    key = (make, protocol, recipe.preprocess, tuple(recipe.classes), recipe.crop)
    # Not by assignment, which would make Keras save it.
    kept = vars(model).setdefault(_ATTRIBUTE, {})
    if key not in kept:
        kept[key] = make(model, protocol)

    def run(image: np.ndarray, *more: np.ndarray) -> Any:
        height, width = image.shape[:2]
        try:
            return kept[key](*(tf.constant(array) for array in (image, *more)))
        except tf.errors.ResourceExhaustedError as error:
            raise LfpError("There is not enough memory for an image of this size.") from error
        except tf.errors.InvalidArgumentError as error:
            raise LfpError(
                f"The network cannot take an image of {width}x{height}; give a larger one."
            ) from error

    return run
