"""The mean IoU as a Keras metric that counts over all replicas."""

from collections.abc import Sequence

import tensorflow as tf
import tf_keras

from lfp_tf.evaluation.confusion import confusion_matrix


class MeanIoU(tf_keras.metrics.Metric):
    """Counts pixels by truth and prediction in int64, over all replicas.

    Args:
        num_classes: of labels and predictions.
        ignore_label: label that is not counted.
        definition: mean over `all` classes, where one that never occurs counts 0; over those
            `present` in truth or prediction; over those that the truth has (`truth`).
    """

    def __init__(
        self,
        *,
        num_classes: int,
        ignore_label: int = 255,
        definition: str = "all",
        ignore_truth: Sequence[int] = (),
        name: str = "mean_iou",
    ) -> None:
        super().__init__(name=name, dtype=tf.int64)
        self.num_classes = num_classes
        self.ignore_label = ignore_label
        self.definition = definition
        self.ignore_truth = tuple(ignore_truth)
        self.confusion = self.add_weight(
            "confusion", [num_classes, num_classes], initializer="zeros", dtype=tf.int64
        )

    def update_state(
        self, labels: tf.Tensor, predictions: tf.Tensor, sample_weight: None = None
    ) -> None:
        """Adds labels and predicted classes, whole numbers [B, H, W]."""
        self.confusion.assign_add(
            confusion_matrix(
                labels,
                predictions,
                num_classes=self.num_classes,
                ignore_label=self.ignore_label,
            )
        )

    def reset_state(self) -> None:
        """Sets all counts to zero."""
        self.confusion.assign(tf.zeros_like(self.confusion))

    def result(self) -> tf.Tensor:
        """Gives the mean IoU, float32, 0..1."""
        is_scored = [row not in self.ignore_truth for row in range(self.num_classes)]
        confusion = tf.cast(self.confusion, tf.float64) * tf.cast(is_scored, tf.float64)[:, None]
        intersection = tf.linalg.diag_part(confusion)
        union = tf.reduce_sum(confusion, 0) + tf.reduce_sum(confusion, 1) - intersection
        iou = tf.math.divide_no_nan(intersection, union)
        is_counted = {
            "all": tf.ones_like(union, tf.bool),
            "present": union > 0,
            "truth": tf.reduce_sum(confusion, 1) > 0,
        }[self.definition]
        weights = tf.cast(is_counted, tf.float64)
        mean = tf.math.divide_no_nan(tf.reduce_sum(iou * weights), tf.reduce_sum(weights))
        return tf.cast(mean, tf.float32)
