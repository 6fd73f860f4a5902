"""Detectors with the Feature Pyramid Transformer and PANet's heads."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.models.catalog import build_network
from lfp_tf.ops.detection.roi_align import roi_align

SMALL = {
    "classes": 3, "depth": 18, "blocks": (1, 1, 1, 1), "width": 1 / 8, "pyramid_dim": 8,
    "norm_groups": 2, "decoder": "bfp", "box_head": "all_levels_4conv1fc",
    "mask_head": "all_levels_fc", "head_norm": "group_norm", "box_dim": 16, "box_conv_dim": 8,
    "mask_dim": 4, "mask_convolutions": 2, "test_pre_nms": 100, "test_post_nms": 12,
    "detections": 5, "score_threshold": 0.0,
}  # fmt: skip
RNG = np.random.RandomState(0)
IMAGES = RNG.normal(size=(2, 64, 96, 3)).astype(np.float32)
INFO = np.array([[64, 96, 2.0, 32, 48], [64, 90, 1.0, 64, 90]], np.float32)
SIZES = np.array([[64, 96], [64, 75]], np.int32)
INPUTS = {"images": IMAGES, "info": INFO, "sizes": SIZES}
BLOCK = ("st_", "gt_", "rt_", "fpt_")


@pytest.fixture(scope="module")
def model():
    made = build_network("rcnn", **SMALL, transformer="paper")
    rng = np.random.RandomState(1)
    for name, variable in variables_by_name(made).items():
        if name.startswith(("rpn", "box", "mask")) and name.endswith("kernel"):
            variable.assign(rng.normal(0, 0.3, variable.shape))
    return made


@pytest.fixture(scope="module")
def outputs(model):
    return model.trunk_outputs(IMAGES, SIZES, training=False)


def test_what_fills_an_image_up_is_no_part_of_the_levels(model, outputs):
    assert model.takes_sizes
    for level in (2, 3, 4, 5):
        columns = -(-75 // 2**level)
        assert not outputs[f"p{level}"][1, :, columns:].numpy().any()
        assert outputs[f"p{level}"][1, :, :columns].numpy().any()
    whole = model.trunk_outputs(IMAGES, training=False)
    # The first image fills its canvas; the second attends to its padding here.
    np.testing.assert_allclose(whole["p2"][0], outputs["p2"][0], atol=1e-5)
    assert np.abs(whole["p2"][1] - outputs["p2"][1]).max() > 1e-2


def test_the_coarsest_level_comes_from_the_blocks_result(outputs):
    np.testing.assert_array_equal(outputs["p6"], outputs["p5"][:, ::2, ::2])


def test_boxes_are_pooled_from_every_level(model, outputs):
    rois = tf.constant([[0, 0, 60, 40], [4, 4, 11, 15]], tf.float32)
    images = tf.constant([1, 0])
    pooled = model.box_features(outputs, rois, images)
    assert pooled.shape == (2, 7, 7, 32)
    third = roi_align(outputs["p4"], rois, images, size=7, scale=1 / 16)
    np.testing.assert_array_equal(pooled[..., 16:24], third)


def test_it_detects_and_a_saved_one_is_the_same(model, tmp_path):
    results = model(INPUTS)
    assert results["masks"].shape == (2, 5, 28, 28)
    assert results["counts"].numpy().tolist() == [5, 5]
    model.save(tmp_path / "saved.keras")
    loaded = tf_keras.models.load_model(tmp_path / "saved.keras")
    assert loaded.options == model.options
    for name, value in loaded(INPUTS).items():
        np.testing.assert_array_equal(value, results[name])


def test_the_added_mask_is_the_same_for_all_classes(model, outputs):
    rois = tf.constant([[0, 0, 60, 40]], tf.float32)
    features = model.mask_features(outputs, rois, tf.constant([0]))
    assert features.shape == (1, 28, 28, 5)
    more = tf.concat([features[..., :-1], features[..., -1:] + 2.0], axis=-1)
    for label in (1, 3):
        one, other = (model.mask_logits(x, tf.constant([label])) for x in (features, more))
        np.testing.assert_allclose(other - one, 2.0, atol=1e-5)


def test_the_released_form_takes_images_alone():
    made = build_network("rcnn", **SMALL, transformer="released_code", masks=False)
    assert not made.takes_sizes
    one, other = made.trunk_outputs(IMAGES, SIZES), made.trunk(IMAGES)
    np.testing.assert_array_equal(one["p2"], other["p2"])
    assert "st_p2/keys/kernel" not in variables_by_name(made)


def test_it_learns_where_the_backbones_norms_are_fixed():
    made = build_network(
        "rcnn", **SMALL, transformer="paper", norm="batch", bn_frozen=True, masks=False
    )
    before = {n: v.numpy() for n, v in variables_by_name(made).items() if "moving" in n}
    made.trunk_outputs(IMAGES, SIZES, training=True)
    moved = {
        n
        for n, v in variables_by_name(made).items()
        if "moving" in n and (v != before[n]).numpy().any()
    }
    assert moved and all(name.startswith(BLOCK) for name in moved)


def test_its_gradients_are_the_same_bit_for_bit(model):
    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            outputs = model.trunk_outputs(IMAGES, SIZES, training=False)
            loss = tf.add_n([tf.reduce_sum(tf.sin(outputs[f"p{n}"])) for n in (2, 3, 4, 5)])
        return tape.gradient(loss, model.trunk.trainable_variables, unconnected_gradients="zero")

    first = gradients()
    assert all(np.isfinite(g).all() for g in first)
    for one, other in zip(first, gradients(), strict=True):
        np.testing.assert_array_equal(one, other)
