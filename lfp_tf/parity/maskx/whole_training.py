"""Cases of a whole detector's training step: samples, losses by level, gradients."""

from typing import Any

import numpy as np
import tensorflow as tf

from lfp_tf.checkpoints.names.detectron import TRANSLATIONS
from lfp_tf.data.detection.transforms import canvas_image
from lfp_tf.errors import LfpError
from lfp_tf.ops.detection import input as preparation
from lfp_tf.ops.detection.boxes import overlaps
from lfp_tf.ops.detection.polygons import outlines_of_polygons
from lfp_tf.ops.detection.roi_targets import Rois
from lfp_tf.options import PREPROCESSINGS
from lfp_tf.parity.golden import Case
from lfp_tf.parity.maskx.network import loaded, network_options
from lfp_tf.parity.maskx.words import TRAINING, network_words
from lfp_tf.recipes.config import of_network
from lfp_tf.tasks.detection import losses as five
from lfp_tf.tasks.detection.targets import SampledRois, sampled_rois
from lfp_tf.tasks.detection.task import Task

_MEAN = PREPROCESSINGS["detectron"].mean
_STRIDE = 32
_LOSSES = {"class": "loss_cls", "box": "loss_bbox", "mask": "loss_mask"}
_TRAINABLE = {"end_to_end": "all", "stage_wise": "mask_head"}
# Sampled boxes are the case's own within so many pixels, but for so few.
_NEAR_PIXELS, _LEAST_SHARE = 0.05, 0.9
# What `freeze_at` 2 leaves as it is.
_FROZEN = ("stem_", "stage1_")


def losses_and_gradients(case: Case) -> dict[str, Any]:
    """`detector-train_losses_and_gradients`: losses, their sum, gradients of it."""
    words = network_words(case, TRAINING)
    name, options = network_options(words)
    model, translation = loaded(case, words), TRANSLATIONS["detectron"]
    task = _task(words)
    variables = {
        ours: variable
        for ours, variable in task.trained_variables(model).items()
        if not ours.startswith(_FROZEN)
    }
    batch = _batch(case, words)
    with tf.GradientTape() as tape:
        trunk = task.trunk_outputs(batch, model)
        # Which boxes are sampled hangs on the last digit of a score: the case's own are taken.
        outputs = task.outputs_of_samples(batch, model, trunk, _samples(case, batch, words))
        sums = task.sums(batch, outputs)
        counts = task.counts(batch, outputs)
        means = {name: sums[name] / tf.maximum(counts[name], 1e-5) for name in sums}
        total = tf.add_n(list(means.values()))
    gradients = {
        name: tf.convert_to_tensor(gradient)
        for name, gradient in tape.gradient(total, variables).items()
        if gradient is not None
    }
    theirs = {translation.their_name(ours, options): ours for ours in gradients}
    arrays = {
        name: translation.to_theirs(gradients[theirs[name]].numpy(), theirs[name])
        for name in case.weights()
        if name in theirs and np.any(gradients[theirs[name]].numpy())
    }
    results: dict[str, Any] = {_LOSSES[n]: [float(m)] for n, m in means.items() if n in _LOSSES}
    results |= {
        "total_loss": [float(total)],
        "variables_with_gradient": list(arrays),
        "gradient_norms": [np.linalg.norm(array) for array in arrays.values()],
    }
    results |= {f"d {n}": a for n, a in arrays.items()}
    if task.trains_masks_alone:
        return results
    _check_samples(task, model, trunk, case, batch, words)
    lengths = _anchors_of_levels(model, batch["images"].shape[1:3])
    return results | _of_levels(lengths, outputs, words)


def _task(words):
    """The task whose fields say what the words say; no records are read."""
    params: Any = of_network("rcnn")
    fields = params.task
    fields.model.classes = words["classes"] - 1
    fields.model.canonical_scale = float(words["canonical_scale"])
    fields.proposals.pre_nms = words["train_pre_nms_top_n"]
    fields.proposals.post_nms = words["train_post_nms_top_n"]
    fields.proposals.collect = "piece"
    fields.sampling.anchors = words["rpn_batch_size"]
    fields.sampling.rois = words["roi_batch_size"]
    fields.sampling.mask_candidates = words["mask_candidates"]
    fields.losses.normalization = "piece"
    fields.mask_classes = list(words["set_a"] or [])
    fields.trainable = _TRAINABLE[words["training"]]
    return Task(params)


def _samples(case, batch, words):
    """The case's sampled boxes, as `tasks.detection.targets` has them."""
    inputs, rows = case.inputs(), words["roi_batch_size"]
    labels, numbers = np.asarray(inputs["labels"]), inputs["rois"][:, 0].astype(int)
    # Four columns a class, of which those of the label count.
    groups = np.asarray(inputs["box_targets"]).reshape(len(labels), -1, 4)
    columns = {
        "boxes": inputs["rois"][:, 1:],
        "labels": labels,
        "deltas": groups[np.arange(len(labels)), labels],
        "weights": np.ones(len(labels)),
    }
    count = words["images_per_batch"]
    stacked = {}
    for name, values in columns.items():
        filled = np.zeros((count, rows, *values.shape[1:]))
        for number in range(count):
            own = values[numbers == number]
            filled[number, : len(own)] = own
        stacked[name] = tf.constant(filled, tf.int32 if name == "labels" else tf.float32)
    boxes = stacked["boxes"]
    stacked["boxes"] = boxes / batch["info"][:, 2, None, None]
    shared = overlaps(stacked["boxes"], batch["boxes"])
    stacked["objects"] = tf.argmax(shared, axis=2, output_type=tf.int32)
    return SampledRois(Rois(**stacked), boxes)


