"""LFP's augmentation of VOC: what the crop sees is what the whole image would give."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.data.segmentation import transforms_lfp as transforms
from lfp_tf.data.segmentation.transforms_lfp import LfpAugmentation
from lfp_tf.errors import LfpError
from lfp_tf.tasks.segmentation.augmentations import augmentation
from lfp_tf.tasks.segmentation.config import Augmentation

CROP = (24, 20)


def sample(height=40, width=50, seed=0):
    random = np.random.RandomState(seed)
    image = cv2.GaussianBlur(random.uniform(0, 255, (height, width, 3)).astype("f"), (5, 5), 2)
    return image, random.randint(0, 5, (height, width)).astype(np.uint8)


def augmented(number, chosen=None, size=(40, 50)):
    image, labels = transforms.augment(
        *map(tf.constant, sample(*size)),
        tf.constant([1, number]),
        crop=CROP,
        mean=(1.0, 2.0, 3.0),
        augmentation=chosen or LfpAugmentation(),
    )
    return image.numpy(), labels.numpy()


def offsets(augmentation, size=(60, 80)):
    found = []
    for number in range(60):
        choices = transforms.draw(
            tf.constant(size), tf.constant([1, number]), crop=CROP, augmentation=augmentation
        )
        room = choices.grid.scaled.numpy() - CROP
        found.append(choices.offset.numpy() / room)
    return np.array(found)


@pytest.mark.parametrize("is_flipped", [False, True])
@pytest.mark.parametrize("scale", [0.9, 1.07])
def test_the_crop_is_part_of_opencvs_whole(scale, is_flipped):
    image, labels = sample()
    grid = transforms.grid_of(tf.constant([40, 50]), tf.constant(scale, tf.float64))
    size = (int(50 * scale), int(40 * scale))
    whole = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    whole_labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
    if is_flipped:
        whole, whole_labels = whole[:, ::-1], whole_labels[:, ::-1]
    choices = transforms.Choices(grid, tf.constant([5, 9]), tf.constant(is_flipped))
    got, got_labels = transforms.render(
        tf.constant(image), tf.constant(labels), choices, crop=CROP, padding=(128.0,) * 3
    )
    np.testing.assert_allclose(got, whole[5:29, 9:29], atol=0.02)
    np.testing.assert_array_equal(got_labels, whole_labels[5:29, 9:29])


def test_what_is_missing_is_grey_and_ignored_at_bottom_and_right():
    image, labels = augmented(0, size=(10, 12))
    assert (image[11:] == 128).all() and (image[:, 14:] == 128).all()
    assert (labels[11:] == 255).all() and (labels[:9, :10] != 255).all()


def test_a_sample_is_a_function_of_its_key():
    for chosen in (LfpAugmentation(), LfpAugmentation.original()):
        first, again, other = (augmented(number, chosen) for number in (4, 4, 5))
        np.testing.assert_array_equal(first[0], again[0])
        assert np.abs(first[0] - other[0]).max() > 1


def test_crops_come_from_everywhere_but_the_originals_from_the_upper_left():
    ours, theirs = offsets(LfpAugmentation()), offsets(LfpAugmentation.original())
    assert ours.max() > 0.9 and abs(np.corrcoef(ours.T)[0, 1]) < 0.4
    assert theirs.max() <= 0.5 and np.corrcoef(theirs.T)[0, 1] > 0.95


def test_shifted_colours_by_hand():
    # Hue 0 (red), saturation 0.5, value 200: 120 degrees further is green.
    image = tf.constant([[[200.0, 100.0, 100.0]]])
    np.testing.assert_allclose(
        transforms.shifted_colors(image, tf.constant([120.0, 0.0, 0.0])),
        [[[100.0, 200.0, 100.0]]],
        atol=1e-3,
    )
    np.testing.assert_allclose(
        transforms.shifted_colors(image, tf.constant([0.0, 0.25, 20.0])),
        [[[220.0, 55.0, 55.0]]],
        atol=1e-3,
    )
    np.testing.assert_allclose(transforms.shifted_colors(image, tf.zeros([3])), image, atol=1e-3)


def test_colours_far_out_of_range_are_cut_not_wrapped():
    image = tf.constant([[[200.0, 100.0, 100.0]]])
    got = transforms.shifted_colors(image, tf.constant([0.0, 50.0, 0.0])).numpy()
    assert got.min() == 0 and got.max() <= 255


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"scales": (0.0, 1.0)}, r"scales must be \[least, largest\] above 0"),
        ({"scales": (2.0, 1.0)}, "scales must be"),
        ({"color_probability": 2}, "color_probability must lie in 0..1, not 2"),
    ],
)
def test_impossible_augmentations_are_refused(words, message):
    with pytest.raises(LfpError, match=message):
        LfpAugmentation(**words)


@pytest.mark.parametrize(
    ("recipe", "want"),
    [("lfp", LfpAugmentation()), ("lfp_original", LfpAugmentation.original())],
)
def test_recipes_of_experiments(recipe, want):
    config = Augmentation(recipe=recipe, scale_min=0.9, scale_max=1.1)
    assert augmentation(config) == want
