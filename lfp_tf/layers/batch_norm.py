"""Batch normalization with the originals' running values, synchronized over replicas."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
import tf_keras

_CONTEXT = threading.local()


@contextlib.contextmanager
def running_values_held() -> Iterator[None]:
    """Inside the block, training leaves the running values of `BatchNorm` as they are."""
    before = getattr(_CONTEXT, "is_held", False)
    _CONTEXT.is_held = True
    try:
        yield
    finally:
        _CONTEXT.is_held = before


@tf_keras.utils.register_keras_serializable("lfp_tf")
class BatchNorm(tf_keras.layers.Layer):
    """Normalizes channels over batch, height and width of all replicas.

    Keras' own layer clamps epsilon at 1.001e-5 and, synchronized, stores the biased variance;
    weights of PyTorch and Caffe depend on 1e-5 and on n / (n - 1).

    Args:
        decay: share of the old running value that is kept (PyTorch's 1 - momentum).
        epsilon: added to the variance.
        unbiased: whether the running variance is multiplied by n / (n - 1); 1 where n = 1.
        synchronized: whether the statistics are those of the global batch.
        frozen: whether training uses the running values, too, and leaves them alone; gamma and
            beta stay trainable. `trainable = False` freezes all four.
    """

    def __init__(
        self,
        *,
        decay=0.9,
        epsilon=1e-5,
        unbiased=True,
        synchronized=True,
        frozen=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.decay = decay
        self.epsilon = epsilon
        self.unbiased = unbiased
        self.synchronized = synchronized
        self.frozen = frozen

    def build(self, input_shape: tuple) -> None:
        """Makes gamma, beta and the running values, all float32 [C]."""
        shape = [input_shape[-1]]
        self.gamma = self.add_weight(
            "gamma", shape, tf.float32, "ones", experimental_autocast=False
        )
        self.beta = self.add_weight("beta", shape, tf.float32, "zeros", experimental_autocast=False)
        running = {
            "trainable": False,
            "experimental_autocast": False,
            "synchronization": tf.VariableSynchronization.ON_READ,
            "aggregation": tf.VariableAggregation.MEAN,
        }
        self.moving_mean = self.add_weight("moving_mean", shape, tf.float32, "zeros", **running)
        self.moving_variance = self.add_weight(
            "moving_variance", shape, tf.float32, "ones", **running
        )
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Normalizes [B, H, W, C]; the result has the type of the input."""
        if not training or self.frozen or not self.trainable:
            return self._with_running_values(inputs)
        replica = tf.distribute.get_replica_context()
        if self.synchronized and replica is not None and replica.num_replicas_in_sync > 1:
            return self._with_global_statistics(inputs, replica)
        return self._with_batch_statistics(inputs)

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        names = ("decay", "epsilon", "unbiased", "synchronized", "frozen")
        return super().get_config() | {name: getattr(self, name) for name in names}

    def _with_running_values(self, inputs):
        return tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma,
            offset=self.beta,
            mean=self.moving_mean,
            variance=self.moving_variance,
            epsilon=self.epsilon,
            is_training=False,
        ).y

    def _with_batch_statistics(self, inputs):
        empty = tf.constant([], tf.float32)
        result = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma,
            offset=self.beta,
            mean=empty,
            variance=empty,
            epsilon=self.epsilon,
            is_training=True,
        )
        count = tf.cast(tf.reduce_prod(tf.shape(inputs)[:-1]), tf.float32)
        # The fused kernel gives the unbiased variance already.
        variance = result.batch_variance
        if not self.unbiased:
            variance *= tf.maximum(count - 1.0, 1.0) / count
        self._update(result.batch_mean, variance)
        return result.y

    def _with_global_statistics(self, inputs, replica):
        values = tf.cast(inputs, tf.float32)
        axes = [0, 1, 2]
        count = tf.cast(tf.reduce_prod(tf.shape(inputs)[:-1]), tf.float32)
        count = replica.all_reduce("SUM", count)
        # Two passes, not E[x^2] - E[x]^2, which loses the digits of a small variance.
        mean = replica.all_reduce("SUM", tf.reduce_sum(values, axes)) / count
        centred = values - mean
        variance = replica.all_reduce("SUM", tf.reduce_sum(tf.square(centred), axes)) / count
        scale = self.gamma * tf.math.rsqrt(variance + self.epsilon)
        factor = count / tf.maximum(count - 1.0, 1.0) if self.unbiased else 1.0
        self._update(mean, variance * factor)
        return tf.cast(centred * scale + self.beta, inputs.dtype)

    def _update(self, mean, variance):
        if getattr(_CONTEXT, "is_held", False):
            return
        share = 1.0 - self.decay
        for running, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
            running.assign_sub((running - tf.stop_gradient(new)) * share)
