"""The two resizings of a multi-scale network: its images, and its logits before the maximum."""

from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.ops.resize import (
    floored_length,
    resize_aligned,
    resize_legacy_bilinear,
    resize_opencv,
    resize_torch_factor,
)
from lfp_tf.ops.shapes import height_width
from lfp_tf.options import Scales

# How images and logits come to a size, where it is not `resize_opencv`.
_RESIZES = {"align_corners": resize_aligned, "legacy": resize_legacy_bilinear}


# Saved models know it under its first name.
@tf_keras.utils.register_keras_serializable("lfp_tf", name="ScalePictures")
class ScaleImages(tf_keras.layers.Layer):
    """Resizes images [B, H, W, C] to the whole pixels of `factor` times their sides, in float32.

    Args:
        factor: above 0.
        rule: `resize` of `options.Scales`.
    """

    def __init__(self, factor, rule="ratio", **kwargs):
        super().__init__(**kwargs | {"dtype": "float32"})
        self.factor, self.rule = factor, Scales(resize=rule).resize

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Resizes; H and W may be unknown."""
        if self.rule == "factor":
            return resize_torch_factor(images, self.factor)
        size = [floored_length(side, self.factor) for side in height_width(images)]
        if self.rule in _RESIZES:
            return _RESIZES[self.rule](images, size)
        return resize_opencv(images, size=size)

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        return super().get_config() | {"factor": self.factor, "rule": self.rule}


@tf_keras.utils.register_keras_serializable("lfp_tf")
class MaximumOfScales(tf_keras.layers.Layer):
    """The element-wise maximum of logits of several sizes, at the size of the first, in float32.

    Args:
        rule: `resize` of `options.Scales`; logits are resized by size, so `ratio` and `factor` are
            the same.
    """

    def __init__(self, rule="ratio", **kwargs):
        super().__init__(**kwargs | {"dtype": "float32"})
        self.rule = Scales(resize=rule).resize

    def call(self, logits: list) -> tf.Tensor:
        """Takes a list of [B, h, w, C], sizes their own."""
        first, *others = (tf.cast(values, tf.float32) for values in logits)
        size = height_width(first)
        for values in others:
            if self.rule in _RESIZES:
                values = _RESIZES[self.rule](values, size)
            else:
                values = resize_opencv(values, size=size)
            first = tf.maximum(first, values)
        return first

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        return super().get_config() | {"rule": self.rule}
