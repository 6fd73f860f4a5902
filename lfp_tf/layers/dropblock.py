"""DropBlock: drops squares of a map, drawn by sample (Ghiasi et al. 2018)."""

from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.layers.dropout import current_keys


@tf_keras.utils.register_keras_serializable("lfp_tf")
class DropBlock(tf_keras.layers.Layer):
    """Drops squares of cells in training, the same of all channels, and scales the rest.

    The arithmetic of the package `dropblock` 0.3.0: a cell is the middle of a square with
    probability rate / size^2, without a correction for the border, and what is kept is multiplied
    by cells / kept cells of the replica's whole batch. Under `sample_keys` the squares of a sample
    depend on its key and on `salt` only.

    Args:
        rate: share that is dropped, about, 0 to below 1.
        size: rows and columns of a square; an even one reaches size / 2 - 1 back from its middle
            and size / 2 on.
        salt: tells apart two of one network.

    Raises:
        ValueError: a rate outside of [0, 1), a size below 1.
    """

    def __init__(self, rate, *, size=5, salt=0, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1 or size < 1:
            raise ValueError(f"rate is {rate} and size {size}, but must be in [0, 1) and above 0.")
        self.rate = rate
        self.size = size
        self.salt = salt

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Drops from [B, H, W, C] in training; otherwise hands it on."""
        if not training or not self.rate:
            return inputs
        shape, keys = tf.shape(inputs)[:3], current_keys()
        if keys is None:
            uniforms = tf.random.uniform(shape)
        else:
            uniforms = tf.map_fn(
                lambda key: tf.random.stateless_uniform(shape[1:], key),
                keys + tf.constant([self.salt, 0]),
                fn_output_signature=tf.TensorSpec([None, None], tf.float32),
            )
        return drop_cells(inputs, kept_cells(uniforms, rate=self.rate, size=self.size))

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        return super().get_config() | {"rate": self.rate, "size": self.size, "salt": self.salt}


def kept_cells(uniforms: tf.Tensor, *, rate: float, size: int) -> tf.Tensor:
    """1 in cells that stay and 0 in those of a dropped square.

    Args:
        uniforms: [B, H, W] in [0, 1), a draw a cell.
        rate: share that is dropped, about.
        size: rows and columns of a square.

    Returns:
        [B, H, W] float32.
    """
    middles = tf.cast(uniforms < rate / size**2, tf.float32)[..., None]
    before, after = size - 1 - size // 2, size // 2
    # A square covers its middle's neighbours; a cell looks for middles the other way round.
    padded = tf.pad(middles, [[0, 0], [after, before], [after, before], [0, 0]])
    return 1.0 - tf.nn.max_pool2d(padded, size, 1, "VALID")[..., 0]


def drop_cells(x: tf.Tensor, kept: tf.Tensor) -> tf.Tensor:
    """[B, H, W, C] without the dropped cells, times cells / kept cells of the whole batch.

    Args:
        x: float.
        kept: [B, H, W] of 0 and 1.
    """
    # The original divides by zero where everything is dropped.
    share = tf.cast(tf.size(kept), kept.dtype) / tf.maximum(tf.reduce_sum(kept), 1.0)
    return x * tf.cast(kept, x.dtype)[..., None] * tf.cast(share, x.dtype)
