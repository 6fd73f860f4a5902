import cv2
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from lfp_tf.ops import nearest, resize

SIDES = st.integers(1, 23)


def random_image(height, width, channels=3):
    values = np.random.RandomState(height * 100 + width).uniform(0, 255, (height, width, channels))
    return values.astype(np.float32)


def row(*values):
    return np.array(values, np.float32).reshape(1, 1, -1, 1)


def test_aligned_puts_corners_on_corners():
    got = resize.resize_aligned(row(0, 1, 2), (1, 5))
    np.testing.assert_allclose(got.numpy().ravel(), [0, 0.5, 1, 1.5, 2])


def test_aligned_spreads_one_pixel_and_keeps_half_types():
    spread = resize.resize_aligned(tf.constant(row(7), tf.bfloat16), (3, 2))
    assert spread.dtype == tf.bfloat16
    assert (tf.cast(spread, tf.float32).numpy() == 7).all()


def test_aligned_of_equal_size_copies():
    images = random_image(5, 6)[None]
    np.testing.assert_array_equal(resize.resize_aligned(images, (5, 6)), images)


def test_aligned_has_a_gradient_that_spreads_each_output_fully():
    images = tf.Variable(random_image(3, 4)[None])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(resize.resize_aligned(images, (9, 5)))
    assert float(tf.reduce_sum(tape.gradient(total, images))) == pytest.approx(9 * 5 * 3, rel=1e-5)


def test_like_follows_a_shape_known_only_when_run():
    signature = [tf.TensorSpec([None, None, None, 3]), tf.TensorSpec([None, None, None, 1])]
    run = tf.function(resize.resize_like, input_signature=signature)
    assert run(random_image(3, 3)[None], np.zeros((1, 7, 2, 1), np.float32)).shape == (1, 7, 2, 3)


def test_legacy_positions_are_i_times_old_over_new():
    np.testing.assert_allclose(
        resize.resize_legacy_bilinear(row(0, 2), (1, 4)).numpy().ravel(), [0, 1, 2, 2]
    )
    labels = tf.constant([[[0, 1, 2, 3, 4]]])
    assert nearest.resize_legacy_nearest(labels, (1, 3)).numpy().ravel().tolist() == [0, 1, 3]


@settings(max_examples=30, deadline=None)
@given(SIDES, SIDES, SIDES, SIDES)
def test_opencv_by_size_is_opencv(height, width, new_height, new_width):
    image = random_image(height, width)
    size = (new_height, new_width)
    # OpenCV's own float32 coefficients are good to about 1e-6 of 255 per tap.
    np.testing.assert_allclose(
        resize.resize_opencv(image[None], size=size)[0], cv2.resize(image, size[::-1]), atol=2e-3
    )
    np.testing.assert_array_equal(
        nearest.resize_opencv_nearest(image[None], size=size)[0],
        cv2.resize(image, size[::-1], interpolation=cv2.INTER_NEAREST),
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 23), st.integers(2, 23), st.floats(0.3, 2.5), st.floats(0.3, 2.5))
def test_opencv_by_factors_is_opencv(height, width, vertical, horizontal):
    image, factors = random_image(height, width), (vertical, horizontal)
    keywords = {"dsize": None, "fx": horizontal, "fy": vertical}
    np.testing.assert_allclose(
        resize.resize_opencv(image[None], factors=factors)[0],
        cv2.resize(image, **keywords),
        atol=2e-3,
    )
    np.testing.assert_array_equal(
        nearest.resize_opencv_nearest(image[None], factors=factors)[0],
        cv2.resize(image, interpolation=cv2.INTER_NEAREST, **keywords),
    )


def test_a_factor_sets_the_grid_not_the_ratio_of_sizes():
    got = resize.resize_opencv(row(0, 10, 20, 30, 40), factors=(1.0, 0.5))
    np.testing.assert_allclose(got.numpy().ravel(), [5, 25])


def matlab_weights(old, new):
    """An independent `contributions` of imresize in float64: [new, old]."""
    scale = new / old
    shrink = min(scale, 1.0)
    weights = np.zeros((new, old))
    for i in range(new):
        centre = (i + 0.5) / scale - 0.5
        taps = np.arange(np.floor(centre - 1 / shrink), np.ceil(centre + 1 / shrink) + 1)
        values = np.maximum(0, 1 - np.abs((centre - taps) * shrink))
        mirrored = np.concatenate([np.arange(old), np.arange(old)[::-1]])[
            taps.astype(int) % (2 * old)
        ]
        np.add.at(weights[i], mirrored, values / values.sum())
    return weights


@settings(max_examples=30, deadline=None)
@given(SIDES, SIDES, SIDES, SIDES)
def test_matlab_is_the_weighted_sum_of_mirrored_taps(height, width, new_height, new_width):
    image = random_image(height, width)
    want = np.einsum(
        "ih,jw,hwc->ijc",
        matlab_weights(height, new_height),
        matlab_weights(width, new_width),
        image,
    )
    got = resize.resize_matlab(image[None], (new_height, new_width))[0]
    np.testing.assert_allclose(got, want, atol=2e-3)


def test_matlab_rounds_a_uint8_image_half_away_after_each_axis():
    got = resize.resize_matlab(row(1, 0, 0, 0), (1, 2), rounded=True)
    # Half the size: weights 1 3 3 1 over 8 and the edge mirrored, so the first output is 4/8.
    assert got.numpy().ravel().tolist() == [1.0, 0.0]
    finer = resize.resize_matlab(row(1, 0, 0, 0), (1, 2))
    np.testing.assert_allclose(finer.numpy().ravel(), [0.5, 0.0], atol=1e-6)
