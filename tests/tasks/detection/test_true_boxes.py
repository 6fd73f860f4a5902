"""Masks in true boxes: overlaps worked by hand, what is left out, means by class."""

import numpy as np
import pytest
from small_detector import EVALUATION, KnownDetector, small_detector

from lfp_tf.data.detection.masks import bitmap_rle, rle_bitmap
from lfp_tf.tasks.detection.prediction import Protocol
from lfp_tf.tasks.detection.true_boxes import Judged, class_means, masks_in_true_boxes

PROTOCOL = Protocol(**EVALUATION)
SIZE = (60, 80)
IMAGE = np.zeros((*SIZE, 3), np.uint8)


def row(label, box, *, filled=None, **words):
    """An object whose mask fills its box, or another one."""
    bitmap = np.zeros(SIZE, bool)
    x, y, width, height = filled or box
    bitmap[y : y + height, x : x + width] = True
    return {
        "category_id": label,
        "bbox": list(map(float, box)),
        "iscrowd": 0,
        "segmentation": bitmap_rle(bitmap),
    } | words


@pytest.mark.parametrize("pixel", [0.0, 1.0])
def test_overlaps_are_those_of_the_masks_in_the_image(pixel):
    network = KnownDetector({}, pixel=pixel, half=(2,))
    truth = [
        row(1, (10, 10, 40, 40)),
        row(1, (10, 10, 40, 40), filled=(10, 10, 20, 40)),
        row(2, (30, 5, 40, 40)),
        row(2, (30, 5, 40, 40), filled=(50, 5, 20, 40)),
    ]
    judged = masks_in_true_boxes(network, PROTOCOL, IMAGE, truth)
    assert [one.truth for one in judged] == truth
    # The whole box against all of it and half of it; the left half against all and the right.
    # A pasted mask ends within a pixel of its box.
    expected = [1.0, 0.5, 0.5, 0.0]
    np.testing.assert_allclose([one.overlap for one in judged], expected, atol=0.06)
    # A box against a mask that fills it, and one that fills half of it.
    filled = [1.0, 0.5, 1.0, 0.5]
    np.testing.assert_allclose([one.filled for one in judged], filled, atol=0.06)
    predicted = rle_bitmap(judged[1].predicted["segmentation"])
    assert predicted[15:45, 15:45].all() and not predicted[:, 52:].any()
    assert judged[1].predicted["bbox"] == truth[1]["bbox"]


def test_crowds_and_objects_without_a_mask_are_left_out():
    truth = [
        row(1, (10, 10, 40, 40), iscrowd=1),
        row(2, (10, 10, 40, 40), segmentation=None),
        row(3, (10, 10, 40, 40), segmentation=bitmap_rle(np.zeros(SIZE, bool))),
    ]
    network = KnownDetector({})
    assert masks_in_true_boxes(network, PROTOCOL, IMAGE, truth) == []
    assert masks_in_true_boxes(network, PROTOCOL, IMAGE, []) == []
    assert len(masks_in_true_boxes(network, PROTOCOL, IMAGE, [*truth, row(1, (0, 0, 9, 9))])) == 1


def test_a_class_counts_by_the_mean_of_its_objects():
    judged = [Judged({"category_id": n}, {}, x, x / 2) for n, x in [(3, 0.5), (1, 0.25), (3, 1.0)]]
    assert class_means(judged) == {1: 0.25, 3: 0.75}
    assert class_means(judged, "filled") == {1: 0.125, 3: 0.375}
    assert class_means([]) == {}


def test_a_real_network_predicts_masks_in_given_boxes():
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    truth = [row(1, (10, 10, 40, 40)), row(3, (30, 5, 20, 40))]
    judged = masks_in_true_boxes(small_detector(), PROTOCOL, image, truth)
    assert [one.truth["category_id"] for one in judged] == [1, 3]
    assert all(0.0 <= one.overlap <= 1.0 for one in judged)
