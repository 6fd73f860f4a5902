"""Batch norm whose gamma does not begin at 1."""

from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.layers.batch_norm import BatchNorm


@tf_keras.utils.register_keras_serializable("lfp_tf")
class GammaNorm(BatchNorm):
    """`BatchNorm` with another beginning.

    Args:
        gamma_initializer: `zeros` makes a residual branch begin as nothing (tensorpack's
            ResNet); `uniform` draws from 0 to 1 (Torch's default).
        arguments: those of `BatchNorm`.
    """

    def __init__(self, gamma_initializer="zeros", **arguments):
        super().__init__(**arguments)
        if gamma_initializer not in _DRAWS:
            raise ValueError(
                f'gamma_initializer is "{gamma_initializer}", but must be "zeros" or "uniform".'
            )
        self.gamma_initializer = gamma_initializer

    def add_weight(
        self, name: str, shape: list, dtype: tf.DType, initializer: Any, **arguments: Any
    ) -> tf.Variable:
        """Gamma by its own initializer, the rest as given."""
        if name == "gamma":
            initializer = _DRAWS[self.gamma_initializer]()
        return super().add_weight(name, shape, dtype, initializer, **arguments)

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        return super().get_config() | {"gamma_initializer": self.gamma_initializer}


_DRAWS = {
    "zeros": tf_keras.initializers.Zeros,
    "uniform": lambda: tf_keras.initializers.RandomUniform(0.0, 1.0),
}
