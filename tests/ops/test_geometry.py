import cv2
import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.ops import geometry

MEAN = (120.0, 60.0, 30.0)


def smooth(height, width):
    noise = np.random.RandomState(height + width).uniform(0, 255, (height, width, 3))
    return cv2.GaussianBlur(noise.astype(np.float32), (5, 5), 0).reshape(height, width, 3)


@pytest.mark.parametrize("angle", [-10.0, 3.7, 90.0])
def test_turning_is_opencv_in_floating_point(angle):
    image = smooth(23, 31)
    size = tf.constant([23, 31])
    got = geometry.turn_window(image, [0, 0], size, angle, [0, 0], size, fill=MEAN)
    matrix = cv2.getRotationMatrix2D((31 / 2, 23 / 2), angle, 1)
    want = cv2.warpAffine(image, matrix, (31, 23), flags=cv2.INTER_LINEAR, borderValue=MEAN)
    # Classic OpenCV rounds positions to 1/32 pixel, version 5 does not; 4 levels admit both.
    np.testing.assert_allclose(got, want, atol=4)


def test_positive_angles_turn_anti_clockwise():
    labels = np.zeros((5, 5), np.uint8)
    labels[1, 4] = 1
    size = tf.constant([5, 5])
    got = geometry.turn_labels_window(labels, [0, 0], size, 90.0, [0, 0], size, fill=9).numpy()
    # About (2.5, 2.5) the point x = 4, y = 1 goes to x = 1, y = 1; row 5 has no source.
    assert got[1, 1] == 1
    assert (got == 9).sum() == 5


@pytest.mark.parametrize("low, high", [((0, 0), (9, 8)), ((20, 11), (33, 40)), ((5, 5), (6, 6))])
def test_a_turned_window_equals_the_whole(low, high):
    image, size = smooth(33, 40), tf.constant([33, 40])
    low, high = tf.constant(low), tf.constant(high)
    whole = geometry.turn_window(image, [0, 0], size, 8.0, [0, 0], size, fill=MEAN)
    first, last = geometry.turned_source(size, tf.constant(8.0, tf.float64), low, high)
    source = image[first[0] : last[0], first[1] : last[1]]
    got = geometry.turn_window(source, first, size, 8.0, low, high, fill=MEAN)
    np.testing.assert_allclose(got, whole[low[0] : high[0], low[1] : high[1]], atol=2e-3)


@pytest.mark.parametrize("grid", [geometry.opencv_grid, geometry.legacy_grid])
@pytest.mark.parametrize("factor", [0.5, 0.77, 1.0, 1.9])
def test_a_scaled_window_equals_the_whole(grid, factor):
    image = smooth(29, 41)
    labels = np.random.RandomState(1).randint(0, 9, (29, 41)).astype(np.uint8)
    rule = grid(tf.constant([29, 41]), tf.constant([factor, factor], tf.float64))
    zero = tf.constant([0, 0])
    whole = geometry.scale_window(image, zero, rule, zero, rule.scaled)
    whole_labels = geometry.scale_labels_window(labels, zero, rule, zero, rule.scaled)
    for low, high in (((3, 7), (9, 20)), (rule.scaled - 4, rule.scaled)):
        low, high = tf.constant(low), tf.constant(high)
        first, last = geometry.scaled_source(rule, low, high)
        source = image[first[0] : last[0], first[1] : last[1]]
        got = geometry.scale_window(source, first, rule, low, high)
        part = np.s_[low[0] : high[0], low[1] : high[1]]
        np.testing.assert_allclose(got, whole[part], atol=2e-3)
        np.testing.assert_array_equal(
            geometry.scale_labels_window(labels, zero, rule, low, high), whole_labels[part]
        )
