"""What the golden cases do not say of pyramids of one size: odd sizes, saving."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from lfp_tf.decoders.even_pyramids import even_pyramid
from lfp_tf.options import EvenPyramid

RNG = np.random.RandomState(0)


def model(kind):
    maps = {n: tf_keras.Input([None, None, n], name=f"C{n}") for n in (2, 3, 4, 5)}
    levels = even_pyramid(maps, EvenPyramid(kind, dim=4))
    return tf_keras.Model(
        {x.name: x for x in maps.values()}, {f"U{n}": x for n, x in levels.items()}
    )


def maps(height, width):
    shapes = {
        n: [2, -(-height // s), -(-width // s), n] for n, s in ((2, 4), (3, 8), (4, 8), (5, 8))
    }
    return {f"C{n}": tf.constant(RNG.normal(size=s), tf.float32) for n, s in shapes.items()}


@pytest.mark.parametrize("kind", ["ufp", "ppm", "aspp"])
@pytest.mark.parametrize("size", [(57, 73), (64, 48), (33, 44)])
def test_all_levels_have_the_size_of_the_last_map(kind, size):
    given = maps(*size)
    for level in model(kind)(given).values():
        assert level.shape == (2, *given["C5"].shape[1:3], 4)


def test_the_coarsest_average_is_one_value_and_sees_the_last_map_alone():
    made, given = model("ppm"), maps(57, 73)
    levels = made(given)
    assert np.ptp(levels["U5"].numpy(), axis=(1, 2)).max() < 1e-6
    others = given | {name: given[name] + 1.0 for name in ("C2", "C3", "C4")}
    np.testing.assert_array_equal(made(others)["U2"], levels["U2"])


@pytest.mark.parametrize("kind", ["ufp", "ppm", "aspp"])
def test_a_saved_pyramid_is_the_same(kind, tmp_path):
    made, given = model(kind), maps(33, 44)
    made.save(tmp_path / "pyramid.keras")
    loaded = tf_keras.models.load_model(tmp_path / "pyramid.keras")
    for name, level in made(given).items():
        np.testing.assert_array_equal(loaded(given)[name], level)
