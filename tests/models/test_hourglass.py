import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.layers.pyramid_residual import PyramidResidual, Residual
from lfp_tf.models.catalog import build_network

# Known sizes and two levels build quickly.
SMALL = {"classes": 5, "features": 18, "stacks": 1, "cardinality": 2, "input_shape": (64, 64, 3)}


def random_images(*shape, seed=0):
    return np.random.RandomState(seed).uniform(-0.5, 0.5, (*shape, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def single():
    """One stack; tests only read it and the next one."""
    return build_network("hourglass", **SMALL)


@pytest.fixture(scope="module")
def model():
    return build_network("hourglass", **SMALL | {"stacks": 2})


def test_each_stack_has_maps_of_a_quarter_at_any_size():
    found = build_network("hourglass", **SMALL | {"stacks": 2, "input_shape": (None, None, 3)})(
        random_images(1, 64, 128)
    )
    assert {name: tuple(maps.shape) for name, maps in found.items()} == {
        "heatmaps_1": (1, 16, 32, 5),
        "heatmaps_2": (1, 16, 32, 5),
    }


def test_modules_stand_where_maps_are_large(model):
    kinds = {layer.name: type(layer) for layer in model.layers}
    assert kinds["stack1_n2_up_1"] is PyramidResidual
    assert kinds["stack1_n3_low1_1"] is PyramidResidual
    assert kinds["stack1_n2_low1_1"] is Residual
    assert kinds["stack1_n1_up_1"] is Residual
    assert kinds["stack1_n1_low2_1"] is Residual


def test_only_the_lower_branch_projects_its_skip(model):
    skips = {
        name.split("/")[0] for name in variables_by_name(model)
        if "/skip_conv/" in name and name.startswith("stack1")
    }  # fmt: skip
    assert skips == {f"stack1_n{depth}_low3_1" for depth in (1, 2, 3, 4)}


def test_modules_draw_apart(model):
    salts = [layer.salt for layer in model.layers if isinstance(layer, PyramidResidual)]
    assert len(salts) == len(set(salts)) == 3 + 2 * 7


def test_several_units_stand_behind_each_other():
    names = variables_by_name(build_network("hourglass", **SMALL, residuals=2))
    assert {"stack1_n4_up_2/join_conv/kernel", "stack1_n1_low2_2/conv1/kernel"} <= set(names)


def test_the_last_stack_merges_nothing(model):
    names = set(variables_by_name(model))
    assert "stack1_merge_heatmaps/kernel" in names
    assert "stack2_merge_heatmaps/kernel" not in names


def test_it_can_be_saved_and_loaded_by_anybody(single, tmp_path):
    single.save(tmp_path / "model.keras")
    again = tf_keras.models.load_model(tmp_path / "model.keras")
    images = random_images(1, 64, 64)
    np.testing.assert_allclose(again(images)["heatmaps_1"], single(images)["heatmaps_1"], atol=1e-4)


def test_gradients_reach_every_weight():
    model = build_network("hourglass", **SMALL)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(
            tf.square(model(random_images(2, 64, 64), training=True)["heatmaps_1"])
        )
    assert all(one is not None for one in tape.gradient(loss, model.trainable_variables))


@pytest.mark.parametrize("shape", [(100, 128, 3), (None, 32, 3)])
def test_other_sizes_are_refused(shape):
    with pytest.raises(ValueError, match="both sides must be multiples of 64"):
        build_network("hourglass", **SMALL | {"input_shape": shape})


def test_no_stack_is_refused():
    with pytest.raises(ValueError, match="stacks and residuals must be at least 1"):
        build_network("hourglass", **SMALL | {"stacks": 0})
