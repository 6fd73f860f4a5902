"""Crops and colours of a classifier's images: by hand, by law, against OpenCV."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.data.classification.augmentations import (
    AreaCrop,
    ColorJitter,
    augment,
    centre,
    color_step,
    from_steps,
    recipe,
)
from lfp_tf.data.classification.steps import check_steps
from lfp_tf.data.steps import Augmentation
from lfp_tf.errors import LfpError


def random_image(height=30, width=40, seed=0):
    return np.random.RandomState(seed).randint(0, 256, (height, width, 3), np.uint8)


def key(number, seed=3):
    return tf.constant([seed, number])


def augmented(image, number, augmentation=None):
    augmentation = augmentation or recipe()
    return augment(tf.constant(image), key(number), size=16, augmentation=augmentation).numpy()


def test_an_image_is_a_function_of_its_key():
    first, again, other = (augmented(random_image(), number) for number in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1
    assert first.shape == (16, 16, 3) and first.min() >= 0 and first.max() <= 255
    np.testing.assert_array_equal(first, np.floor(first))


def test_crops_have_the_drawn_area_and_shape_and_fit():
    draws = np.random.RandomState(0).uniform(0, 1, (400, 10, 5))
    found = []
    for one in draws:
        window, fits = AreaCrop().window(tf.constant([300, 400]), tf.constant(one))
        if fits:
            found.append(window.numpy())
    top, left, height, width = np.array(found).T
    assert len(found) > 390
    assert (top + height <= 300).all() and (left + width <= 400).all()
    share = height * width / 120_000
    assert 0.07 < share.min() < 0.12 and share.max() > 0.7
    ratio = width / height
    assert ratio.min() > 0.74 and ratio.max() < 1.35


def test_the_last_offset_is_never_taken():
    one = np.full((10, 5), 1 - 1e-12)
    one[:, 0] = 0.0
    window, fits = AreaCrop().window(tf.constant([100, 100]), tf.constant(one))
    top, left, height, width = window.numpy()
    assert fits and top + height == 99 and left + width == 99


def test_an_image_that_no_crop_fits_gives_its_middle():
    thin = random_image(4, 200)
    got = augmented(thin, 1, Augmentation.of([AreaCrop((1.0, 1.0), (1.0, 1.0))]))
    want = centre(tf.constant(thin), shortest=16, size=16)
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(
    ("name", "value", "want"),
    [
        ("brightness", 1.5, [[255, 150, 15], [150, 30, 60]]),
        ("contrast", 0.5, [[175, 80, 17], [125, 40, 32]]),
        ("saturation", 0.0, [[120, 120, 120], [46, 46, 46]]),
    ],
)
def test_colour_steps_by_hand(name, value, want):
    image = tf.constant([[[200.0, 100.0, 10.0], [100.0, 20.0, 40.0]]])
    got = color_step(image, name, tf.constant(value, tf.float64))
    np.testing.assert_array_equal(got[0], want)


def test_lighting_adds_one_colour_to_all_pixels():
    image = tf.fill([2, 2, 3], 100.0)
    got = color_step(image, "lighting", tf.constant([0.1, 0.0, 0.0], tf.float64))
    # 0.1 * 0.2175 * 255 = 5.546 times (-0.5675, -0.5808, -0.5836), cut down.
    assert got[0, 0].numpy().tolist() == [96.0, 96.0, 96.0]


def test_all_orders_of_the_colour_steps_occur():
    image = tf.constant(random_image(8, 8), tf.float32)
    seen = set()
    for number in range(12):
        random = np.random.RandomState(number)
        draws = tf.constant(np.concatenate([[0.9, 0.1, 0.8], random.uniform(size=4)]))
        lights = tf.constant([1.0, -1.0, 1.0], tf.float64)
        got = ColorJitter().render((draws, lights), image, 8)
        seen.add(got.numpy().tobytes())
    assert len(seen) > 6


def test_the_middle_is_opencvs():
    image = random_image(90, 123)
    want = cv2.resize(image, (87, 64), interpolation=cv2.INTER_CUBIC)[4:60, 15:71]
    got = centre(tf.constant(image), shortest=64, size=56).numpy()
    assert np.abs(got - want).max() <= 1


def test_a_users_list_begins_with_the_middle_unless_it_crops():
    names = [[step.NAME for step in from_steps(e).steps] for e in (["flip"], ["area_crop"])]
    assert names == [["centre_crop", "flip"], ["area_crop"]]
    image = random_image()
    flipped = augmented(image, 0, from_steps([{"flip": {"probability": 1}}]))
    plain = augmented(image, 0, from_steps([]))
    np.testing.assert_array_equal(flipped, plain[:, ::-1])


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"area_crop": {"areas": [0.0, 1.0]}}], "area_crop.areas must lie in 1e-06..1, not"),
        ([{"area_crop": {"aspect_ratios": [2.0, 1.0]}}], "aspect_ratios must be"),
        ([{"color_jitter": {"lighting": 3.0}}], "lighting must lie in 0..1, not 3.0"),
        (["flip", "area_crop"], "has a crop behind another step"),
    ],
)
def test_impossible_steps_are_refused(entries, message):
    with pytest.raises(LfpError, match=message):
        check_steps(entries)
