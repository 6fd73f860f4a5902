"""The detection task: what counts in its losses, what teaches masks, images of any content."""

import numpy as np
import pytest
import small_objects
import tensorflow as tf
from object_batches import BOX_ONLY, CAR, CROWD, SMALL, batch_of, total, trained
from small_fields import fields_of
from small_objects import LYING, source, square

from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.data.detection.records import read_truth
from lfp_tf.errors import LfpError
from lfp_tf.recipes import config
from lfp_tf.tasks.detection.targets import sampled_rois
from lfp_tf.tasks.detection.task import Task


def task_of(**task):
    params = fields_of("rcnn", SMALL, {"task": task})
    config.validate(params)
    return Task(params)


@pytest.fixture(scope="module")
def model():
    tf.random.set_seed(0)
    return task_of().build_model()


def test_all_five_losses_teach_their_parts(model):
    losses, gradients = trained(task_of(), model, batch_of([CAR], [CAR, BOX_ONLY]))
    assert set(losses) == {"rpn_class", "rpn_box", "class", "box", "mask", "loss"}
    assert all(np.isfinite(float(loss)) and float(loss) > 0 for loss in losses.values())
    for part in ("rpn_", "box_", "mask_", "fpn_", "stage4_"):
        assert total(gradients, part) > 0
    np.testing.assert_allclose(
        float(losses["loss"]), sum(float(v) for n, v in losses.items() if n != "loss"), rtol=1e-6
    )


def test_an_object_without_a_mask_moves_no_parameter_of_masks(model):
    losses, gradients = trained(task_of(), model, batch_of([BOX_ONLY]))
    assert float(losses["mask"]) == 0.0 and total(gradients, "mask_") == 0.0
    assert float(losses["box"]) > 0.0 and total(gradients, "box_") > 0.0


@pytest.mark.parametrize("true_boxes", [False, True])
def test_an_object_without_a_mask_takes_none_from_its_neighbour(model, true_boxes):
    """A box beside one with a mask: masks learn what they learn from that one alone."""
    near = ([5.0, 4.0, 31.0, 25.0], 1, False, False)
    task = task_of(sampling={"use_gt_boxes_for_masks": true_boxes, "roi_positive": 1.0})
    alone, beside = (trained(task, model, batch_of(objects)) for objects in ([CAR], [CAR, near]))
    assert float(alone[0]["mask"]) == pytest.approx(float(beside[0]["mask"]), rel=1e-5)
    assert total(alone[1], "mask_") > 0
    for name, gradient in alone[1].items():
        if name.startswith("mask_"):
            np.testing.assert_allclose(beside[1][name], gradient, atol=1e-5, err_msg=name)


def test_masks_learn_in_the_true_boxes_alone(model):
    """Whatever the network proposes, the mask loss is that of the objects' own boxes."""
    task = task_of(sampling={"use_gt_boxes_for_masks": True})
    batch = batch_of([CAR], [CAR, BOX_ONLY, CROWD])
    trunk = task.trunk_outputs(batch, model)
    proposals = model.proposals(trunk, batch["info"], task.proposal_options, count=20)
    sampled = sampled_rois(proposals, batch, task.roi_sampling)
    outputs = task.outputs_of_samples(batch, model, trunk, sampled)
    boxes = tf.constant([CAR[0]] * 2) * batch["info"][0, 2]
    features = model.mask_features(trunk, boxes, tf.constant([0, 1]))
    logits = model.mask_logits(features, tf.constant([1, 1]))
    np.testing.assert_allclose(outputs["mask_logits"], logits, atol=1e-5)


def test_masks_of_classes_that_have_none_teach_nothing(model):
    batch = batch_of([CAR])
    losses, gradients = trained(task_of(mask_classes=[2, 3]), model, batch)
    boxes, _ = trained(task_of(), model, batch)
    assert float(losses["mask"]) == 0.0 and total(gradients, "mask_") == 0.0
    assert float(losses["class"]) == float(boxes["class"]) and float(boxes["mask"]) > 0.0


