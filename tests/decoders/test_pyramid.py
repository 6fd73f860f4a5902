"""What the golden cases do not say of base pyramids: odd sizes, names, values by hand."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.decoders.pyramid import feature_pyramid
from lfp_tf.options import FeaturePyramid, Norm

SIZES = {2: (9, 7), 3: (5, 4), 4: (3, 2), 5: (2, 1)}


def model(options, norm=Norm()):
    maps = {n: tf_keras.Input([None, None, 1], name=f"C{n}") for n in SIZES}
    levels = feature_pyramid(maps, options, norm)
    inputs = {f"C{n}": x for n, x in maps.items()}
    return tf_keras.Model(inputs, {f"P{n}": x for n, x in levels.items()})


def pass_on(made):
    """Convolutions that pass on the middle of what they see."""
    for name, variable in variables_by_name(made).items():
        value = np.zeros(variable.shape, np.float32)
        if name.endswith("/kernel"):
            value[value.shape[0] // 2, value.shape[1] // 2] = 1.0
        variable.assign(value)


def given():
    # Each level has its number in all cells.
    return {f"C{n}": tf.fill([1, *size, 1], float(n)) for n, size in SIZES.items()}


def test_each_level_adds_all_coarser_ones():
    made = model(FeaturePyramid(dim=1))
    pass_on(made)
    levels = made(given())
    for n, total in ((2, 14.0), (3, 12.0), (4, 9.0), (5, 5.0)):
        np.testing.assert_array_equal(levels[f"P{n}"], np.full((1, *SIZES[n], 1), total))


def test_without_a_way_down_each_level_is_its_own_map():
    made = model(FeaturePyramid("bfp", dim=1))
    pass_on(made)
    levels = made(given())
    assert [float(levels[f"P{n}"][0, 0, 0, 0]) for n in (2, 3, 4, 5, 6)] == [2, 3, 4, 5, 5]
    assert {name.split("/")[0] for name in variables_by_name(made)} == {
        f"fpn_lateral{n}" for n in SIZES
    }


def test_the_last_level_is_every_second_cell():
    made = model(FeaturePyramid("bfp", dim=1))
    pass_on(made)
    coarsest = tf.reshape(tf.range(15.0), [1, 5, 3, 1])
    levels = made(given() | {"C5": coarsest})
    np.testing.assert_array_equal(levels["P6"][0, :, :, 0], [[0, 2], [6, 8], [12, 14]])


@pytest.mark.parametrize(
    ("normalization", "leaves"),
    [
        ("none", {"bias"}),
        ("group_norm", {"gamma", "beta"}),
        ("batch_norm", {"gamma", "beta", "moving_mean", "moving_variance"}),
    ],
)
def test_norms_stand_behind_both_convolutions(normalization, leaves):
    options = FeaturePyramid(dim=4, normalization=normalization)
    names = variables_by_name(model(options, Norm(kind="affine", groups=2)))
    for layer in ("fpn_lateral3", "fpn_output5"):
        found = {n.rsplit("/", 1)[1] for n in names if n.startswith(layer)}
        assert found == leaves | {"kernel"}
