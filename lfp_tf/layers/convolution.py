"""Keras' convolution in the form that is quickest where it runs."""

import tf_keras

from lfp_tf.ops.convolution import convolution


@tf_keras.utils.register_keras_serializable("lfp_tf")
class Conv2D(tf_keras.layers.Conv2D):
    """`Conv2D` with every argument of Keras', computed by `ops.convolution`."""

    def convolution_op(self, inputs, kernel):
        """The convolution without bias and activation."""
        return convolution(
            inputs,
            kernel,
            stride=self.strides,
            padding=self.padding,
            dilation=self.dilation_rate,
        )
