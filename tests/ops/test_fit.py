"""The demo's sizes and grey levels, against OpenCV's."""

import cv2
import numpy as np
import pytest
from golden_cases import fill
from hypothesis import given, settings
from hypothesis import strategies as st

from lfp_tf.ops.fit import fit_longer_side, fit_squashed


def random_image(height, width):
    return fill(["image_u8", 3], "fit", "image", (height, width, 3), "uint8")


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 70), st.integers(2, 70), st.integers(9, 120))
def test_the_longer_side_sets_the_factor(height, width, length):
    image = random_image(height, width)
    factor = length / max(height, width)
    short = round(min(height, width) * factor)
    if short < 1:
        return
    want = cv2.resize(image, None, fx=factor, fy=factor)
    got = fit_longer_side(image[None], length)[0].numpy()
    assert got.shape == want.shape and max(got.shape) == length
    assert np.abs(got.astype(int) - want).max() <= 1


@pytest.mark.parametrize("size", [(31, 47), (97, 97), (20, 30)])
def test_squashing_takes_both_sides_as_given(size):
    image = random_image(20, 30)
    got = fit_squashed(image[None], size)[0].numpy()
    want = cv2.resize(image, size[::-1])
    assert got.shape == (*size, 3) and got.dtype == np.uint8
    assert np.abs(got.astype(int) - want).max() <= 1
    if size == (20, 30):
        np.testing.assert_array_equal(got, image)
