"""The augmentation of people: laws of the drawn numbers, image and maps together."""

import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.data.pose import transforms
from lfp_tf.data.pose.transforms import PoseAugmentation
from lfp_tf.errors import LfpError

ORDER = [1, 0]


def choices(scale=1.0, rotation=0.0, color=(1.0, 1.0, 1.0), is_flipped=False):
    return transforms.Choices(
        tf.constant(scale, tf.float64),
        tf.constant(rotation, tf.float64),
        tf.constant(color),
        tf.constant(is_flipped),
    )


def sample(side=32):
    """A bright spot and a map of it at the same place, (x, y) = (3/4, 3/8) of the side."""
    y, x = np.mgrid[:side, :side]
    spot = np.exp(-((x - 0.75 * side) ** 2 + (y - 0.375 * side) ** 2) / 18.0)
    image = np.repeat(255.0 * spot[..., None], 3, axis=2).astype("f")
    maps = np.stack([spot[1::4, 1::4], 0 * spot[::4, ::4]], -1).astype("f")
    return tf.constant(image), tf.constant(maps)


def place(values):
    return np.array(np.unravel_index(values.argmax(), values.shape))[::-1]


def test_no_choice_changes_nothing():
    image, maps = sample()
    got, got_maps = transforms.render(image, maps, choices(), flip_order=ORDER)
    np.testing.assert_allclose(got, image, atol=1e-3)
    np.testing.assert_allclose(got_maps, maps, atol=1e-6)


@pytest.mark.parametrize("words", [{"rotation": 50.0}, {"scale": 1.2}, {"scale": 0.8}])
def test_image_and_maps_move_together(words):
    got, maps = transforms.render(*sample(64), choices(**words), flip_order=ORDER)
    moved = place(got.numpy()[..., 0]) / 4
    assert np.abs(place(maps.numpy()[..., 0]) - moved).max() <= 1.0
    assert np.abs(moved * 4 - [48, 24]).max() > 2


def test_a_flip_exchanges_the_sides():
    image, maps = sample()
    got, flipped = transforms.render(image, maps, choices(is_flipped=True), flip_order=ORDER)
    np.testing.assert_allclose(got, image[:, ::-1], atol=1e-3)
    assert not flipped.numpy()[..., 0].any()
    np.testing.assert_allclose(flipped[..., 1], maps[:, ::-1, 0], atol=1e-6)


def test_a_background_map_keeps_its_place():
    image, maps = sample()
    maps = tf.concat([maps, tf.reduce_max(maps, -1, keepdims=True)], -1)
    _, flipped = transforms.render(image, maps, choices(is_flipped=True), flip_order=ORDER)
    np.testing.assert_allclose(flipped[..., 2], maps[:, ::-1, 2], atol=1e-6)


def test_colours_are_cut_at_white():
    image, maps = sample()
    got, _ = transforms.render(image, maps, choices(color=(1.2, 1.0, 0.5)), flip_order=ORDER)
    assert got.numpy().max() <= 255.001
    np.testing.assert_allclose(got[..., 2], 0.5 * image[..., 2], atol=1e-3)


def test_drawn_numbers_have_the_stated_ranges():
    drawn = [transforms.draw(tf.constant([3, n]), PoseAugmentation()) for n in range(300)]
    scales, turns = (
        np.array([getattr(one, f).numpy() for one in drawn]) for f in ("scale", "rotation")
    )
    colors = np.array([one.color.numpy() for one in drawn])
    assert scales.min() == 0.75 and scales.max() == 1.25 and 0.15 < scales.std() < 0.22
    assert 0.5 < np.mean(turns == 0) < 0.7 and np.abs(turns).max() <= 60
    assert 20 < turns[turns != 0].std() < 38
    assert 0.8 <= colors.min() < 0.82 and 1.18 < colors.max() <= 1.2
    assert 0.4 < np.mean([bool(one.is_flipped) for one in drawn]) < 0.6
    again = transforms.draw(tf.constant([3, 7]), PoseAugmentation())
    assert again.scale == drawn[7].scale


def test_none_draws_nothing():
    one = transforms.draw(tf.constant([3, 8]), PoseAugmentation.none())
    assert one.scale == 1 and one.rotation == 0 and not one.is_flipped
    np.testing.assert_array_equal(one.color, [1, 1, 1])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"scale_deviation": 1.0}, "scale_deviation must lie in 0..0.9, not 1.0"),
        ({"flip_probability": -1}, "flip_probability must lie in 0..1, not -1"),
    ],
)
def test_impossible_augmentations_are_refused(words, message):
    with pytest.raises(LfpError, match=message):
        PoseAugmentation(**words)
