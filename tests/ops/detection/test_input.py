import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.ops.detection.input import (
    MEANS_BGR,
    image_info,
    image_scale,
    pad_image,
    padded_size,
    prepare_image,
    scaled_size,
)
from lfp_tf.ops.interpolation import resize_at_scale


@pytest.mark.parametrize(
    ("size", "scale", "after"),
    [
        ((480, 640), 800 / 480, [800, 1067]),
        ((640, 480), 800 / 480, [1067, 800]),
        # The long side would be 1600.
        ((300, 600), 1333 / 600, [666, 1333]),
        # 1333.333 rounds to the limit, so it may stay.
        ((600, 1000), 800 / 600, [800, 1333]),
    ],
)
def test_scales_and_sizes_by_hand(size, scale, after):
    result = image_scale(size, target=800, largest=1333)
    np.testing.assert_allclose(result, scale, rtol=1e-12)
    assert [int(length) for length in scaled_size(size, result)] == after


def test_halves_are_rounded_to_the_even_number():
    assert [int(x) for x in scaled_size((5, 7), tf.constant(0.5, tf.float64))] == [2, 4]


def test_padding_goes_up_to_the_stride():
    assert [int(x) for x in padded_size([64, 65], 32)] == [64, 96]
    assert [int(x) for x in padded_size([64, 65], 1)] == [64, 65]
    padded = pad_image(tf.ones([2, 3, 3]), [4, 5])
    assert padded.shape == (4, 5, 3) and float(tf.reduce_sum(padded)) == 18.0


@pytest.mark.parametrize(("size", "scale"), [((21, 34), 1.6), ((33, 18), 0.6173), ((9, 9), 1.0)])
def test_images_are_resized_as_by_opencv(size, scale):
    cv2 = pytest.importorskip("cv2")
    image = np.random.RandomState(0).randint(0, 256, (*size, 3)).astype("u1")
    prepare = tf.function(lambda image: prepare_image(image, tf.constant(scale, tf.float64)))
    centred = image.astype("f") - np.array(MEANS_BGR, "f")
    expected = cv2.resize(centred, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(prepare(image), expected, atol=5e-3)


def test_the_exact_scale_counts_not_the_ratio_of_sizes():
    # Positions -1/6 (the border), 1/2, 7/6, 11/6: what each pixel of three counts in four.
    matrix = np.float32([[1, 0, 0], [0.5, 0.5, 0], [0, 5 / 6, 1 / 6], [0, 1 / 6, 5 / 6]])
    image = np.random.RandomState(0).normal(size=(3, 3, 2)).astype("f")
    expected = np.einsum("ih,jw,hwc->ijc", matrix, matrix, image)
    np.testing.assert_allclose(resize_at_scale(image, (4, 4), 1.5), expected, atol=1e-6)


def test_what_the_network_is_told():
    np.testing.assert_allclose(image_info([96, 128], tf.constant(1.6, tf.float64)), [96, 128, 1.6])