def test_where_masks_alone_are_trained_other_objects_take_no_place_among_the_samples(model):
    others = [([10.0 + n, 6.0, 40.0, 28.0], 2, False, True) for n in range(6)]
    batch = batch_of([CAR, *others], [*others, CAR])
    is_car = batch["is_valid"] & (batch["classes"] == 1)
    for trainable, is_same in (("mask_head", True), ("all", False)):
        task = task_of(trainable=trainable, mask_classes=[1])
        both, cars = (
            trained(task, model, batch | {"is_valid": valid})[0]["mask"]
            for valid in (batch["is_valid"], is_car)
        )
        assert float(cars) > 0 and (float(both) == float(cars)) is is_same


def test_the_classes_of_masks_belong_to_no_graph():
    task = task_of(mask_classes=[2, 3])
    with tf.Graph().as_default():
        assert task.is_mask_class is not None
    np.testing.assert_array_equal(task.is_mask_class, [False, False, True, True])


@pytest.mark.parametrize("objects", [[], [CROWD], [([5.0, 5.0, 5.0, 20.0], 1, False, True)]])
def test_images_of_nothing_to_learn_train_on(model, objects):
    losses, gradients = trained(task_of(), model, batch_of(objects, []))
    assert all(np.isfinite(float(loss)) for loss in losses.values())
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients.values())
    assert float(losses["rpn_class"]) > 0.0


def test_the_same_step_is_the_same_bit_for_bit(model):
    task, batch = task_of(), batch_of([CAR, BOX_ONLY], [CAR])
    step = tf.function(lambda: trained(task, model, batch), autograph=False)
    first, again = step(), step()
    for one, other in zip(tf.nest.flatten(first), tf.nest.flatten(again), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_fills_up_a_batch_changes_no_sample(model):
    task = task_of()
    batch = batch_of([CAR])
    padded = batch_of([CAR], [CAR, BOX_ONLY, CROWD])
    padded = {name: value[:1] for name, value in padded.items()} | {"images": batch["images"]}
    alone, _ = trained(task, model, batch)
    filled, _ = trained(task, model, padded)
    for name, loss in alone.items():
        np.testing.assert_allclose(float(loss), float(filled[name]), rtol=1e-6)


def test_a_detector_without_masks_has_four_losses():
    task = task_of(model={"masks": False})
    model = task.build_model()
    losses, _ = trained(task, model, batch_of([CAR]))
    assert set(losses) == {"rpn_class", "rpn_box", "class", "box", "loss"}
    assert not any(name.startswith("mask_") for name in variables_by_name(model))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train_data": {"short_sides": []}}, "short_sides is"),
        ({"train_data": {"short_sides": [2000]}}, "max_size, 1333"),
        ({"evaluation": {"short_side": 0}}, "task.evaluation.short_side is 0"),
        ({"evaluation": {"score_threshold": 1.0}}, "score_threshold is 1.0"),
        ({"sampling": {"rois": 0}}, "task.sampling.rois is 0"),
        ({"sampling": {"roi_foreground": 1.5}}, "roi_foreground is 1.5"),
        ({"sampling": {"roi_negative": [0.5, 0.1]}}, "roi_negative is"),
        ({"proposals": {"collect": "all"}}, "task.proposals.collect is 'all'"),
        ({"model": {"profile": "caffe"}}, "task.model.profile is 'caffe'"),
        ({"model": {"norm": "layer"}}, "norm is"),
        ({"model": {"anchor_ratios": []}}, "anchor_ratios"),
        ({"model": {"mask_dim": 0}}, "task.model.mask_dim must be at least 1"),
        ({"model": {"mask_head": "hourglass"}}, "an hourglass needs a multiple of twice"),
    ],
)
def test_fields_that_cannot_be_are_refused(changes, words):
    params = fields_of("rcnn", SMALL, {"task": changes})
    with pytest.raises(LfpError, match=words):
        config.validate(params)


