"""Segmentation with the Feature Pyramid Transformer: sizes, its baseline, what is refused."""

import numpy as np
import pytest
import tf_keras

from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.models.catalog import build_network

SMALL = {
    "classes": 3, "depth": 18, "blocks": (1, 1, 1, 1), "width": 1 / 8,
    "pyramid_dim": 8, "head_channels": 8, "aux_channels": 4,
}  # fmt: skip
IMAGES = np.random.RandomState(0).normal(size=(2, 41, 57, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    return build_network("fpt_segmentation", **SMALL)


def test_logits_have_the_size_of_the_image(model):
    outputs = model(IMAGES)
    assert {name: x.shape for name, x in outputs.items()} == {
        "logits": (2, 41, 57, 3),
        "aux_logits": (2, 41, 57, 3),
    }


def test_its_parts_are_told_apart_by_their_names(model):
    first = {name.split("_")[0] for name in variables_by_name(model)}
    assert first - {f"stage{n}" for n in (1, 2, 3, 4)} == {
        *("stem", "pyramid", "st", "gt", "rt", "fpt", "cls", "aux"),
    }


def test_a_saved_network_is_the_same(model, tmp_path):
    model.save(tmp_path / "saved.keras")
    loaded = tf_keras.models.load_model(tmp_path / "saved.keras")
    np.testing.assert_array_equal(loaded(IMAGES)["logits"], model(IMAGES)["logits"])


def test_its_baseline_has_no_transformers():
    options = {"transformer": "none", "gt_local": None, "fpt_norm": None, "aux_head": False}
    made = build_network("fpt_segmentation", **SMALL | options)
    assert not any(
        name.startswith(("st_", "gt_", "rt_", "fpt_")) for name in variables_by_name(made)
    )
    assert set(made(IMAGES)) == {"logits"}


def test_another_stride_is_refused():
    with pytest.raises(ValueError, match="output_stride is 16, but levels of one size need 8"):
        build_network("fpt_segmentation", **SMALL, output_stride=16)
