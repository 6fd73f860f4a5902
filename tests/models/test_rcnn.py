import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.models.catalog import build_network
from lfp_tf.models.rcnn import RCNN
from lfp_tf.ops.detection.boxes import clip, decode
from lfp_tf.ops.detection.proposals import ProposalOptions
from lfp_tf.ops.detection.roi_align import roi_align
from lfp_tf.options import CONVENTIONS, MobileNetV2, Norm, ResNet

SMALL = {
    "classes": 3,
    "depth": 18,
    "blocks": (1, 1, 1, 1),
    "width": 1 / 8,
    "pyramid_dim": 8,
    "box_dim": 16,
    "mask_dim": 4,
    "mask_convolutions": 1,
    "test_pre_nms": 100,
    "test_post_nms": 12,
    "detections": 5,
    # Every class of every box is a detection to choose from.
    "score_threshold": 0.0,
    "canonical_scale": 40.0,
}
RNG = np.random.RandomState(0)
# Two images of one padded size: the first scaled by 2, the second padded at its right.
IMAGES = RNG.normal(size=(2, 64, 96, 3)).astype(np.float32)
INFO = np.array([[64, 96, 2.0, 32, 48], [64, 90, 1.0, 64, 90]], np.float32)
INPUTS = {"images": IMAGES, "info": INFO}


def build(**options):
    """A small network whose heads have something to say."""
    model = build_network("rcnn", **SMALL | options)
    rng = np.random.RandomState(1)
    for name, variable in variables_by_name(model).items():
        if name.startswith(("rpn", "box", "mask")) and name.endswith("kernel"):
            variable.assign(rng.normal(0, 0.3, variable.shape))
    return model


@pytest.fixture(scope="module")
def model():
    return build()


@pytest.fixture(scope="module")
def outputs(model):
    return model.trunk(IMAGES)


@pytest.fixture(scope="module")
def results(model):
    return model(INPUTS)


def test_the_trunk_gives_levels_and_scores_of_anchors(model, outputs):
    sizes = {2: (16, 24), 3: (8, 12), 4: (4, 6), 5: (2, 3), 6: (1, 2)}
    assert model.levels == tuple(sizes)
    assert model.strides == (4, 8, 16, 32, 64)
    for level, size in sizes.items():
        assert outputs[f"p{level}"].shape == (2, *size, 8)
        assert outputs[f"rpn_logits_{level}"].shape == (2, *size, 3)
        assert outputs[f"rpn_deltas_{level}"].shape == (2, *size, 12)
    assert len(outputs) == 15


def test_names_are_those_of_the_parts(model):
    names = variables_by_name(model)
    layers = {name.split("/")[0] for name in names if not name.startswith("stage")}
    pyramid = {f"fpn_{kind}{level}" for kind in ("lateral", "output") for level in (2, 3, 4, 5)}
    heads = {"rpn_conv", "rpn_logits", "rpn_deltas", "box_fc1", "box_fc2", "box_classes",
             "box_deltas", "mask_conv1", "mask_deconv", "mask_logits"}  # fmt: skip
    assert layers == {"stem_conv1", "stem_bn1"} | pyramid | heads
    assert len(names) == len(model.variables)
    assert names["mask_logits/kernel"].shape == (1, 1, 4, 4)


def test_anchors_grow_with_the_level(model, outputs):
    fields = model.anchors(outputs)
    assert [field.shape[0] for field in fields] == [1152, 288, 72, 18, 6]
    np.testing.assert_array_equal(fields[0][1], [-14, -14, 17, 17])
    # The second anchor of the second cell of level 6: a square of 512 pixels around (95.5, 31.5).
    np.testing.assert_array_equal(fields[4][4], [-160, -224, 351, 287])


def test_proposals_have_the_networks_conventions(model, outputs):
    edges = build_with_weights(model, box_pixel=0.0)
    one, other = (m.proposals(outputs, INFO, count=12).boxes for m in (model, edges))
    assert float(tf.reduce_max(one[0, :, 2])) <= 95.0 < float(tf.reduce_max(other[0, :, 2]))
    assert float(tf.reduce_max(one[1, :, 2])) <= 89.0


def test_images_share_proposals_where_told(model, outputs):
    joint = model.proposals(outputs, INFO, count=12, jointly=True)
    assert int(tf.reduce_sum(joint.counts)) == 12
    assert joint.boxes.shape == (2, 12, 4)
    alone = model.proposals(outputs, INFO, count=12)
    for image, count in enumerate(joint.counts.numpy()):
        np.testing.assert_array_equal(joint.boxes[image, :count], alone.boxes[image, :count])


