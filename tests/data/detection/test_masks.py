"""Masks against pycocotools: polygons, run lengths in both forms, PNGs."""

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from lfp_tf.data.detection.masks import (
    bitmap_png,
    bitmap_rle,
    counts_bitmap,
    png_bitmap,
    polygons_bitmap,
    run_lengths,
)

SIZE = (17, 23)
BITMAPS = [
    np.random.RandomState(n).uniform(size=SIZE) < share for n, share in enumerate((0.1, 0.5))
]
BITMAPS += [np.zeros(SIZE, bool), np.ones(SIZE, bool)]


@pytest.mark.parametrize("number", range(20))
def test_polygons_are_filled_as_by_pycocotools(number):
    draws = np.random.RandomState(number)
    # Some points lie outside of the image.
    polygons = [draws.uniform(-8, 30, (points, 2)).round(2) for points in (3, 7)]
    flat = [polygon.ravel().tolist() for polygon in polygons]
    expected = coco_mask.decode(coco_mask.frPyObjects(flat, *SIZE)).any(axis=2)
    np.testing.assert_array_equal(polygons_bitmap(polygons, SIZE), expected)


def test_polygons_of_two_points_draw_nothing():
    assert not polygons_bitmap([np.array([[1.0, 2.0], [9.0, 9.0]])], SIZE).any()
    assert not polygons_bitmap([], SIZE).any()


@pytest.mark.parametrize("bitmap", BITMAPS)
def test_run_lengths_of_both_forms_give_the_bitmap(bitmap):
    coded = bitmap_rle(bitmap)
    assert coded["size"] == list(SIZE) and isinstance(coded["counts"], str)
    counts = run_lengths(coded["counts"])
    np.testing.assert_array_equal(counts_bitmap(counts, SIZE), bitmap)
    np.testing.assert_array_equal(run_lengths(counts.tolist()), counts)
    np.testing.assert_array_equal(png_bitmap(bitmap_png(bitmap)), bitmap)


@pytest.mark.parametrize("counts", ["\x10", "0P", 7, [1, -1], [1.5], None, [True]])
def test_other_run_lengths_are_refused(counts):
    with pytest.raises(ValueError):
        run_lengths(counts)
