"""Keras' convolution in the form that is quickest where it runs."""

import tensorflow as tf
import tf_keras

from lfp_tf.ops.convolution import convolution


@tf_keras.utils.register_keras_serializable("lfp_tf")
class Conv2D(tf_keras.layers.Conv2D):
    """`Conv2D` with every argument of Keras'; groups and channels first go Keras' own way."""

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """The convolution without bias and activation."""
        if self.groups > 1 or self.data_format != "channels_last":
            return super().convolution_op(inputs, kernel)
        return convolution(
            inputs,
            kernel,
            stride=self.strides,
            padding=self.padding,
            dilation=self.dilation_rate,
        )
