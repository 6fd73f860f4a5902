"""Confusion matrices by hand, and against a slow one."""

import numpy as np

from lfp_tf.evaluation.confusion import confusion_matrix


def test_counts_are_truth_by_prediction():
    got = confusion_matrix([[0, 0, 1, 255]], [[0, 1, 1, 1]], num_classes=2, ignore_label=255)
    assert got.numpy().tolist() == [[1, 1], [0, 1]]


def test_values_out_of_range_are_left_out_and_not_moved_into_the_last_class():
    got = confusion_matrix([0, 2, 1], [2, 1, -1], num_classes=2, ignore_label=255)
    assert not got.numpy().any()


def test_it_counts_as_a_loop_does():
    rng = np.random.default_rng(0)
    truth, predictions = rng.integers(-1, 7, (2, 40, 30))
    expected = np.zeros((5, 5), int)
    for label, prediction in zip(truth.ravel(), predictions.ravel(), strict=True):
        if label != 3 and 0 <= label < 5 and 0 <= prediction < 5:
            expected[label, prediction] += 1
    got = confusion_matrix(truth, predictions, num_classes=5, ignore_label=3).numpy()
    np.testing.assert_array_equal(got, expected)
    assert got.dtype == np.int64 and got.sum() > 300
