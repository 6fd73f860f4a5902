"""Atrous spatial pyramid pooling: v2's sum of classifiers and v3's concatenation of features."""

import dataclasses
from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.layers.blocks import conv_norm_relu
from lfp_tf.layers.convolution import Conv2D
from lfp_tf.ops.shapes import height_width
from lfp_tf.options import Norm


def atrous_classifiers(
    x: tf.Tensor, *, classes: int, rates: tuple, initializer: Any = None, name: str = "aspp"
) -> tf.Tensor:
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


@dataclasses.dataclass(frozen=True)
class AtrousBranch:
    """A dilated convolution with batch norm and ReLU.

    Attributes:
        name: prefix of its layers.
        kernel: rows and columns of the kernel.
        rate: dilation.
    """

    name: str
    kernel: int
    rate: int = 1

    def __call__(self, x, channels, norm):
        """[B, H, W, C] to [B, H, W, channels]."""
        return conv_norm_relu(
            x, channels, self.kernel, dilation=self.rate, name=self.name, norm=norm
        )


@dataclasses.dataclass(frozen=True)
class ImageMeanBranch:
    """The mean over the image through a 1x1 convolution, repeated over the map."""

    name: str

    def __call__(self, x, channels, norm):
        """[B, H, W, C] to [B, H, W, channels]."""
        prefix = self.name.rsplit("_", 1)[0]
        mean = tf_keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{prefix}_mean")(x)
        mean = conv_norm_relu(mean, channels, 1, name=self.name, norm=norm)
        return RepeatOverMap(name=f"{prefix}_spread")([mean, x])


def atrous_features(
    x: tf.Tensor, *, rates: tuple, channels: int = 256, norm: Norm = Norm(), name: str = "aspp"
) -> tf.Tensor:
    """DeepLab v3's module: several views of the map, joined (Chen et al. 2017, section 3.3).

    Args:
        x: [B, H, W, C] Keras tensor.
        rates: dilations of the 3x3 branches.
        channels: of a branch.
        norm: `Norm`.
        name: prefix of the layers `NAME_c0_conv`, ..., `NAME_imagepool_conv`.

    Returns:
        [B, H, W, (len(rates) + 2) * channels]: the 1x1 branch, the dilated ones, the image's mean.
    """
    branches = [
        AtrousBranch(f"{name}_c0", kernel=1),
        *(AtrousBranch(f"{name}_c{n}", 3, rate) for n, rate in enumerate(rates, start=1)),
        ImageMeanBranch(f"{name}_imagepool"),
    ]
    maps = [branch(x, channels, norm) for branch in branches]
    return tf_keras.layers.Concatenate(name=f"{name}_join")(maps)


# Saved models know it under its first name.
@tf_keras.utils.register_keras_serializable("lfp_tf", name="Spread")
class RepeatOverMap(tf_keras.layers.Layer):
    """Repeats one cell [B, 1, 1, C] over the map [B, H, W, ...]: what bilinear makes of it."""

    def call(self, inputs: list) -> tf.Tensor:
        """Takes the cell and the map; gives [B, H, W, C]."""
        cell, like = inputs
        height, width = height_width(like)
        return tf.tile(cell, [1, height, width, 1])
