"""Confusion matrices: how often a truth was taken for which prediction."""

import numpy as np
import tensorflow as tf


def confusion_matrix(labels, predictions, *, num_classes, ignore_label):
    """Counts pixels by (truth, prediction), as a TensorFlow operation.

    Args:
        labels: whole numbers of any shape; those equal to `ignore_label` are left out.
        predictions: the same shape. A truth or prediction outside 0..num_classes-1 is left out
            too: semseg's GPU histogram drops them, its CPU one moves the value C into class C-1.
        num_classes: number of classes.
        ignore_label: label that does not count.

    Returns:
        int64 [num_classes, num_classes].
    """
    labels = tf.reshape(tf.cast(labels, tf.int32), [-1])
    predictions = tf.reshape(tf.cast(predictions, tf.int32), [-1])
    counted = labels != ignore_label
    for values in (labels, predictions):
        counted &= (values >= 0) & (values < num_classes)
    cells = tf.where(counted, labels * num_classes + predictions, num_classes**2)
    counts = tf.math.bincount(
        cells, minlength=num_classes**2 + 1, maxlength=num_classes**2 + 1, dtype=tf.int64
    )
    return tf.reshape(counts[:-1], [num_classes, num_classes])


def confusion_matrix_numpy(labels, predictions, *, num_classes, ignore_label):
    """`confusion_matrix` of arrays, without TensorFlow."""
    labels = np.asarray(labels).astype(np.int64).ravel()
    predictions = np.asarray(predictions).astype(np.int64).ravel()
    counted = labels != ignore_label
    for values in (labels, predictions):
        counted &= (values >= 0) & (values < num_classes)
    cells = labels[counted] * num_classes + predictions[counted]
    return np.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)
