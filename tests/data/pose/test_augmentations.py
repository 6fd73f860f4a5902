"""The augmentation of people: laws of the drawn numbers, image and maps together."""

import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.data.draws import Draws
from lfp_tf.data.pose.augmentations import recipe
from lfp_tf.data.pose.steps import check_steps
from lfp_tf.errors import LfpError

ORDER = [1, 0]


def choices(scale=1.0, rotation=0.0, color=(1.0, 1.0, 1.0), is_flipped=False):
    turn = tf.constant(scale, tf.float64), tf.constant(rotation, tf.float64)
    return tf.constant(color), turn, tf.constant(is_flipped)


def render(image, maps, chosen):
    for step, choice in zip(recipe().steps, chosen, strict=True):
        image, maps = step.render(choice, image, maps, ORDER)
    return image, maps


def draw(number):
    """(factors of the channels, (factor, degrees), whether it is flipped)."""
    augmentation, key = recipe(), tf.constant([3, number])
    pairs = zip(augmentation.steps, augmentation.slots, strict=True)
    return [step.draw(Draws(key, slot)) for step, slot in pairs]


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
    got, got_maps = render(image, maps, choices())
    np.testing.assert_allclose(got, image, atol=1e-3)
    np.testing.assert_allclose(got_maps, maps, atol=1e-6)


@pytest.mark.parametrize("words", [{"rotation": 50.0}, {"scale": 1.2}, {"scale": 0.8}])
def test_image_and_maps_move_together(words):
    got, maps = render(*sample(64), choices(**words))
    moved = place(got.numpy()[..., 0]) / 4
    assert np.abs(place(maps.numpy()[..., 0]) - moved).max() <= 1.0
    assert np.abs(moved * 4 - [48, 24]).max() > 2


def test_a_flip_exchanges_the_sides():
    image, maps = sample()
    got, flipped = render(image, maps, choices(is_flipped=True))
    np.testing.assert_allclose(got, image[:, ::-1], atol=1e-3)
    assert not flipped.numpy()[..., 0].any()
    np.testing.assert_allclose(flipped[..., 1], maps[:, ::-1, 0], atol=1e-6)


def test_a_background_map_keeps_its_place():
    image, maps = sample()
    maps = tf.concat([maps, tf.reduce_max(maps, -1, keepdims=True)], -1)
    _, flipped = render(image, maps, choices(is_flipped=True))
    np.testing.assert_allclose(flipped[..., 2], maps[:, ::-1, 2], atol=1e-6)


def test_colours_are_cut_at_white():
    image, maps = sample()
    got, _ = render(image, maps, choices(color=(1.2, 1.0, 0.5)))
    assert got.numpy().max() <= 255.001
    np.testing.assert_allclose(got[..., 2], 0.5 * image[..., 2], atol=1e-3)


def test_drawn_numbers_have_the_stated_ranges():
    drawn = [draw(number) for number in range(300)]
    scales, turns = np.array([[float(value) for value in turn] for _, turn, _ in drawn]).T
    colors = np.array([color.numpy() for color, _, _ in drawn])
    assert scales.min() == 0.75 and scales.max() == 1.25 and 0.15 < scales.std() < 0.22
    assert 0.5 < np.mean(turns == 0) < 0.7 and np.abs(turns).max() <= 60
    assert 20 < turns[turns != 0].std() < 38
    assert 0.8 <= colors.min() < 0.82 and 1.18 < colors.max() <= 1.2
    assert 0.4 < np.mean([bool(is_flipped) for _, _, is_flipped in drawn]) < 0.6
    assert draw(7)[1][0] == drawn[7][1][0]


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"scale_and_rotate": {"scale_deviation": 1.0}}, "scale_deviation must lie in 0..0.9, not"),
        ({"flip": {"probability": -1}}, "flip.probability must lie in 0..1, not -1"),
        ("turn", 'There is no augmentation step "turn".'),
    ],
)
def test_impossible_steps_are_refused(step, message):
    with pytest.raises(LfpError, match=message):
        check_steps([step])
