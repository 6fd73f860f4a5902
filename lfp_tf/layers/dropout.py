"""Dropout whose masks follow from the sample alone: no split or restart changes them."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
import tf_keras

_CONTEXT = threading.local()


@contextlib.contextmanager
def sample_keys(keys: tf.Tensor) -> Iterator[None]:
    """Inside the block, dropout draws its masks from these keys.

    Args:
        keys: [B, 2] int32, one key a sample: (seed, number of the sample in the run).
    """
    before = current_keys()
    _CONTEXT.keys = keys
    try:
        yield
    finally:
        _CONTEXT.keys = before


def current_keys() -> tf.Tensor | None:
    """The keys of the innermost `sample_keys` around, [B, 2] int32, or None outside of any."""
    return getattr(_CONTEXT, "keys", None)


@tf_keras.utils.register_keras_serializable("lfp_tf")
class SampleDropout(tf_keras.layers.Layer):
    """Dropout of single elements or of whole channels, drawn by sample.

    Under `sample_keys` the mask of a sample depends on its key and on `salt` only: the same for
    one replica or two, for a whole batch or its pieces, and after a restart. Without keys it draws
    like Keras' own dropout.

    Args:
        rate: share that is dropped, 0 to below 1; the rest is scaled by 1 / (1 - rate).
        kind: `channel` (PyTorch's Dropout2d) or `element` (Caffe's dropout).
        salt: tells apart two dropouts of one network.
    """

    def __init__(self, rate, *, kind="channel", salt=0, **kwargs):
        super().__init__(**kwargs)
        if kind not in ("channel", "element"):
            raise ValueError(f'kind is "{kind}", but must be "channel" or "element".')
        self.rate = rate
        self.kind = kind
        self.salt = salt

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Drops from [B, H, W, C] in training; otherwise hands it on."""
        if not training or not self.rate:
            return inputs
        shape = tf.shape(inputs)
        mask_shape = shape[1:] if self.kind == "element" else [1, 1, shape[3]]
        keys = current_keys()
        if keys is None:
            uniform = tf.random.uniform(tf.concat([shape[:1], mask_shape], 0))
        else:
            uniform = tf.map_fn(
                lambda key: tf.random.stateless_uniform(mask_shape, key),
                keys + tf.constant([self.salt, 0]),
                fn_output_signature=tf.TensorSpec([None, None, None], tf.float32),
            )
        kept = tf.cast(uniform >= self.rate, inputs.dtype)
        return inputs * kept * tf.cast(1.0 / (1.0 - self.rate), inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        return super().get_config() | {"rate": self.rate, "kind": self.kind, "salt": self.salt}