def _check_samples(task, model, trunk, case, batch, words):
    """Refuses a case most of whose samples are not ours.

    Raises:
        LfpError: fewer than nine of ten boxes agree.
    """
    proposals = model.proposals(
        trunk,
        batch["info"],
        task.proposal_options,
        count=words["train_post_nms_top_n"],
        jointly=True,
    )
    ours = sampled_rois(proposals, batch, task.roi_sampling)
    theirs = _samples(case, batch, words)
    share = np.mean(np.abs(ours.boxes - theirs.boxes).max(axis=-1) < _NEAR_PIXELS)
    if share < _LEAST_SHARE:
        raise LfpError(f"{100 * share:.0f} % of the sampled boxes are those of the case.")


def _batch(case, words):
    """The images of the case as `data.detection.pipeline` batches them, without keys."""
    inputs = case.inputs()
    count = words["images_per_batch"]
    images = [inputs[f"image_{number}"][..., ::-1] for number in range(count)]
    scales, sizes = [], []
    for image in images:
        scale = preparation.image_scale(
            image.shape[:2], target=words["train_scale"], largest=words["train_max_size"]
        )
        scales.append(scale)
        sizes.append([int(side) for side in preparation.scaled_size(image.shape[:2], scale)])
    canvas = np.max(sizes, axis=0)
    canvas = tf.constant(-(-canvas // _STRIDE) * _STRIDE, tf.int32)
    batch = {
        "images": [
            canvas_image(tf.constant(image), scale, canvas, mean=_MEAN)
            for image, scale in zip(images, scales, strict=True)
        ],
        "info": [
            preparation.image_info(size, scale) for size, scale in zip(sizes, scales, strict=True)
        ],
    }
    batch = {name: tf.stack(values) for name, values in batch.items()}
    return batch | _objects([_of_image(inputs, number) for number in range(count)])


def _of_image(inputs, number):
    """(boxes, classes, `Outlines`) of an image."""
    polygons = inputs[f"gt_polygons_{number}"]
    parts = [len(one) for one in polygons]
    flat = [np.reshape(part, (-1, 2)) for one in polygons for part in one]
    outlines = outlines_of_polygons(
        tf.constant(np.concatenate(flat), tf.float32),
        tf.constant([len(points) for points in flat]),
        tf.constant(parts),
        len(parts),
    )
    return inputs[f"gt_boxes_{number}"], inputs[f"gt_classes_{number}"], outlines


def _objects(images):
    """The objects of all images, filled up to the most."""
    most = max(len(classes) for _, classes, _ in images)
    edges = max(int(outlines.parts.shape[1]) for _, _, outlines in images)

    def filled(values, shape, fill=0):
        missing = [[0, length - have] for length, have in zip(shape, np.shape(values), strict=True)]
        return np.pad(np.asarray(values), missing, constant_values=fill)

    rows = {
        "boxes": [filled(boxes, (most, 4)) for boxes, _, _ in images],
        "classes": [filled(classes, (most,)) for _, classes, _ in images],
        "edges": [filled(outlines.edges, (most, edges, 4)) for _, _, outlines in images],
        "parts": [filled(outlines.parts, (most, edges), -1) for _, _, outlines in images],
        "is_valid": [np.arange(most) < len(classes) for _, classes, _ in images],
    }
    types = {"boxes": tf.float32, "classes": tf.int32, "edges": tf.float32, "parts": tf.int32}
    batch = {name: tf.constant(np.stack(row), types.get(name)) for name, row in rows.items()}
    return batch | {"is_crowd": tf.zeros_like(batch["is_valid"])}


def _anchors_of_levels(model, size):
    """{level: its number of anchors} at a size of the network's input."""
    cells = [[-(-length // stride) for length in size] for stride in model.strides]
    return {
        level: height * width * len(model.cells(0))
        for level, (height, width) in zip(model.levels, cells, strict=True)
    }


def _of_levels(lengths, outputs, words):
    """The losses of the RPN level by level; `outputs` have all levels one after the other."""
    results, begin = {}, 0
    for level, length in lengths.items():
        part = {
            name: outputs[f"rpn_{name}"][:, begin : begin + length]
            for name in ("logits", "labels", "deltas", "targets", "inside", "outside")
        }
        score = five.objectness_loss(part["logits"], part["labels"], batch=words["rpn_batch_size"])
        box = five.anchor_box_loss(
            part["deltas"], part["targets"], part["inside"][..., None], part["outside"][..., None]
        )
        results[f"loss_rpn_cls_fpn{level}"] = [float(score.sum / score.count)]
        results[f"loss_rpn_bbox_fpn{level}"] = [float(box.sum / box.count)]
        begin += length
    return results
