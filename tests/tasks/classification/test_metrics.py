"""Top-1 and top-5 by hand and by TensorFlow's own count, equal probabilities included."""

import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.tasks.classification.metrics import class_scores, most_confused, truth_ranks


def test_what_is_as_probable_as_the_kth_counts():
    probabilities = [[0.5, 0.3, 0.2], [0.4, 0.4, 0.2], [0.2, 0.2, 0.6], [0.1, 0.3, 0.6]]
    assert truth_ranks(probabilities, [0, 1, 0, 0]).tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize("k", [1, 2, 5])
def test_ranks_are_those_of_in_top_k(k):
    rng = np.random.default_rng(k)
    scores = rng.integers(0, 6, (200, 9)).astype(np.float32)  # Many are equal.
    scores[:3, 4] = np.nan, np.inf, -np.inf
    truths = rng.integers(0, 9, 200)
    expected = tf.math.in_top_k(truths, scores, k)
    np.testing.assert_array_equal(truth_ranks(scores, truths) < k, expected)


def test_scores_by_hand():
    # Three images of class 0, one of class 2, two of class 3.
    scores = class_scores([0, 0, 0, 2, 3, 3], [0, 4, 5, 0, 1, 2], num_classes=4)
    assert scores == {
        "images": [3, 0, 1, 2],
        "top1_accuracy": 2 / 6,
        "top1_error": 1 - 2 / 6,
        "top1": [1 / 3, None, 1.0, 0.0],
        "top5_accuracy": 5 / 6,
        "top5_error": 1 - 5 / 6,
        "top5": [2 / 3, None, 1.0, 1.0],
        "mean_class_accuracy": pytest.approx((1 / 3 + 1 + 0) / 3),
    }


def test_without_images_there_is_no_score():
    scores = class_scores([], [], num_classes=2)
    assert scores["top1_accuracy"] is scores["top5_error"] is scores["mean_class_accuracy"] is None
    assert scores["top1"] == [None, None] and scores["images"] == [0, 0]


def test_pairs_are_named_by_how_often_they_occur():
    confusion = [[9, 2, 0], [2, 9, 3], [0, 0, 9]]
    assert most_confused(confusion, 2) == [
        {"truth": 1, "prediction": 2, "images": 3},
        {"truth": 0, "prediction": 1, "images": 2},
    ]
    assert len(most_confused(confusion, 9)) == 3
    assert confusion[0][0] == 9
