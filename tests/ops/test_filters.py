import cv2
import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.ops import filters


def test_blur_of_a_single_bright_pixel_is_the_kernel():
    image = np.zeros((1, 9, 9, 1), np.float32)
    image[0, 4, 4] = 256
    line = np.array([1, 4, 6, 4, 1])
    np.testing.assert_allclose(filters.gaussian_blur(image)[0, 2:7, 2:7, 0], np.outer(line, line))


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (2, 3), (3, 2), (9, 12)])
def test_blur_mirrors_at_the_border_as_opencv(size):
    image = np.random.RandomState(3).uniform(0, 255, (*size, 3)).astype(np.float32)
    want = cv2.GaussianBlur(image, (5, 5), 0)
    np.testing.assert_allclose(filters.gaussian_blur(image[None])[0], want, atol=1e-3)


@pytest.mark.parametrize("low, high", [((0, 0), (4, 5)), ((3, 4), (9, 12)), ((4, 1), (5, 2))])
def test_a_window_of_the_blur_equals_the_blur_of_the_whole(low, high):
    image = np.random.RandomState(4).uniform(0, 255, (1, 9, 12, 3)).astype(np.float32)
    first, last = np.maximum(np.array(low) - 2, 0), np.minimum(np.array(high) + 2, (9, 12))
    source = image[:, first[0] : last[0], first[1] : last[1]]
    got = filters.gaussian_blur_window(
        source, first.astype(np.int32), tf.constant([9, 12]), low, high
    )
    want = filters.gaussian_blur(image)[:, low[0] : high[0], low[1] : high[1]]
    np.testing.assert_allclose(got, want, rtol=1e-6)


def test_mirrored_indices_do_not_repeat_the_edge():
    assert filters.mirrored(tf.range(-2, 5), 3).numpy().tolist() == [2, 1, 0, 1, 2, 1, 0]
    assert filters.mirrored(tf.range(-2, 3), 1).numpy().tolist() == [0] * 5
