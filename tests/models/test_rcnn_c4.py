import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.models.catalog import build_network
from lfp_tf.models.rcnn_c4 import RCNNC4
from lfp_tf.ops.detection.roi_align import roi_align
from lfp_tf.options import ResNet

SMALL = {
    "classes": 3,
    "blocks": (1, 1, 1, 2),
    "width": 1 / 16,
    "mask_dim": 4,
    "anchor_sizes": (16.0, 32.0),
    "test_pre_nms": 100,
    "test_post_nms": 8,
    "detections": 4,
    "score_threshold": 0.0,
}
RNG = np.random.RandomState(0)
INPUTS = {
    "images": RNG.normal(size=(2, 50, 70, 3)).astype(np.float32),
    "info": np.array([[50, 70, 1, 50, 70], [50, 66, 2, 25, 33]], np.float32),
}
ROIS = tf.constant([[3, 4, 40, 30], [10, 0, 60, 45], [0, 0, 5, 5]], tf.float32)
OF = tf.constant([1, 0, 1])


def build(**options):
    model = build_network("rcnn_c4", **SMALL | options)
    rng = np.random.RandomState(1)
    for name, variable in variables_by_name(model).items():
        if name.endswith("kernel"):
            variable.assign(
                rng.normal(0, 0.3 / np.sqrt(np.prod(variable.shape[:-1])), variable.shape)
            )
    return model


@pytest.fixture(scope="module")
def model():
    return build()


@pytest.fixture(scope="module")
def outputs(model):
    return model.trunk(INPUTS["images"])


def test_one_level_without_padding(model, outputs):
    assert model.levels == (4,)
    assert model.strides == (16,)
    assert {name: tuple(x.shape) for name, x in outputs.items()} == {
        "c4": (2, 4, 5, 64),
        "rpn_logits_4": (2, 4, 5, 6),
        "rpn_deltas_4": (2, 4, 5, 24),
    }
    (anchors,) = model.anchors(outputs)
    assert anchors.shape == (120, 4)
    # Ratio 1, first size, of the second cell.
    np.testing.assert_array_equal(anchors[6 + 2], [16, 0, 31, 15])


def test_the_last_stage_is_the_head_of_pooled_boxes(model, outputs):
    features = model.box_features(outputs, ROIS, OF)
    pooled = roi_align(outputs["c4"], ROIS, OF, size=14, scale=1 / 16, samples=0)
    np.testing.assert_allclose(features, model.stage(pooled), atol=1e-6)
    assert features.shape == (3, 7, 7, 128)
    v = variables_by_name(model)
    mean = features.numpy().mean((1, 2))
    expected = mean @ v["box_classes/kernel"].numpy() + v["box_classes/bias"].numpy()
    np.testing.assert_allclose(model.box_outputs(features)["class_logits"], expected, atol=1e-5)


def test_batch_norms_of_the_head_do_not_move():
    made = build(norm="batch")
    names = ("stage1_block1_bn1/moving_mean", "stage4_block1_bn1/moving_mean")
    before = [variables_by_name(made)[name].numpy() for name in names]
    made(INPUTS, training=True)
    moved = [variables_by_name(made)[name].numpy() for name in names]
    assert (moved[0] != before[0]).any()
    np.testing.assert_array_equal(moved[1], before[1])


def test_masks_take_the_boxes_features(model, outputs):
    features = model.box_features(outputs, ROIS, OF)
    anew = model.mask_features(outputs, ROIS, OF)
    given = model.mask_features(outputs, ROIS, OF, of_boxes=features)
    np.testing.assert_array_equal(anew, given)
    assert given.shape == (3, 14, 14, 4)
    assert model.mask_side == 14
    assert not any(name.startswith("mask_stage") for name in variables_by_name(model))


def test_masks_may_have_a_stage_of_their_own():
    made = build(shared_masks=False, width_per_group=16, resnet_groups=2)
    shapes = {name: tuple(v.shape) for name, v in variables_by_name(made).items()}
    assert shapes["stage4_block1_conv2/kernel"] == (3, 3, 8, 16)
    assert shapes["mask_stage4_block1_conv2/kernel"] == (3, 3, 16, 32)
    outputs = made.trunk(INPUTS["images"])
    of_boxes = made.box_features(outputs, ROIS, OF)
    one = made.mask_features(outputs, ROIS, OF, of_boxes=of_boxes)
    np.testing.assert_array_equal(one, made.mask_features(outputs, ROIS, OF))
    variables_by_name(made)["mask_stage4_block2_bn3/offset"].assign_add(np.full(128, 9.0))
    assert (one != made.mask_features(outputs, ROIS, OF).numpy()).numpy().any()
    np.testing.assert_array_equal(of_boxes, made.box_features(outputs, ROIS, OF))


PYRAMID = {
    "backbone": "pyramid_resnet",
    "block_padding": "floor",
    "size_precision": "float32",
    "output_stride": 32,
    "norm": "batch",
    "bn_frozen": True,
    "roi_samples": 2,
    "box_pixel": 0.0,
    "roi_aligned": True,
}


def test_a_pyramid_resnet_rounds_odd_sizes_down_and_has_its_stage_as_head():
    made = build(**PYRAMID)
    names = variables_by_name(made)
    assert "stage3_block1/scale1/kernel" in names and "stage4_block2/merge/kernel" in names
    images = tf.constant(INPUTS["images"][:, :47, :63])
    outputs = made.trunk(images)
    assert outputs["c4"].shape == (2, 2, 3, 64)
    features = made.box_features(outputs, ROIS, OF)
    pooled = roi_align(outputs["c4"], ROIS, OF, size=14, scale=1 / 16, aligned=True)
    np.testing.assert_array_equal(made.pooled(outputs, ROIS, OF), pooled)
    np.testing.assert_allclose(features, made.stage(pooled), atol=1e-6)
    assert features.shape == (3, 7, 7, 128)


def test_the_plain_twin_has_no_pyramid():
    plain = variables_by_name(build(**PYRAMID, pyramid=False))
    whole = variables_by_name(build(**PYRAMID))
    assert set(plain) < set(whole)
    assert not any("/scale" in name for name in plain)


def test_masks_of_a_pyramid_resnet_may_have_a_stage_of_their_own():
    names = variables_by_name(build(**PYRAMID, shared_masks=False))
    own = [name for name in names if name.startswith("mask_stage4_")]
    assert len(own) == sum(name.startswith("stage4_") for name in names) > 0


@pytest.mark.parametrize("options", [{}, {"shared_masks": False}, PYRAMID])
def test_a_saved_network_is_the_same(options, tmp_path):
    made = build(**options)
    results = made(INPUTS)
    assert results["masks"].shape == (2, 4, 14, 14)
    made.save(tmp_path / "saved.keras")
    loaded = tf_keras.models.load_model(tmp_path / "saved.keras")
    assert isinstance(loaded, RCNNC4)
    assert loaded.shared_masks == made.shared_masks
    assert list(variables_by_name(loaded)) == list(variables_by_name(made))
    for key, x in loaded(INPUTS).items():
        np.testing.assert_array_equal(x, results[key])


def test_another_stride_is_refused():
    with pytest.raises(ValueError, match="output_stride is 16, but C4 needs 32"):
        RCNNC4(classes=1, backbone=ResNet(output_stride=16))