def test_classes_with_masks_are_told_by_name_number_or_split():
    names = ["cat", "dog", "bird"]
    fields = fields_of("rcnn", SMALL).task
    fields.mask_classes = ["dog", 1, 2]
    assert fields.mask_labels(names) == [1, 2]
    fields.mask_classes = ["voc"]
    assert fields.mask_labels([str(n) for n in range(80)])[:3] == [1, 2, 3]
    with pytest.raises(LfpError, match="a set of COCO's 80 classes, but there are 3"):
        fields.mask_labels(names)
    fields.mask_classes = ["cow"]
    with pytest.raises(LfpError, match="has 'cow', which is no class; there are cat, dog, bird"):
        fields.mask_labels(names)


def test_detections_of_all_replicas_are_counted_once_and_what_fills_up_never():
    def row(number, count):
        return {
            "boxes": tf.constant([[[1.0, 2.0, 5.0, 8.0]]]),
            "scores": tf.constant([[0.75]]),
            "labels": tf.constant([[2]]),
            "count": tf.constant([count]),
            "size": tf.constant([[30, 40]]),
            "number": tf.constant([number], tf.int64),
        }

    task, replicas = task_of(), [row(7, 1), row(8, 0), row(-1, 1)]
    joined = {name: tf.concat([r[name] for r in replicas], axis=0) for name in replicas[0]}
    apart = {name: tuple(r[name] for r in replicas) for name in replicas[0]}
    expected = {"image_id": 7, "category_id": 2, "score": 0.75, "bbox": [1, 2, 4, 6]}
    for logs in (joined, apart):
        assert task.aggregate_logs(None, logs) == {"results": [expected]}
    state = task.aggregate_logs(task.aggregate_logs(None, apart), apart)
    assert state["results"] == [expected] * 2


def test_scores_of_a_validation_are_told_for_classes_with_and_without_masks(tmp_path):
    """So a checkpoint may be chosen without the masks that a network must not see."""
    objects = [square(2, 3, 20.0), square(30, 10, 20.0, label=2)]
    small_objects.write(tmp_path, [source(tmp_path / "images", "one", LYING, objects)], "val")
    truth = read_truth(tmp_path, "val")["annotations"]
    rows = [row | {"score": 0.9} for row in truth if row["category_id"] == 2]
    data = {"folder": str(tmp_path), "split": "val"}
    logs = {}
    for name, words in (("none", []), ("dog", ["dog"])):
        task = task_of(validation_data=data, train_data=data, mask_classes=words)
        logs[name] = task.reduce_aggregated_logs({"results": rows})
    both = {f"{kind}_ap": pytest.approx(0.5) for kind in ("box", "mask")}
    both |= {f"{kind}_ap50": pytest.approx(0.5) for kind in ("box", "mask")}
    assert logs["none"] == both
    apart = {"box_ap_a": 1.0, "box_ap_b": 0.0, "mask_ap_a": 1.0, "mask_ap_b": 0.0}
    assert logs["dog"] == both | {name: pytest.approx(value) for name, value in apart.items()}


C4 = {
    "task": {
        "model": {
            "classes": 3,
            "profile": "tensorpack",
            "backbone": "pyramid_resnet",
            "preprocess": "imagenet_bgr",
            "norm": "batch",
            "bn_frozen": True,
            "roi_samples": 2,
            "blocks": [1, 1, 1, 1],
            "width": 0.125,
            "anchor_sizes": [16.0, 32.0],
            "mask_dim": 8,
        },
        "proposals": {"pre_nms": 30, "post_nms": 20},
        "sampling": {
            "anchors": 16,
            "rois": 8,
            "weak_best_anchors": False,
            "anchor_crowd": 0.7,
            "roi_crowds": False,
        },
        "losses": {"rpn_divisor": "counted"},
        "freeze": ["^stem_", "^stage1_"],
    }
}


