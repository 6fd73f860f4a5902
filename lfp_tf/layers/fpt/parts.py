"""What the transformers of a feature pyramid are made of: convolutions, norms, tables."""

from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.layers.batch_norm import BatchNorm
from lfp_tf.layers.convolution import Conv2D
from lfp_tf.layers.gamma_norm import GammaNorm
from lfp_tf.layers.initializers import xavier_fill
from lfp_tf.options import Norm

# PyTorch's.
EPSILON, DECAY = 1e-5, 0.9


def convolution(name: str, channels: int, filters: int, kernel: int = 1, **options: Any) -> Conv2D:
    """A built convolution that keeps the size, drawn as the released block draws all of its own.

    Args:
        name: of the layer.
        channels: channels in.
        filters: channels out.
        kernel: rows and columns of the kernel, odd.
        options: further arguments of `Conv2D`.
    """
    options = {"padding": "same", "kernel_initializer": xavier_fill()} | options
    layer = Conv2D(filters, kernel, name=name, **options)
    return built(layer, channels)


def strided_convolution(layer: Conv2D, x: tf.Tensor) -> tf.Tensor:
    """A `valid` convolution of 3 x 3 with a cell of zeros on every side, whatever its stride."""
    return layer(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]))


def norm(name: str, channels: int, options: Norm, *, dtype: Any, zeros: bool = False) -> BatchNorm:
    """A built batch norm; with `zeros` its gamma begins at 0."""
    arguments = options.or_else(decay=DECAY, epsilon=EPSILON).arguments()
    arguments |= {"name": name, "dtype": dtype}
    return built(GammaNorm("zeros", **arguments) if zeros else BatchNorm(**arguments), channels)


def normalized(layer: BatchNorm, x: tf.Tensor, training: bool | None) -> tf.Tensor:
    """Normalizes [B, H, W, C]; by the running values where a channel has one value in all.

    The batch's own statistics would make beta of everything there; PyTorch refuses such a batch.
    """
    replica = tf.distribute.get_replica_context()
    replicas = replica.num_replicas_in_sync if replica is not None else 1
    if not training or (layer.synchronized and replicas > 1):
        return layer(x, training=training)
    count = x.shape[:-1].num_elements()
    if count is not None:
        return layer(x, training=count > 1)
    return tf.cond(
        tf.reduce_prod(tf.shape(x)[:-1]) > 1,
        lambda: layer(x, training=True),
        lambda: layer(x, training=False),
    )


def built(layer: Any, channels: int) -> Any:
    """The layer with its variables, for [B, H, W, channels]."""
    with tf.name_scope(layer.name):
        layer.build([None, None, None, channels])
    return layer


@tf_keras.utils.register_keras_serializable("lfp_tf")
class Table(tf_keras.layers.Layer):
    """One variable [rows, columns] of float32, which has no input.

    Args:
        rows, columns: of the variable.
        limit: it begins uniform in +-limit; None draws it from the standard normal.
    """

    def __init__(self, rows, columns, *, limit=None, **kwargs):
        super().__init__(**kwargs)
        self.rows = rows
        self.columns = columns
        self.limit = limit

    def build(self, input_shape: Any = None) -> None:
        """Makes the variable."""
        initializers = tf_keras.initializers
        if self.limit is None:
            draw = initializers.RandomNormal(0.0, 1.0)
        else:
            draw = initializers.RandomUniform(-self.limit, self.limit)
        self.table = self.add_weight(
            "table", [self.rows, self.columns], tf.float32, draw, experimental_autocast=False
        )
        super().build(input_shape)

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        names = ("rows", "columns", "limit")
        return super().get_config() | {name: getattr(self, name) for name in names}


def mixture_table(mixtures: int, channels: int, dtype: Any) -> Table:
    """The weights [mixtures, channels] of a mixture of softmaxes, in +-1 / sqrt(mixtures)."""
    return built(Table(mixtures, channels, limit=mixtures**-0.5, name="attention", dtype=dtype), 0)
