"""Keras' convolution in the form that is quickest where it runs."""

from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.ops.convolution import convolution, grouped_convolution


@tf_keras.utils.register_keras_serializable("lfp_tf")
class Conv2D(tf_keras.layers.Conv2D):
    """`Conv2D` with every argument of Keras'; channels first go Keras' own way."""

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """The convolution without bias and activation."""
        if self.data_format != "channels_last":
            return super().convolution_op(inputs, kernel)
        options: Any = {
            "stride": self.strides,
            "padding": self.padding,
            "dilation": self.dilation_rate,
        }
        if self.groups > 1:
            return grouped_convolution(inputs, kernel, groups=self.groups, **options)
        return convolution(inputs, kernel, **options)

    def _jit_compiled_convolution_op(self, inputs, kernel):
        # Keras hands what has groups to XLA.
        return self.convolution_op(inputs, kernel)
