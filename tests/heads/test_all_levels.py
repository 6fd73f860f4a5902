"""What the golden cases do not say of PANet's heads: without norms, the maximum, saving."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.heads.all_levels import all_levels_box_head, all_levels_mask_head
from lfp_tf.options import RoIHeads

RNG = np.random.RandomState(0)
X = RNG.normal(size=(2, 3, 3, 4 * 5)).astype(np.float32)


def model(head, **options):
    pooled = tf_keras.Input([3, 3, 4 * 5])
    return tf_keras.Model(pooled, head(pooled, RoIHeads(**options)))


def values(made):
    return {name: v.numpy() for name, v in variables_by_name(made).items()}


def test_the_largest_of_all_levels_counts():
    made = model(all_levels_box_head, box_head="all_levels_2fc", box_dim=6)
    v = values(made)
    assert list(v)[:2] == ["box_fc1_p2/kernel", "box_fc1_p2/bias"] or "box_fc1_p2/kernel" in v
    levels = [
        np.maximum(part.reshape(2, -1) @ v[f"box_fc1_p{n}/kernel"], 0)
        for n, part in zip((2, 3, 4, 5), np.split(X, 4, axis=-1), strict=True)
    ]
    expected = np.maximum(np.max(levels, axis=0) @ v["box_fc2/kernel"], 0)
    np.testing.assert_allclose(made(X), expected, atol=1e-5)


def test_convolutions_without_norms_have_biases():
    made = model(all_levels_box_head, box_head="all_levels_4conv1fc", box_dim=6, box_conv_dim=8)
    names = set(variables_by_name(made))
    assert {"box_conv1_p5/bias", "box_conv4/bias", "box_fc1/bias"} <= names
    assert "box_conv1/kernel" not in names and made(X).shape == (2, 6)


def test_a_mask_of_a_dense_layer_stands_behind_the_features():
    options = {"mask_dim": 4, "mask_convolutions": 2}
    made = model(all_levels_mask_head, mask_head="all_levels_fc", **options)
    plain = model(all_levels_mask_head, mask_head="all_levels", **options)
    v = variables_by_name(made)
    for name, variable in variables_by_name(plain).items():
        variable.assign(v[name])
    features = made(X)
    assert features.shape == (2, 6, 6, 5) and v["mask_fc_conv2/kernel"].shape == (3, 3, 4, 2)
    np.testing.assert_allclose(features[..., :-1], plain(X), atol=1e-6)
    v["mask_fc/kernel"].assign(tf.zeros_like(v["mask_fc/kernel"]))
    v["mask_fc/bias"].assign(np.arange(-18, 18, dtype=np.float32))
    # It can but add to the others' logits.
    added = np.maximum(np.arange(-18, 18), 0).reshape(6, 6)
    np.testing.assert_array_equal(made(X)[0, ..., -1], added)


def test_a_saved_head_is_the_same(tmp_path):
    made = model(all_levels_mask_head, mask_head="all_levels_fc", mask_dim=4)
    made.save(tmp_path / "head.keras")
    loaded = tf_keras.models.load_model(tmp_path / "head.keras")
    np.testing.assert_array_equal(loaded(X), made(X))


@pytest.mark.parametrize(("kind", "least"), [("all_levels", 1), ("all_levels_fc", 2)])
def test_what_parts_from_the_convolutions_needs_some(kind, least):
    with pytest.raises(ValueError, match=f"mask_head {kind} needs at least {least}"):
        RoIHeads(mask_head=kind, mask_convolutions=least - 1)
