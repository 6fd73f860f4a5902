"""Cases of what a detector learns from: targets, input, losses, rate, update."""

import dataclasses
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.ops.detection import input as preparation
from lfp_tf.ops.detection.anchors import anchor_field, cell_anchors
from lfp_tf.ops.detection.mask_targets import mask_targets as draw_masks
from lfp_tf.ops.detection.polygons import outlines_of_polygons
from lfp_tf.ops.detection.roi_targets import Objects, RoiSampling, class_columns, sample_rois
from lfp_tf.ops.detection.rpn_targets import RpnSampling
from lfp_tf.ops.detection.rpn_targets import rpn_targets as anchor_targets
from lfp_tf.parity.golden import Case
from lfp_tf.parity.maskx.operators import tensors
from lfp_tf.parity.maskx.words import words_of
from lfp_tf.parity.words import UnknownWord
from lfp_tf.tasks.detection import losses as five
from lfp_tf.training.host_fields import (
    LinearWarmup,
    Optimization,
    RateChoice,
    StepwiseRate,
    WarmupChoice,
)
from lfp_tf.training.optimization import OPTIMIZERS, build_rate, variable_key

_LEVELS = range(2, 7)
_RATIOS = (0.5, 1.0, 2.0)
# Detectron's factor of the biases' rate.
_BIAS_RATE = 2.0