def test_boxes_are_pooled_from_their_levels_in_their_order(model, outputs):
    rois = tf.constant([[0, 0, 90, 60], [4, 4, 11, 15], [30, 8, 60, 40]], tf.float32)
    images = tf.constant([1, 0, 1])
    pooled = model.box_features(outputs, rois, images)
    # Roots of areas of about 75, 10 and 32 pixels, and 40 of level 4.
    for row, level in enumerate((4, 2, 3)):
        one = slice(row, row + 1)
        expected = roi_align(
            outputs[f"p{level}"], rois[one], images[one], size=7, scale=2.0**-level
        )
        np.testing.assert_array_equal(pooled[one], expected)


def test_predictions_follow_from_the_parts(model, outputs):
    proposals = model.proposals(outputs, INFO, count=6)
    predictions = model.predictions(outputs, proposals, INFO, INFO[:, 3:])
    # The first image: its boxes lie in an image of half the network's size.
    rois = proposals.boxes[0]
    heads = model.boxes(model.box_features(outputs, rois, tf.zeros([6], tf.int32)))
    expected = tf.nn.softmax(heads["class_logits"])
    np.testing.assert_allclose(predictions.probabilities[0], expected, atol=1e-6)
    moved = decode(rois / 2.0, heads["deltas"], weights=(10.0, 10.0, 5.0, 5.0))
    moved = clip(tf.reshape(moved, [6, 4, 4]), 32.0, 48.0)
    np.testing.assert_allclose(predictions.boxes[0], moved, atol=1e-4)


def test_rows_without_a_proposal_detect_nothing(model, outputs):
    proposals = model.proposals(outputs, INFO, count=6)
    fewer = proposals._replace(counts=tf.constant([2, 0]))
    predictions = model.predictions(outputs, fewer, INFO, INFO[:, 3:])
    has_any = tf.reduce_any(predictions.probabilities > 0, axis=-1).numpy()
    assert has_any.tolist() == [[True, True] + [False] * 4, [False] * 6]


def test_detections_are_the_best_first(results):
    assert {name: tuple(x.shape) for name, x in results.items()} == {
        "boxes": (2, 5, 4),
        "scores": (2, 5),
        "labels": (2, 5),
        "counts": (2,),
        "masks": (2, 5, 28, 28),
    }
    assert results["counts"].numpy().tolist() == [5, 5]
    assert (np.diff(results["scores"]) <= 0).all()
    assert set(results["labels"].numpy().ravel()) <= {1, 2, 3}
    assert results["boxes"][0].numpy().max() <= 47.0
    assert float(tf.reduce_min(results["masks"])) > 0.0


def test_behind_the_last_object_all_is_zero(model):
    strict = build_with_weights(model, score_threshold=0.99999)
    results = strict(INPUTS)
    counts = results["counts"].numpy()
    assert counts.min() < 5
    for image, count in enumerate(counts):
        for name in ("boxes", "scores", "labels", "masks"):
            assert not results[name][image, count:].numpy().any()


def test_an_image_does_not_depend_on_its_neighbour(model, results):
    for image in (0, 1):
        alone = model({name: x[image : image + 1] for name, x in INPUTS.items()})
        for name, x in alone.items():
            np.testing.assert_allclose(x[0], results[name][image], atol=1e-4)


def test_a_graph_gives_the_same_for_any_size(model, results):
    spec = {
        "images": tf.TensorSpec([None, None, None, 3]),
        "info": tf.TensorSpec([None, 5]),
    }
    graph = tf.function(model).get_concrete_function(spec)
    for name, x in graph({k: tf.constant(v) for k, v in INPUTS.items()}).items():
        np.testing.assert_allclose(x, results[name], atol=1e-4)


def test_masks_are_those_of_the_boxes_and_labels(model, outputs, results):
    rois = results["boxes"][0] * 2.0
    features = model.mask_features(outputs, rois, tf.zeros([5], tf.int32))
    assert features.shape == (5, 28, 28, 4)
    masks = tf.sigmoid(model.mask_logits(features, results["labels"][0]))
    np.testing.assert_allclose(results["masks"][0], masks, atol=1e-5)
    assert model.mask_side == 28


@pytest.mark.parametrize("name", [pytest.param("saved", marks=pytest.mark.slow), "saved.keras"])
def test_a_saved_network_is_the_same(model, results, tmp_path, name):
    model.save(tmp_path / name)
    loaded = tf_keras.models.load_model(tmp_path / name)
    assert isinstance(loaded, RCNN)
    assert loaded.options == model.options
    assert list(variables_by_name(loaded)) == list(variables_by_name(model))
    for key, x in loaded(INPUTS).items():
        np.testing.assert_array_equal(x, results[key])


