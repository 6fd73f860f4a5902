"""Confusion matrices: how often a class was predicted as which."""

import numpy as np
import tensorflow as tf


def confusion_matrix(
    labels: tf.Tensor | np.ndarray,
    predictions: tf.Tensor | np.ndarray,
    *,
    num_classes: int,
    ignore_label: int,
) -> tf.Tensor:
    """Counts elements by (truth, prediction), as a TensorFlow operation.

    Args:
        labels: whole numbers of any shape; those equal to `ignore_label` are left out.
        predictions: the same shape. A truth or prediction outside 0..num_classes-1 is left out
            too, as `intersectionAndUnionGPU` does (hszhao/semseg util/util.py); its CPU sibling
            moves the value C into class C-1.
        num_classes: number of classes.
        ignore_label: label that does not count.

    Returns:
        int64 [num_classes, num_classes].
    """
    labels = tf.reshape(tf.cast(labels, tf.int32), [-1])
    predictions = tf.reshape(tf.cast(predictions, tf.int32), [-1])
    is_counted = labels != ignore_label
    for values in (labels, predictions):
        is_counted &= (values >= 0) & (values < num_classes)
    cells = tf.where(is_counted, labels * num_classes + predictions, num_classes**2)
    counts = tf.math.bincount(
        cells, minlength=num_classes**2 + 1, maxlength=num_classes**2 + 1, dtype=tf.int64
    )
    return tf.reshape(counts[:-1], [num_classes, num_classes])
