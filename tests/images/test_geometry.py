"""The longer side as asked for, and labels back at the image's own size."""

import cv2
import numpy as np
import pytest

from lfp_tf.images.geometry import long_side_size, resize_labels, resize_long_side


@pytest.mark.parametrize(
    ("size", "long_side", "expected"),
    [
        ((480, 640), 513, (385, 513)),
        ((640, 480), 513, (513, 385)),
        ((10, 10), 513, (513, 513)),
        ((1, 1000), 100, (1, 100)),
        # 0.5 x 5 and 0.5 x 7: halves go to the even number.
        ((5, 10), 5, (2, 5)),
        ((7, 10), 5, (4, 5)),
    ],
)
def test_proportion_is_kept_and_halves_go_to_even(size, long_side, expected):
    assert long_side_size(*size, long_side) == expected
    image = np.zeros((*size, 3), np.uint8)
    assert resize_long_side(image, long_side).shape[:2] == expected


def test_images_are_scaled_by_the_factor_and_not_by_the_ratio_of_sides():
    image = np.random.default_rng(0).integers(0, 256, (5, 9, 3), np.uint8)
    resized = resize_long_side(image, 6)
    by_factor = cv2.resize(image, None, fx=6 / 9, fy=6 / 9)
    by_size = cv2.resize(image, (6, 3))
    np.testing.assert_array_equal(resized, by_factor)
    assert np.any(by_factor != by_size)


def test_the_same_size_is_the_same_image():
    image = np.random.default_rng(0).integers(0, 256, (5, 9, 3), np.uint8)
    assert resize_long_side(image, 9) is image


@pytest.mark.parametrize("kind", [np.uint8, np.int32])
def test_labels_take_the_pixel_that_their_centre_falls_into(kind):
    labels = np.array([[0, 1], [2, 3]], kind)
    up = resize_labels(labels, (4, 3))
    assert up.tolist() == [[0, 1, 1], [0, 1, 1], [2, 3, 3], [2, 3, 3]] and up.dtype == kind
    assert resize_labels(up, (2, 3)).tolist() == [[0, 1, 1], [2, 3, 3]]
    assert resize_labels(labels, (1, 1)).tolist() == [[3]]
