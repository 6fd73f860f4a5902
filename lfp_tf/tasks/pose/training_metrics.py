"""PCK on heat maps as a Keras metric that counts over all replicas."""

from collections.abc import Iterable

import tensorflow as tf
import tf_keras

from lfp_tf.ops.heatmaps import peaks


class MapAccuracy(tf_keras.metrics.Metric):
    """PCK on heat maps: the peak lies within half of a tenth of the map.

    As a training of `bearpaw/PyraNet` prints it (train.lua:342-420).

    Args:
        joints: number of maps.
        counted: numbers of the joints whose rates are averaged.
    """

    def __init__(self, *, joints: int, counted: Iterable[int], name: str = "map_accuracy") -> None:
        super().__init__(name=name, dtype=tf.int64)
        self.counted = list(counted)
        self.right, self.valid = (
            self.add_weight(kind, [joints], initializer="zeros", dtype=tf.int64)
            for kind in ("right", "valid")
        )

    def update_state(
        self, targets: tf.Tensor, predictions: tf.Tensor, sample_weight: None = None
    ) -> None:
        """Adds heat maps [B, h, w, J].

        A target whose peak is not beyond the first row and column does not count.
        """
        unit = tf.cast(tf.shape(targets)[1], tf.float32) / 10.0
        truth, predicted = peaks(targets), peaks(predictions)
        is_valid = tf.reduce_all(truth[..., :2] > 1, -1)
        distance = tf.norm(predicted[..., :2] - truth[..., :2], axis=-1) / unit
        is_right = is_valid & (distance <= 0.5)
        self.right.assign_add(tf.reduce_sum(tf.cast(is_right, tf.int64), 0))
        self.valid.assign_add(tf.reduce_sum(tf.cast(is_valid, tf.int64), 0))

    def reset_state(self) -> None:
        """Sets all counts to zero."""
        for variable in (self.right, self.valid):
            variable.assign(tf.zeros_like(variable))

    def result(self) -> tf.Tensor:
        """Gives the mean over the joints that somebody has, float32, 0..1."""
        right, valid = (
            tf.gather(tf.cast(variable, tf.float32), self.counted)
            for variable in (self.right, self.valid)
        )
        rates = tf.math.divide_no_nan(right, valid)
        known = tf.cast(valid > 0, tf.float32)
        return tf.math.divide_no_nan(tf.reduce_sum(rates * known), tf.reduce_sum(known))
