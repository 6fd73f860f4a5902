"""Shares of classes are of all pixels, the largest first."""

import numpy as np

from lfp_tf.images.palette import ClassTable
from lfp_tf.images.shares import class_shares, count_labels

TABLE = ClassTable(("road", "sky", "tree"), np.zeros((3, 3), np.uint8))


def test_shares_are_of_all_pixels_and_sorted():
    labels = np.array([[1, 1, 1, 0], [1, 1, 255, 255]])
    counts = count_labels(labels, TABLE)
    assert class_shares(counts, TABLE) == [
        {"id": 1, "name": "sky", "pixels": 5, "share": 0.625},
        {"id": 0, "name": "road", "pixels": 1, "share": 0.125},
    ]


def test_equal_shares_keep_the_order_of_the_table():
    assert [entry["id"] for entry in class_shares([2, 0, 2], TABLE)] == [0, 2]
    assert len(count_labels(np.zeros((1, 1), np.uint8), TABLE)) == 3