def test_a_detector_of_one_level_learns_with_its_last_stage_as_head():
    params = fields_of("rcnn_c4", C4)
    config.validate(params)
    task = Task(params)
    tf.random.set_seed(0)
    made = task.build_model()
    batch = batch_of([CAR, CROWD], [BOX_ONLY])
    before = {name: v.numpy() for name, v in variables_by_name(made).items() if "moving" in name}
    losses, gradients = trained(task, made, batch)
    assert set(losses) == {"rpn_class", "rpn_box", "class", "box", "mask", "loss"}
    assert np.isfinite(list(losses.values())).all() and losses["mask"] > 0
    for part in ("stage2_", "stage3_", "stage4_", "rpn_", "box_", "mask_"):
        assert total(gradients, part) > 0
    assert not any(name.startswith(("stem_", "stage1_")) for name in gradients)
    after = variables_by_name(made)
    assert all((after[name].numpy() == value).all() for name, value in before.items())


def test_features_of_boxes_serve_masks_too():
    params = fields_of("rcnn_c4", C4)
    task = Task(params)
    made = task.build_model()
    batch = batch_of([CAR], [CAR, CAR])
    trunk = task.trunk_outputs(batch, made)
    proposals = made.proposals(trunk, batch["info"], task.proposal_options, count=20)
    sampled = sampled_rois(proposals, batch, task.roi_sampling)
    outputs = task.outputs_of_samples(batch, made, trunk, sampled)
    # One box of the first image stands for its object, two of the second.
    labels = sampled.rois.labels[:, :2]
    assert (labels > 0).numpy().tolist() == [[True, False], [True, True]]
    first = tf.boolean_mask(sampled.boxes[:, :2], labels > 0)
    features = made.mask_features(trunk, first, tf.constant([0, 1, 1]))
    anew = made.mask_logits(features, tf.boolean_mask(labels, labels > 0))
    np.testing.assert_allclose(outputs["mask_logits"], anew, atol=1e-5)


def test_the_divisor_of_anchors_scores_may_be_those_that_count():
    outputs = {"rpn_logits": tf.zeros([2, 5]), "rpn_labels": tf.constant([[1, 0, -1, 0, -1]] * 2)}
    outputs |= {name: tf.zeros([2, 5, 4]) for name in ("rpn_deltas", "rpn_targets")}
    outputs |= {name: tf.zeros([2, 5]) for name in ("rpn_inside", "rpn_outside")}
    outputs |= {"class_logits": tf.zeros([2, 4]), "labels": tf.zeros([2], tf.int32)}
    outputs |= {name: tf.zeros([2, 4]) for name in ("box_deltas", "box_targets")}
    outputs |= {"box_weights": tf.ones([2])}
    for divisor, count in (("counted", 6.0), ("sampling", 32.0)):
        task = task_of(losses={"rpn_divisor": divisor}, model=SMALL["task"]["model"])
        assert (
            task.counts(
                {}, outputs | {"mask_logits": tf.zeros([1]), "mask_targets": tf.zeros([1])}
            )["rpn_class"]
            == count
        )


def test_a_transformer_and_heads_of_all_levels_learn_from_true_sizes():
    options = {
        "transformer": "paper",
        "norm_groups": 4,
        "decoder": "bfp",
        "head_norm": "group_norm",
    }
    options |= {"mask_head": "all_levels_fc", "mask_convolutions": 2, "box_head": "all_levels_2fc"}
    task = task_of(model=options)
    tf.random.set_seed(0)
    made, batch = task.build_model(), batch_of([CAR], [CAR, BOX_ONLY])
    losses, gradients = trained(task, made, batch)
    assert all(np.isfinite(float(loss)) for loss in losses.values())
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients.values())
    for part in ("st_p2", "gt_p2_p5", "rt_p5_p2", "fpt_p3", "box_fc1_p5", "mask_conv1_p2"):
        assert total(gradients, part) > 0
    info = batch["info"].numpy()
    info[1, 1] = 75.0
    smaller, _ = trained(task, made, batch | {"info": tf.constant(info)})
    assert float(smaller["rpn_class"]) != float(losses["rpn_class"])