def test_its_configuration_is_plain():
    mobile = RCNN(classes=2, backbone=MobileNetV2(output_stride=32, width=1 / 8))
    config = mobile.get_config()
    assert config["backbone"] == {"kind": "mobilenet_v2", "output_stride": 32, "width": 1 / 8}
    again = RCNN.from_config(config)
    assert again.options == mobile.options
    assert {n: v.shape for n, v in variables_by_name(again).items()} == {
        n: v.shape for n, v in variables_by_name(mobile).items()
    }


def test_training_moves_what_batch_norms_keep():
    made = build(norm="batch", masks=False)
    before = variables_by_name(made)["stem_bn1/moving_mean"].numpy()
    made.trunk(IMAGES, training=False)
    np.testing.assert_array_equal(variables_by_name(made)["stem_bn1/moving_mean"], before)
    made.trunk(IMAGES, training=True)
    assert (variables_by_name(made)["stem_bn1/moving_mean"].numpy() != before).any()


def test_without_masks_there_are_boxes_alone():
    made = build(masks=False)
    assert made.masks is None
    assert made.mask_side == 0
    assert "masks" not in made(INPUTS)
    assert not any(name.startswith("mask") for name in variables_by_name(made))


def test_one_box_may_serve_all_classes():
    made = build(class_agnostic_boxes=True, class_specific_masks=False)
    outputs = made.trunk(IMAGES)
    proposals = made.proposals(outputs, INFO, count=6)
    assert made.predictions(outputs, proposals, INFO, INFO[:, 3:]).boxes.shape == (2, 6, 1, 4)
    assert variables_by_name(made)["mask_logits/kernel"].shape == (1, 1, 4, 1)
    assert made(INPUTS)["masks"].shape == (2, 5, 28, 28)


def test_gradients_of_pooled_boxes_are_the_same_bit_for_bit(model):
    rois = tf.constant(RNG.uniform(0, 40, (60, 4)) + [0, 0, 15, 15], tf.float32)
    images = tf.constant(RNG.randint(0, 2, 60))

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            outputs = model.trunk(IMAGES, training=True)
            pooled = model.box_features(outputs, rois, images)
            loss = tf.reduce_sum(tf.sin(pooled))
        return tape.gradient(loss, model.trunk.trainable_variables, unconnected_gradients="zero")

    first = gradients()
    assert any(np.any(g) for g in first)
    for _ in range(3):
        for one, other in zip(first, gradients(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_sizes_keep_their_precision_in_bfloat16():
    # 1.2345 would be 1.234375, and 91 pixels stay 91.
    info = np.array([[64, 91, 1.2345, 52, 74]], np.float32)
    before = tf_keras.mixed_precision.global_policy()
    tf_keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        made = build(masks=False)
        outputs = made.trunk(IMAGES[:1])
        objects = made.detections(outputs, info, info[:, 3:]).detections
        results = made({"images": IMAGES[:1], "info": info})
    finally:
        tf_keras.mixed_precision.set_global_policy(before)
    assert outputs["p2"].dtype == tf.bfloat16
    assert outputs["rpn_logits_2"].dtype == tf.float32
    np.testing.assert_array_equal(results["boxes"], objects.boxes)
    assert results["boxes"].dtype == tf.float32


def test_conventions_of_today():
    garden = CONVENTIONS["garden"]
    made = RCNN(
        classes=1, backbone=ResNet(depth=18, output_stride=32, width=1 / 8), conventions=garden
    )
    # A square of 32 pixels from edge to edge around the middle of the first cell.
    np.testing.assert_array_equal(made.cells(0)[1], [-14, -14, 18, 18])
    assert (garden.pixel, garden.aligned, garden.rounded_anchors) == (0.0, True, False)
    others = {"pixel": 1.0, "aligned": False, "rounded_anchors": True, "clips_to_padding": True}
    others |= {"inclusive": True, "later_first": True}
    assert CONVENTIONS["detectron"] == dataclasses.replace(garden, **others)


def test_proposal_options_count(model, outputs):
    few = model.proposals(outputs, INFO, ProposalOptions(pre_nms=1), count=40)
    # One a level.
    assert few.counts.numpy().tolist() == [5, 5]


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="output_stride is 16, but a pyramid needs 32"):
        RCNN(classes=1, backbone=ResNet(output_stride=16))
    with pytest.raises(ValueError, match='norm is "affine", but this network has batch norm only'):
        build_network("rcnn", **SMALL | {"backbone": "pyramid_resnet", "depth": 50})
    assert Norm().arguments() == {"unbiased": True, "synchronized": True, "frozen": False}


def build_with_weights(model, **options):
    """The same network with other options."""
    other = build_network("rcnn", **SMALL | options)
    for name, variable in variables_by_name(other).items():
        variable.assign(variables_by_name(model)[name])
    return other
