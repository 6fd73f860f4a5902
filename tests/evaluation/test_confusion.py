"""Confusion matrices by hand; the two ways of counting are one."""

import numpy as np
import pytest

from lfp_tf.evaluation.confusion import confusion_matrix, confusion_matrix_numpy

BOTH = pytest.mark.parametrize("count", [confusion_matrix, confusion_matrix_numpy])


@BOTH
def test_counts_are_truth_by_prediction(count):
    got = count([[0, 0, 1, 255]], [[0, 1, 1, 1]], num_classes=2, ignore_label=255)
    assert np.asarray(got).tolist() == [[1, 1], [0, 1]]


@BOTH
def test_values_out_of_range_are_left_out_and_not_moved_into_the_last_class(count):
    got = np.asarray(count([0, 2, 1], [2, 1, -1], num_classes=2, ignore_label=255))
    assert got.sum() == 0


def test_both_count_alike():
    rng = np.random.default_rng(0)
    words = {"num_classes": 5, "ignore_label": 3}
    truth, guess = rng.integers(-1, 7, (2, 40, 30))
    got = confusion_matrix(truth, guess, **words).numpy()
    np.testing.assert_array_equal(got, confusion_matrix_numpy(truth, guess, **words))
    assert got[3].sum() == 0 and got[[0, 1, 2, 4]].sum() > 300
