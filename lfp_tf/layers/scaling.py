"""Resizing one map to the size of another inside a network."""

from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.ops.resize import LIKE


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
