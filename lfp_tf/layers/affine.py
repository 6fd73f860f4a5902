"""Fixed factors and offsets of channels: what Detectron makes of a trained batch norm."""

import tensorflow as tf
import tf_keras


@tf_keras.utils.register_keras_serializable("lfp_tf")
class Affine(tf_keras.layers.Layer):
    """y = scale x + offset, channel by channel; nothing of it is trained (Caffe2's AffineChannel).

    A new one changes nothing: scale 1, offset 0.
    """

    def build(self, input_shape: tuple) -> None:
        """Makes scale and offset, float32 [C]."""
        fixed = {"trainable": False, "experimental_autocast": False}
        shape = [input_shape[-1]]
        self.scale = self.add_weight("scale", shape, tf.float32, "ones", **fixed)
        self.offset = self.add_weight("offset", shape, tf.float32, "zeros", **fixed)
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Gives [..., C] in the type of the input."""
        return inputs * tf.cast(self.scale, inputs.dtype) + tf.cast(self.offset, inputs.dtype)
