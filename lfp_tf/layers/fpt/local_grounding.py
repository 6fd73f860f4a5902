"""Locality-constrained grounding as released: windows over two joined levels, by channel."""

from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.layers.fpt.parts import Table, built, convolution
from lfp_tf.layers.initializers import fan_out_normal
from lfp_tf.ops.window_attention import channel_window_attention, windows


@tf_keras.utils.register_keras_serializable("lfp_tf")
class LocalGrounding(tf_keras.layers.Layer):
    """Attention over a square window (dongzhang89/FPT lib/modeling/LocalityconstrainedGT.py).

    Of each channel alone: the sum over the window of softmax(q k) v, with a learned offset of keys
    by window row in the first half of the channels and by window column in the second. Outside of
    the map stand zeros. [B, H, W, D] (two levels joined) becomes [B, H, W, channels].

    Args:
        channels: channels out, even.
        size: rows and columns of the window, odd.
    """

    def __init__(self, channels, *, size=5, **kwargs):
        super().__init__(**kwargs)
        _check_size(size)
        if channels % 2:
            raise ValueError(f"channels is {channels}, but must be even.")
        self.channels = channels
        self.size = size
        self.convolutions, self.tables = [], []

    def build(self, input_shape: tuple) -> None:
        """Makes the three convolutions and the two tables of offsets."""
        for name in ("queries", "keys", "values"):
            self.convolutions.append(_convolution(self, name, input_shape[-1]))
        for name in ("row_offsets", "column_offsets"):
            table = Table(self.channels // 2, self.size, name=name, dtype=self.dtype_policy)
            self.tables.append(built(table, 0))
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Gives [B, H, W, channels]; H and W may be unknown."""
        queries, keys, values = (layer(inputs) for layer in self.convolutions)
        half = [self.channels // 2, self.size, self.size]
        by_row, by_column = (tf.cast(table.table, keys.dtype) for table in self.tables)
        offsets = [
            tf.broadcast_to(by_row[:, :, None], half),
            tf.broadcast_to(by_column[:, None], half),
        ]
        offsets = tf.reshape(tf.concat(offsets, 0), [self.channels, self.size**2])
        key_windows = windows(keys, self.size) + offsets
        return channel_window_attention(queries, key_windows, windows(values, self.size))

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        names = ("channels", "size")
        return super().get_config() | {name: getattr(self, name) for name in names}


@tf_keras.utils.register_keras_serializable("lfp_tf")
class LocalGroundingStem(tf_keras.layers.Layer):
    """`LocalGrounding` with a mixture of value transforms in place of the offsets.

    The value at place (a, b) of a window is sum_t e_t v_t, e the softmax over t of
    mix_t . (row_a + column_b), three learned tables (class `LocalityconstrainedGTStem` there).

    Args:
        channels: channels out.
        size: rows and columns of the window, odd.
        mixtures: number of value transforms.
        groups: divides the channels; the tables have channels / groups entries a place.
    """

    def __init__(self, channels, *, size=5, mixtures=4, groups=1, **kwargs):
        super().__init__(**kwargs)
        _check_size(size)
        if channels % groups:
            raise ValueError(f"{groups} groups do not divide {channels} channels.")
        self.channels = channels
        self.size = size
        self.mixtures = mixtures
        self.groups = groups
        self.convolutions, self.tables = [], []

    def build(self, input_shape: tuple) -> None:
        """Makes the convolutions and the three tables."""
        names = ("queries", "keys", *(f"values{t}" for t in range(self.mixtures)))
        for name in names:
            self.convolutions.append(_convolution(self, name, input_shape[-1]))
        width = self.channels // self.groups
        shapes = {
            "row_entries": (width, self.size),
            "column_entries": (width, self.size),
            "mixture_entries": (self.mixtures, width),
        }
        for name, shape in shapes.items():
            self.tables.append(built(Table(*shape, name=name, dtype=self.dtype_policy), 0))
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Gives [B, H, W, channels]; H and W may be unknown."""
        queries, keys, *values = (layer(inputs) for layer in self.convolutions)
        shares = tf.cast(self._shares(), queries.dtype)
        pairs = zip(values, tf.unstack(shares), strict=True)
        mixed = tf.add_n([windows(map_, self.size) * share for map_, share in pairs])
        return channel_window_attention(queries, windows(keys, self.size), mixed)

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        names = ("channels", "size", "mixtures", "groups")
        return super().get_config() | {name: getattr(self, name) for name in names}

    def _shares(self):
        """[mixtures, size * size], which sum to 1 over the mixtures."""
        rows, columns, mixture = (table.table for table in self.tables)
        by_row, by_column = tf.matmul(mixture, rows), tf.matmul(mixture, columns)
        scores = by_row[:, :, None] + by_column[:, None]
        return tf.reshape(tf.nn.softmax(scores, 0), [self.mixtures, self.size**2])


def _convolution(layer, name, channels):
    options = {"use_bias": False, "kernel_initializer": fan_out_normal()}
    return convolution(name, channels, layer.channels, dtype=layer.dtype_policy, **options)


def _check_size(size):
    if size % 2 == 0:
        raise ValueError(f"size is {size}, but must be odd.")
