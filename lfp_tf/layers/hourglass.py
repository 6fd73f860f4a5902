"""The parts of the stacked hourglass: stem, one hourglass of units, what stands between two.

Source: `bearpaw/PyraNet models/hg-prm.lua`.
"""

import itertools
from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.layers.initializers import bias_uniform, branch_aware, fan_in_uniform
from lfp_tf.layers.pyramid_residual import PyramidResidual, Residual, drawn_norm


class Hourglass:
    """Builds the parts of one network, which share their options and the count of their modules.

    Args:
        features: channels of the hourglasses.
        residuals: units at each place.
        module: `PyramidModule`.
        initializer: `branch_aware` or `torch_default`.
        norm: `Norm`.
    """

    def __init__(self, features, residuals, module, initializer, norm):
        self.features = features
        self.residuals = residuals
        self.pyramid = module
        self.initializer = initializer
        self.own_norm = norm
        self.salts = itertools.count()

    def stem(self, x: tf.Tensor) -> tf.Tensor:
        """From images [B, H, W, 3] to maps [B, H / 4, W / 4, features]."""
        x = self.norm(self.convolve(x, 64, "stem_conv", kernel=7, stride=2), "stem_bn")
        x = self.module(x, 128, "stem_r1", preact=False)
        x = tf_keras.layers.MaxPool2D(2, name="stem_pool")(x)
        x = self.module(x, 128, "stem_r4")
        return self.module(x, self.features, "stem_r5")

    def hourglass(self, x: tf.Tensor, depth: int, stack: str) -> tf.Tensor:
        """One hourglass; modules turn into plain units where maps are small.

        Args:
            x: [B, h, w, features] Keras tensor.
            depth: how often it halves the map.
            stack: prefix of the layers' names.

        Returns:
            [B, h, w, features].
        """
        up = self.module if depth >= 2 else self.residual
        down = self.module if depth >= 3 else self.residual
        name = f"{stack}_n{depth}"

        def units(y, build, place, **arguments):
            for number in range(1, self.residuals + 1):
                y = build(y, self.features, f"{name}_{place}_{number}", **arguments)
            return y

        above = units(x, up, "up")
        y = tf_keras.layers.MaxPool2D(2, name=f"{name}_pool")(x)
        y = units(y, down, "low1")
        y = self.hourglass(y, depth - 1, stack) if depth > 1 else units(y, down, "low2")
        # The projection on the skip keeps the variance of the sum below from piling up.
        y = units(y, down, "low3", project=True)
        y = tf_keras.layers.UpSampling2D(2, interpolation="nearest", name=f"{name}_upsample")(y)
        return tf_keras.layers.Add(name=f"{name}_add")([above, y])

    def module(self, x: tf.Tensor, channels: int, name: str, **arguments: Any) -> tf.Tensor:
        """A pyramid residual module, or a plain unit in the network without pyramids."""
        if not self.pyramid.pyramid:
            return self.residual(x, channels, name, **arguments)
        arguments |= self.pyramid.arguments() | {"salt": next(self.salts)}
        return PyramidResidual(
            channels,
            initializer=self.initializer,
            norm=self.own_norm,
            name=name,
            **arguments,
        )(x)

    def residual(self, x: tf.Tensor, channels: int, name: str, **arguments: Any) -> tf.Tensor:
        """A plain unit."""
        return Residual(
            channels,
            initializer=self.initializer,
            norm=self.own_norm,
            name=name,
            **arguments,
        )(x)

    def convolve(
        self, x: tf.Tensor, channels: int, name: str, *, kernel: int = 1, stride: int = 1
    ) -> tf.Tensor:
        """A convolution with bias; `kernel // 2` zeros on every side."""
        fan_in = kernel * kernel * x.shape[-1]
        is_paper = self.initializer == "branch_aware"
        if stride > 1:
            x = tf_keras.layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
        return tf_keras.layers.Conv2D(
            channels,
            kernel,
            strides=stride,
            padding="valid" if stride > 1 else "same",
            kernel_initializer=branch_aware() if is_paper else fan_in_uniform(),
            bias_initializer="zeros" if is_paper else bias_uniform(fan_in),
            name=name,
        )(x)

    def norm(self, x: tf.Tensor, name: str) -> tf.Tensor:
        """The norm and a ReLU."""
        x = drawn_norm(self.own_norm, self.initializer, name=name)(x)
        return tf_keras.layers.ReLU(name=f"{name}_relu")(x)
