"""Atrous spatial pyramid pooling: v2's sum of classifiers and v3's concatenation of features."""

import tensorflow as tf
import tf_keras

from lfp_tf.layers.blocks import convolve, normalize
from lfp_tf.layers.convolution import Conv2D
from lfp_tf.layers.initializers import fan_in_uniform
from lfp_tf.ops.shapes import height_width


def atrous_classifiers(x, *, classes, rates, initializer=None, name="aspp"):
    """The sum of dilated 3x3 classifiers with biases (Chen et al. 2017, DeepLab v2).

    Args:
        x: [B, H, W, C] Keras tensor.
        classes: channels out.
        rates: dilations, one classifier each.
        initializer: of the kernels; None draws from a normal of 0.01.
        name: prefix of the layers `NAME_c0`, `NAME_c1`, ...

    Returns:
        [B, H, W, classes] logits.
    """
    branches = [
        Conv2D(
            classes,
            3,
            dilation_rate=rate,
            padding="same",
            kernel_initializer=initializer or tf_keras.initializers.RandomNormal(0.0, 0.01),
            name=f"{name}_c{number}",
        )(x)
        for number, rate in enumerate(rates)
    ]
    return tf_keras.layers.Add(name=f"{name}_sum")(branches) if len(branches) > 1 else branches[0]


def atrous_features(x, *, rates, channels=256, name="aspp", norm=None):
    """DeepLab v3's module: a 1x1 branch, dilated 3x3 branches and the image's mean, joined.

    Args:
        x: [B, H, W, C] Keras tensor.
        rates: dilations of the 3x3 branches.
        channels: of a branch.
        name: prefix of the layers `NAME_c0_conv`, ..., `NAME_imagepool_conv`.
        norm: arguments of `BatchNorm`.

    Returns:
        [B, H, W, (len(rates) + 2) * channels], in the order c0, c1, ..., imagepool.
    """

    def branch(y, kernel, dilation, part):
        part = f"{name}_{part}"
        y = convolve(
            y,
            channels,
            kernel,
            dilation=dilation,
            initializer=fan_in_uniform(),
            name=f"{part}_conv",
        )
        return normalize(y, name=f"{part}_bn", norm=dict(norm or {}))

    branches = [branch(x, 1, 1, "c0")]
    branches += [branch(x, 3, rate, f"c{number}") for number, rate in enumerate(rates, start=1)]
    mean = tf_keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(x)
    mean = branch(mean, 1, 1, "imagepool")
    branches.append(Spread(name=f"{name}_spread")([mean, x]))
    return tf_keras.layers.Concatenate(name=f"{name}_join")(branches)


@tf_keras.utils.register_keras_serializable("lfp_tf")
class Spread(tf_keras.layers.Layer):
    """Repeats one cell [B, 1, 1, C] over the map [B, H, W, ...]: what bilinear makes of it."""

    def call(self, inputs):
        """Takes the cell and the map."""
        cell, like = inputs
        height, width = height_width(like)
        return tf.tile(cell, [1, height, width, 1])
