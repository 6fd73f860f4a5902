"""Layers that keep the padding of a batch's images out of a network."""

from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.ops.valid_cells import cells_at_stride, clear_invalid


@tf_keras.utils.register_keras_serializable("lfp_tf")
class ClearInvalid(tf_keras.layers.Layer):
    """Sets the cells of [B, H, W, C] beyond the valid rows and columns, int [B, 2], to zero."""

    def call(self, inputs: tf.Tensor, sizes: tf.Tensor) -> tf.Tensor:
        """Gives [B, H, W, C]."""
        return clear_invalid(inputs, sizes)


@tf_keras.utils.register_keras_serializable("lfp_tf")
class LevelSizes(tf_keras.layers.Layer):
    """Valid cells of a level, int [B, 2], from valid pixels: ceil(size / stride).

    Args:
        stride: pixels of a cell.
    """

    def __init__(self, stride, **kwargs):
        super().__init__(**kwargs)
        self.stride = stride

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Gives int32 [B, 2]."""
        return cells_at_stride(tf.cast(inputs, tf.int32), self.stride)

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        return super().get_config() | {"stride": self.stride}
