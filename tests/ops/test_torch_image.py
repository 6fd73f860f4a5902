"""Torch's image functions: numbers by hand, a slow version, windows of the whole."""

import math

import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.ops import torch_image


def row(*values):
    return tf.constant(values, tf.float32)[None, :, None]


def random_image(height, width, channels=2, seed=0):
    return np.random.RandomState(seed).uniform(0, 1, (height, width, channels)).astype("f")


def slow_side(values, count):
    """One side as `generic/image.c` goes through it."""
    length = len(values)
    if count == length:
        return values
    out = np.zeros((count, *values.shape[1:]))
    for i in range(count):
        if count > length:
            at = i * (length - 1) / (count - 1)
            low = min(int(at), length - 1)
            high = min(low + 1, length - 1)
            out[i] = values[low] * (1 - (at - low)) + values[high] * (at - low)
        else:
            begin, end = i * length / count, (i + 1) * length / count
            shares = [max(0.0, min(p + 1, end) - max(p, begin)) for p in range(length)]
            out[i] = sum(s * v for s, v in zip(shares, values, strict=True)) / sum(shares)
    return out


@pytest.mark.parametrize(
    ("size", "want"),
    [(5, [0, 0.5, 1, 1.5, 2]), (2, [1 / 3, 5 / 3]), (3, [0, 1, 2]), (1, [1])],
)
def test_a_row_by_hand(size, want):
    got = torch_image.scale(row(0, 1, 2), (1, size))[0, :, 0]
    np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize("size", [(9, 4), (3, 17), (7, 11), (1, 1), (14, 22), (6, 10)])
def test_scale_is_the_slow_one(size):
    image = random_image(7, 11)
    want = slow_side(image, size[0])
    want = slow_side(want.transpose(1, 0, 2), size[1]).transpose(1, 0, 2)
    np.testing.assert_allclose(torch_image.scale(image, size), want, atol=1e-5)


def test_a_single_pixel_spreads():
    assert torch_image.scale(row(3), (2, 4)).numpy().ravel().tolist() == [3.0] * 8


@pytest.mark.parametrize("size", [(20, 31), (5, 6), (12, 15)])
def test_a_window_is_part_of_the_whole(size):
    image, low, high = random_image(12, 15), [1, 2], [size[0] - 1, size[1] - 2]
    whole = torch_image.scale(image, size)
    part = torch_image.scale_window(tf.constant(image), tf.constant(size), low, high)
    np.testing.assert_allclose(part, whole[low[0] : high[0], low[1] : high[1]], atol=1e-6)
    turned = torch_image.rotate(image, tf.constant(33.0, tf.float64))
    part = torch_image.rotate_window(image, tf.constant(33.0, tf.float64), [2, 3], [9, 14])
    np.testing.assert_allclose(part, turned[2:9, 3:14], atol=1e-6)


def slow_rotate(image, degrees):
    height, width = image.shape[:2]
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    yc, xc = (height - 1) / 2, (width - 1) / 2
    out = np.zeros_like(image)
    for j in range(height):
        for i in range(width):
            x = cosine * (i - xc) - sine * (j - yc) + xc
            y = cosine * (j - yc) + sine * (i - xc) + yc
            taps = []
            for at, length in ((y, height), (x, width)):
                low = math.floor(at)
                high, weight = low + 1, at - low
                if high == length and weight < 0.5:
                    high = low
                if low == -1 and weight > 0.5:
                    low = high
                taps.append((low, high, weight))
            (y0, y1, wy), (x0, x1, wx) = taps
            if min(y0, x0) < 0 or y1 >= height or x1 >= width:
                continue
            upper = image[y0, x0] * (1 - wx) + image[y0, x1] * wx
            lower = image[y1, x0] * (1 - wx) + image[y1, x1] * wx
            out[j, i] = upper * (1 - wy) + lower * wy
    return out


@pytest.mark.parametrize("degrees", [3.0, 25.0, -40.5, 170.0])
def test_rotate_is_the_slow_one(degrees):
    image = random_image(9, 12)
    got = torch_image.rotate(image, tf.constant(degrees, tf.float64))
    np.testing.assert_allclose(got, slow_rotate(image, degrees), atol=1e-5)


def test_no_turn_copies():
    image = random_image(5, 6)
    np.testing.assert_allclose(torch_image.rotate(image, tf.constant(0.0, tf.float64)), image)


def test_a_window_is_set_into_zeros_wherever_it_lies():
    image = tf.constant(random_image(3, 4, 1))
    first, last, low, high = (tf.constant(place) for place in ([0, 2], [2, 4], [-1, 2], [2, 6]))
    got = torch_image.surrounded(image[:2, 2:], first, last, low, high)
    want = np.zeros((3, 4, 1), np.float32)
    want[1:, :2] = image[:2, 2:]
    np.testing.assert_array_equal(got, want)
    corner, low, high = (tf.constant(place) for place in ([3, 4], [5, 5], [7, 8]))
    beside = torch_image.surrounded(image[3:, 4:], corner, corner, low, high)
    assert beside.shape == (2, 3, 1) and not beside.numpy().any()
