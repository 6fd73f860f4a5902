"""The pyramid pooling module of PSPNet (Zhao et al. 2017, section 3.2)."""

import tensorflow as tf
import tf_keras

from lfp_tf.layers.batch_norm import BatchNorm
from lfp_tf.layers.initializers import fan_in_uniform
from lfp_tf.ops.pooling import adaptive_average_pool, window_average_pool
from lfp_tf.ops.resize import resize_aligned
from lfp_tf.ops.shapes import height_width


@tf_keras.utils.register_keras_serializable("lfp_tf")
class PyramidPooling(tf_keras.layers.Layer):
    """Puts averages over grids of several sizes beside the map itself.

    Per bin: average pool, 1x1 convolution to `channels`, batch norm, ReLU, bilinear to the size
    of the map with aligned corners. [B, H, W, C] becomes [B, H, W, C + len(bins) * channels].

    Args:
        bins: grid cells a side, one branch each.
        channels: channels of a branch; None takes C / len(bins).
        pooling: `adaptive` (PyTorch) or `window` (Caffe and the TF1 port).
        pool_windows: for `window`: rows and columns of a window, one number a bin.
        concat: order of the branches behind the map: `ascending` as in `bins`, or `descending`.
        norm: arguments of `BatchNorm`.

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
        norm=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if pooling not in ("adaptive", "window"):
            raise ValueError(f'pooling is "{pooling}", but must be "adaptive" or "window".')
        if concat not in ("ascending", "descending"):
            raise ValueError(f'concat is "{concat}", but must be "ascending" or "descending".')
        if pooling == "window" and len(pool_windows) != len(bins):
            raise ValueError(f"pool_windows needs {len(bins)} numbers, one a bin.")
        self.bins = tuple(bins)
        self.channels = channels
        self.pooling = pooling
        self.pool_windows = tuple(pool_windows)
        self.concat = concat
        self.norm = dict(norm or {})
        self.convolutions, self.norms = [], []

    def build(self, input_shape):
        """Makes a convolution and a batch norm a branch, in the order of `bins`."""
        channels = self.channels or input_shape[-1] // len(self.bins)
        if not self.channels and input_shape[-1] % len(self.bins):
            raise ValueError(f"{len(self.bins)} bins do not divide {input_shape[-1]} channels.")
        branch_shape = [None, None, None, channels]
        for number in range(1, len(self.bins) + 1):
            convolution = tf_keras.layers.Conv2D(
                channels,
                1,
                use_bias=False,
                kernel_initializer=fan_in_uniform(),
                name=f"branch{number}_conv",
            )
            norm = BatchNorm(name=f"branch{number}_bn", **self.norm)
            convolution.build([None, None, None, input_shape[-1]])
            norm.build(branch_shape)
            self.convolutions.append(convolution)
            self.norms.append(norm)
        super().build(input_shape)

    def convolutions_with_norms(self):
        """Pairs (convolution, the norm that alone reads it)."""
        return list(zip(self.convolutions, self.norms, strict=True))

    def call(self, inputs, training=None):
        """Pools [B, H, W, C]; H and W may be unknown."""
        branches = []
        for pooled, convolution, norm in zip(
            self._pool(inputs), self.convolutions, self.norms, strict=True
        ):
            branch = tf.nn.relu(norm(convolution(pooled), training=training))
            branches.append(resize_aligned(branch, height_width(inputs)))
        order = branches if self.concat == "ascending" else branches[::-1]
        return tf.concat([inputs, *order], axis=-1)

    def get_config(self):
        """The arguments, for saving."""
        names = ("bins", "channels", "pooling", "pool_windows", "concat", "norm")
        return super().get_config() | {name: getattr(self, name) for name in names}

    def _pool(self, inputs):
        if self.pooling == "adaptive":
            return adaptive_average_pool(inputs, self.bins)
        return [window_average_pool(inputs, window) for window in self.pool_windows]
