"""Resizing one map to the size of another inside a network."""

from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.ops.resize import LIKE
from lfp_tf.ops.shapes import height_width, side


@tf_keras.utils.register_keras_serializable("lfp_tf")
class ResizeLike(tf_keras.layers.Layer):
    """Bilinear to the height and width of another map, in float32.

    Args:
        rule: key of `ops.resize.LIKE`: `half_pixel` or `align_corners`.
    """

    def __init__(self, rule, **kwargs):
        super().__init__(**kwargs | {"dtype": "float32"})
        if rule not in LIKE:
            raise ValueError(f"rule is {rule!r}, but must be one of {', '.join(LIKE)}.")
        self.rule = rule

    def call(self, inputs: list) -> tf.Tensor:
        """Takes [B, h, w, C] and the map whose size it takes, [B, H, W, ...]."""
        values, other = inputs
        return LIKE[self.rule](tf.cast(values, tf.float32), other)

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        return super().get_config() | {"rule": self.rule}


@tf_keras.utils.register_keras_serializable("lfp_tf")
class DoubleLike(tf_keras.layers.Layer):
    """Every cell four times, cut to the height and width of another map: [[1, 2]] is 1 1 2 2.

    The finer map of a pyramid has twice the rows of the coarser one, or one fewer.
    """

    def call(self, inputs: list) -> tf.Tensor:
        """Takes [B, h, w, C] and the map whose size it takes, [B, H, W, ...]."""
        values, other = inputs
        height, width = height_width(values)
        batch, channels = side(values, 0), values.shape[-1]
        # A sum is this one's gradient, always in the same order.
        doubled = tf.broadcast_to(
            values[:, :, None, :, None],
            tf.stack([batch, height, 2, width, 2, channels]),
        )
        doubled = tf.reshape(doubled, tf.stack([batch, 2 * height, 2 * width, channels]))
        rows, columns = height_width(other)
        return doubled[:, :rows, :columns]