def rpn_targets(case: Case) -> dict[str, Any]:
    """`detector-rpn_targets`: targets per level, [H, W, A] or [H, W, 4A]."""
    words, boxes = words_of(case), tensors(case)["gt_boxes"]
    if max(words["padded_size"]) > words["max_size"]:
        raise UnknownWord("config.max_size is smaller than config.padded_size.")
    fields, sizes = [], []
    for level in _LEVELS:
        sizes.append([-(-length // 2**level) for length in words["padded_size"]])
        start = words["anchor_start_size"] * 2 ** (level - _LEVELS[0])
        cells = cell_anchors(2**level, [start], _RATIOS)
        fields.append(anchor_field(cells, 2**level, sizes[-1]))
    sampling = RpnSampling(
        batch=words["batch_size"],
        foreground=words["fg_fraction"],
        positive=words["positive_overlap"],
        negative=words["negative_overlap"],
    )
    boxes = tf.reshape(boxes, [-1, 4])
    is_object = tf.ones(tf.shape(boxes)[:1], tf.bool)
    targets = anchor_targets(
        tf.concat(fields, axis=0), boxes, is_object, words["image_size"], sampling=sampling
    )
    names = {
        "labels": targets.labels,
        "targets": targets.deltas,
        "inside": tf.tile(targets.inside[:, None], [1, 4]),
        "outside": tf.tile(targets.outside[:, None], [1, 4]),
    }
    results = {}
    for name, values in names.items():
        parts = tf.split(values, [field.shape[0] for field in fields])
        for level, part, size in zip(_LEVELS, parts, sizes, strict=True):
            results[f"{name}_{level}"] = tf.reshape(part, [*size, -1]).numpy()
    return results


def roi_targets(case: Case) -> dict[str, Any]:
    """`detector-roi_targets`: sampled RoIs with labels and box targets."""
    words, inputs = words_of(case), tensors(case)
    scale = np.float32(words["im_scale"])
    proposals = tf.reshape(inputs["proposals"], [-1, 4]) / scale
    sampling = RoiSampling(
        batch=words["batch_size"],
        foreground=words["fg_fraction"],
        positive=words["fg_threshold"],
        negative=tuple(words["bg_threshold"]),
        weights=tuple(words["weights"]),
    )
    is_proposal = tf.ones(tf.shape(proposals)[:1], tf.bool)
    rois = sample_rois(proposals, is_proposal, _objects(inputs), sampling=sampling)
    count = int(tf.reduce_sum(rois.weights))
    labels = rois.labels[:count]
    boxes = tf.pad(rois.boxes[:count] * scale, [[0, 0], [1, 0]])
    inside = tf.ones([count, 4])
    return {
        "rois": boxes.numpy(),
        "labels": labels.numpy(),
        "bbox_targets": class_columns(rois.deltas[:count], labels, words["classes"]).numpy(),
        "inside_weights": class_columns(inside, labels, words["classes"]).numpy(),
    }


def mask_targets(case: Case) -> dict[str, Any]:
    """`detector-mask_targets`: masks of the RoIs of set A, in their label's channel."""
    words, inputs = words_of(case), tensors(case)
    objects, polygons = _objects(inputs), case.inputs()["gt_polygons"]
    labels = tf.cast(inputs["labels"], tf.int32)
    is_candidate = ~objects.is_crowd
    if words["mask_candidates"] == "set_a":
        is_candidate &= _in_set(objects.classes, words["set_a"])
    size = words["resolution"]
    targets = draw_masks(
        inputs["rois"][:, 1:] / np.float32(words["im_scale"]),
        (labels > 0) & _in_set(labels, words["set_a"]),
        _outlines(polygons),
        is_candidate,
        size=size,
    )
    has_mask = targets.weights.numpy() > 0
    rois, masks, labels = inputs["rois"].numpy(), targets.masks.numpy(), labels.numpy()
    background = np.flatnonzero(labels == 0)[:1]
    if has_mask.any() or not background.size:
        rows, mask_labels = np.flatnonzero(has_mask), labels[has_mask]
    else:
        # Caffe2 takes no empty input: one background RoI that counts nowhere stands for none.
        rows, mask_labels = background, np.zeros(1, np.int32)
        has_mask[0] = True
    return {
        "mask_rois": rois[rows],
        "mask_labels": mask_labels,
        "masks": masks[rows],
        "has_mask": has_mask.astype(np.int32),
    }


def preprocess(case: Case) -> dict[str, Any]:
    """`detector-preprocess`: a padded batch, and what the network is told of sizes."""
    words, inputs = words_of(case), tensors(case)
    images, scales = [], []
    for index in range(len(inputs)):
        image = inputs[f"image_{index}"]
        size = image.shape[:2]
        scale = preparation.image_scale(
            size, target=words["target_size"], largest=words["max_size"]
        )
        images.append(preparation.prepare_image(image, scale, means=tuple(words["means_bgr"])))
        scales.append(scale)
    sizes = [image.shape[:2] for image in images]
    own = [preparation.padded_size(size, words["stride"]) for size in sizes]
    largest = [max(int(size[axis]) for size in own) for axis in (0, 1)]
    pairs = list(zip(sizes, own, scales, strict=True))
    return {
        "blob": np.stack([preparation.pad_image(image, largest).numpy() for image in images]),
        "scales": np.array(scales, np.float32),
        "im_info_train": np.stack([preparation.image_info(s, scale) for s, _, scale in pairs]),
        "im_info_test": np.stack([preparation.image_info(s, scale) for _, s, scale in pairs]),
    }


def losses(case: Case) -> dict[str, Any]:
    """`detector-losses`: five losses and the gradients of their sum."""
    words, inputs = words_of(case), dict(tensors(case))
    if inputs["rpn_logits"].shape[0] != words["images"]:
        raise UnknownWord("config.images is not the number of images of rpn_logits.")
    names = ("rpn_logits", "rpn_deltas", "class_logits", "box_deltas", "mask_logits")
    learnt = {name: inputs[name] for name in names}
    rois = tf.ones(tf.shape(inputs["labels"]))
    with tf.GradientTape() as tape:
        tape.watch(learnt)
        sums = {
            "loss_rpn_cls": five.objectness_loss(
                learnt["rpn_logits"], inputs["rpn_labels"], batch=words["rpn_batch_size"]
            ),
            "loss_rpn_bbox": five.anchor_box_loss(
                learnt["rpn_deltas"],
                inputs["rpn_targets"],
                inputs["rpn_inside"],
                inputs["rpn_outside"],
                beta=words["rpn_beta"],
            ),
            "loss_cls": five.class_loss(
                learnt["class_logits"], tf.cast(inputs["labels"], tf.int32), rois
            ),
            "loss_bbox": five.box_loss(
                learnt["box_deltas"],
                inputs["box_targets"],
                inputs["box_inside"],
                rois,
                beta=words["box_beta"],
            ),
            "loss_mask": five.mask_loss(learnt["mask_logits"], inputs["mask_targets"]),
        }
        results = {name: five.mean(loss) for name, loss in sums.items()}
        total = tf.add_n(list(results.values()))
    gradients = tape.gradient(total, learnt)
    values = {name: [loss.numpy()] for name, loss in results.items()}
    return values | {f"d_{name}": gradients[name].numpy() for name in names}


def schedule(case: Case) -> dict[str, Any]:
    """`detector-schedule`: rates at iterations, warm-up included."""
    words = words_of(case)
    rates = [words["base_lr"] * words["gamma"] ** i for i in range(len(words["steps"]))]
    stepwise = StepwiseRate(boundaries=words["steps"][1:], values=rates)
    warmup = LinearWarmup(
        warmup_learning_rate=words["base_lr"] * words["warmup_factor"],
        warmup_steps=words["warmup_iterations"],
    )
    config = dataclasses.replace(
        Optimization(),
        learning_rate=RateChoice(type="stepwise", stepwise=stepwise),
        warmup=WarmupChoice(type="linear", linear=warmup),
    )
    # A stepwise rate is a schedule, never a number.
    rate = cast(Callable[[int], tf.Tensor], build_rate(config, train_steps=0))
    return {"lr": [rate(step).numpy() for step in words["iterations"]]}


def optimizer(case: Case) -> dict[str, Any]:
    """`detector-optimizer`: a weight, a bias and a norm's parameter after each update."""
    words, inputs = words_of(case), tensors(case)
    rates = words["learning_rates"]
    rate = tf_keras.optimizers.schedules.PiecewiseConstantDecay(list(range(len(rates) - 1)), rates)
    made = OPTIMIZERS["caffe2_sgd"](rate, momentum=words["momentum"])
    variables = {name: tf.Variable(inputs[name], name=name) for name in ("weight", "bias", "gn")}
    made.set_multipliers({variable_key(variables["bias"]): _BIAS_RATE})
    traces = {name: [] for name in variables}
    for step in range(len(rates)):
        gradients = {name: inputs[f"{name}_gradients"][step] for name in variables}
        gradients["weight"] += words["weight_decay"] * variables["weight"]
        made.apply_gradients([(gradients[name], variables[name]) for name in variables])
        for name, variable in variables.items():
            traces[name].append(variable.numpy())
    return {name: np.stack(trace) for name, trace in traces.items()}


def _objects(inputs):
    boxes = tf.reshape(inputs["gt_boxes"], [-1, 4])
    return Objects(
        boxes,
        tf.cast(inputs["gt_classes"], tf.int32),
        inputs["gt_crowd"] > 0,
        tf.ones(tf.shape(boxes)[:1], tf.bool),
    )


def _in_set(labels, set_a):
    if set_a is None:
        return tf.ones_like(labels, tf.bool)
    return tf.reduce_any(labels[:, None] == tf.constant(set_a, tf.int32, [1, len(set_a)]), axis=1)


def _outlines(polygons):
    flat = [part for parts in polygons for part in parts]
    points = np.concatenate([np.zeros(0), *flat]).astype(np.float32).reshape(-1, 2)
    return outlines_of_polygons(
        tf.constant(points),
        tf.constant([len(part) // 2 for part in flat], tf.int32),
        tf.constant([len(parts) for parts in polygons], tf.int32),
        len(polygons),
    )
