"""The pyramid pooling module of PSPNet (Zhao et al. 2017, section 3.2)."""

import dataclasses
from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.layers.batch_norm import BatchNorm
from lfp_tf.layers.initializers import fan_in_uniform
from lfp_tf.ops.pooling import adaptive_average_pool, window_average_pool
from lfp_tf.ops.resize import resize_aligned
from lfp_tf.ops.shapes import height_width
from lfp_tf.options import Norm, PoolingPyramid


class Branch:
    """What follows the averages of one grid: 1x1 convolution, batch norm, ReLU, back to the map.

    Attributes:
        convolution, norm: its layers, `NAME_conv` and `NAME_bn`.
    """

    def __init__(self, channels, norm, name):
        self.convolution = tf_keras.layers.Conv2D(
            channels,
            1,
            use_bias=False,
            kernel_initializer=fan_in_uniform(),
            name=f"{name}_conv",
        )
        self.norm = BatchNorm(name=f"{name}_bn", **norm.arguments())

    def build(self, channels: int) -> None:
        """Makes the variables for averages of so many channels."""
        for layer, count in ((self.convolution, channels), (self.norm, self.convolution.filters)):
            # Variables of one name do not go into one HDF5 file.
            with tf.name_scope(layer.name):
                layer.build([None, None, None, count])

    def __call__(self, averages, size, training):
        """[B, n, n, C] to [B, *size, channels], bilinear with aligned corners."""
        x = tf.nn.relu(self.norm(self.convolution(averages), training=training))
        return resize_aligned(x, size)


@tf_keras.utils.register_keras_serializable("lfp_tf")
class PyramidPooling(tf_keras.layers.Layer):
    """Puts averages over grids of several sizes beside the map itself.

    [B, H, W, C] becomes [B, H, W, C + len(bins) * channels].

    Args:
        bins: grid cells a side, one branch each.
        channels: channels of a branch; None takes C / len(bins).
        pooling: `adaptive` (PyTorch) or `window` (Caffe and the TF1 port).
        pool_windows: for `window`: rows and columns of a window, one number per bin.
        concat: order of the branches behind the map: `ascending` as in `bins`, or `descending`.
        norm: `Norm`, or its values by name.

    Raises:
        ValueError: `window` without one window a bin, channels that the bins do not divide.
    """

    def __init__(
        self,
        *,
        bins=(1, 2, 3, 6),
        channels=None,
        pooling="adaptive",
        pool_windows=(),
        concat="ascending",
        norm=Norm(),
        **kwargs,
    ):
        super().__init__(**kwargs)
        PoolingPyramid(True, tuple(bins), pooling, tuple(pool_windows), concat)  # refuses the rest
        self.bins = tuple(bins)
        self.channels = channels
        self.pooling = pooling
        self.pool_windows = tuple(pool_windows)
        self.concat = concat
        self.norm = Norm.of(norm)
        self.branches = ()
        # Checkpoints know the layers by these two lists.
        self.convolutions, self.norms = [], []

    def build(self, input_shape: tuple) -> None:
        """Makes the branches, in the order of `bins`."""
        channels = self.channels or input_shape[-1] // len(self.bins)
        if not self.channels and input_shape[-1] % len(self.bins):
            raise ValueError(f"{len(self.bins)} bins do not divide {input_shape[-1]} channels.")
        numbers = range(1, len(self.bins) + 1)
        self.branches = tuple(Branch(channels, self.norm, f"branch{n}") for n in numbers)
        for branch in self.branches:
            branch.build(input_shape[-1])
            self.convolutions.append(branch.convolution)
            self.norms.append(branch.norm)
        super().build(input_shape)

    def convolutions_with_norms(self) -> list:
        """Pairs (convolution, the norm that alone reads it)."""
        return [(branch.convolution, branch.norm) for branch in self.branches]

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Pools [B, H, W, C]; H and W may be unknown."""
        size = height_width(inputs)
        maps = [
            branch(averages, size, training)
            for branch, averages in zip(self.branches, self._averages(inputs), strict=True)
        ]
        return tf.concat([inputs, *(maps if self.concat == "ascending" else maps[::-1])], axis=-1)

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        names = ("bins", "channels", "pooling", "pool_windows", "concat")
        values = {name: getattr(self, name) for name in names}
        return super().get_config() | values | {"norm": dataclasses.asdict(self.norm)}

    def _averages(self, inputs):
        if self.pooling == "adaptive":
            return adaptive_average_pool(inputs, self.bins)
        return [window_average_pool(inputs, window) for window in self.pool_windows]
