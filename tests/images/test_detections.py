"""Boxes and masks drawn over an image: where the colours are."""

import numpy as np

from lfp_tf.images.detections import MASK_ALPHA, draw_detections

GREY = np.full((60, 90, 3), 100, np.uint8)
COLORS = np.array([[200, 0, 0], [0, 200, 0]], np.uint8)


def test_box_mask_and_name_have_the_classes_colour():
    mask = np.zeros((60, 90), bool)
    mask[40:50, 20:60] = True
    drawn = draw_detections(
        GREY, np.array([[10, 20, 70, 55]]), [1], ["cat", "dog"], masks=[mask], colors=COLORS
    )
    assert drawn.shape == GREY.shape and drawn.dtype == np.uint8 and (GREY == 100).all()
    for y, x in ((20, 60), (55, 40), (30, 10), (30, 70)):
        assert drawn[y, x].tolist() == [0, 200, 0]
    mixed = 100 * (1 - MASK_ALPHA) + np.array([0, 200, 0]) * MASK_ALPHA
    np.testing.assert_allclose(drawn[45, 40], mixed, atol=1)
    assert drawn[10, 40].tolist() == [100, 100, 100] and drawn[38, 40].tolist() == [100, 100, 100]


def test_scores_make_the_plate_wider():
    without = draw_detections(GREY, np.array([[5, 5, 85, 55]]), [0], ["cat"], colors=COLORS)
    scored = draw_detections(
        GREY, np.array([[5, 5, 85, 55]]), [0], ["cat"], scores=[0.5], colors=COLORS
    )
    red = [(image[10] == [200, 0, 0]).all(axis=1).sum() for image in (without, scored)]
    assert red[1] > red[0] > 5


def test_boxes_outside_and_no_boxes_are_drawn():
    assert draw_detections(GREY, np.zeros((0, 4)), [], ["cat"]).tolist() == GREY.tolist()
    outside = np.array([[-50, -50, 500, 500], [200, 200, 300, 300], [30, 30, 10, 10]])
    drawn = draw_detections(GREY, outside, [0, 0, 0], ["cat"], colors=COLORS)
    assert drawn[59, 45].tolist() == [200, 0, 0]
