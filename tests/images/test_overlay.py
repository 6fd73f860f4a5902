"""Overlays mix exactly, and legends list what occurs."""

import numpy as np

from lfp_tf.images.overlay import ROW_PIXELS, overlay, side_by_side, with_legend
from lfp_tf.images.palette import ClassTable

TABLE = ClassTable(("road", "sky"), np.array([[200, 0, 0], [0, 0, 100]], np.uint8))


def test_overlay_mixes_by_alpha_and_leaves_ignored_pixels():
    image = np.full((1, 3, 3), 100, np.uint8)
    labels = np.array([[0, 1, 255]], np.uint8)
    mixed = overlay(image, labels, TABLE, alpha=0.25)
    assert mixed.tolist() == [[[125, 75, 75], [75, 75, 100], [100, 100, 100]]]


def test_legend_stands_below_and_shows_only_present_classes():
    image = np.zeros((20, 200, 3), np.uint8)
    labels = np.zeros((20, 200), np.uint8)
    sheet = with_legend(image, labels, TABLE)
    assert sheet.shape == (20 + ROW_PIXELS, 200, 3)
    np.testing.assert_array_equal(sheet[:20], image)
    colors = {tuple(color) for color in sheet[20:].reshape(-1, 3).tolist()}
    assert (200, 0, 0) in colors and (0, 0, 100) not in colors


def test_legend_of_a_tiny_image_is_wide_enough_for_its_names():
    sheet = with_legend(np.zeros((2, 2, 3), np.uint8), np.array([[0, 1], [255, 1]]), TABLE)
    assert sheet.shape[0] == 2 + 3 * ROW_PIXELS
    assert sheet.shape[1] > 40


def test_panels_stand_in_a_row_under_captions():
    panels = [np.full((5, 80, 3), 10, np.uint8), np.full((9, 90, 3), 20, np.uint8)]
    sheet = side_by_side(panels, ["a", "b"])
    assert sheet.shape[0] == 9 + ROW_PIXELS
    assert (sheet[ROW_PIXELS : ROW_PIXELS + 5, :80] == 10).all()
    assert (sheet[ROW_PIXELS:, -90:] == 20).all()
