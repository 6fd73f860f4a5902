"""Cubic resizing is OpenCV's."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.ops.resize_cubic import centre_window, resize_cubic, shortest_edge_size


@pytest.mark.parametrize("size", [(7, 9), (20, 31), (5, 4), (12, 10), (1, 1)])
def test_floats_agree_with_opencv(size):
    image = np.random.RandomState(0).uniform(0, 255, (12, 10, 3)).astype("f")
    want = cv2.resize(image, size[::-1], interpolation=cv2.INTER_CUBIC)
    np.testing.assert_allclose(resize_cubic(image[None], size)[0], want, atol=2e-3)


@pytest.mark.parametrize("size", [(7, 9), (20, 31)])
def test_whole_levels_agree_with_opencv_within_one(size):
    image = np.random.RandomState(0).randint(0, 256, (12, 10, 3), np.uint8)
    want = cv2.resize(image, size[::-1], interpolation=cv2.INTER_CUBIC)
    got = resize_cubic(image[None], size, rounded=True)[0].numpy()
    assert np.abs(got - want).max() <= 1 and np.mean(got != want) < 0.02


def test_equal_sizes_copy():
    image = np.random.RandomState(0).uniform(0, 255, (1, 6, 5, 2)).astype("f")
    np.testing.assert_allclose(resize_cubic(image, (6, 5)), image)


@pytest.mark.parametrize(
    ("size", "want"), [((90, 123), (64, 87)), ((101, 60), (108, 64)), ((64, 64), (64, 64))]
)
def test_the_shorter_side_is_as_asked(size, want):
    assert [int(side) for side in shortest_edge_size(*size, 64)] == list(want)


def test_the_middle_leaves_the_smaller_half_before():
    image = tf.range(7.0)[None, None, :, None]
    assert centre_window(image, (1, 4)).numpy().ravel().tolist() == [1.0, 2.0, 3.0, 4.0]
