"""Cases of the C4 detector on a pyramid ResNet: its stages, losses and targets of anchors.

Letters: h x w cells, R boxes (RoIs), N boxes.
"""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from lfp_tf.models.catalog import build_network
from lfp_tf.models.detector import Detector
from lfp_tf.ops.detection.boxes import decode, encode
from lfp_tf.ops.detection.detections import best_detections
from lfp_tf.ops.detection.proposals import ProposalOptions, Proposals
from lfp_tf.options import Inference
from lfp_tf.parity.golden import Case
from lfp_tf.parity.lfp.trial import Trial
from lfp_tf.parity.lfp.words import NETWORK, detector_recipe
from lfp_tf.parity.words import UnknownWord, check, is_count, is_number, is_numbers
from lfp_tf.tasks.detection.targets import anchor_targets
from lfp_tf.tasks.detection.task import Task

_CLASSES = 80
# Enough that nothing is drawn by chance.
_ALL = 10**6


def _is_boxes(value):
    return isinstance(value, list) and all(is_numbers(box) and len(box) == 4 for box in value)


def _is_size(value):
    return is_numbers(value) and len(value) == 2


_WHOLE = NETWORK | {"boxes": _is_boxes}
_PROPOSALS = {
    "stage": ("proposals",),
    "image": _is_size,
    "pre_nms": is_count,
    "post_nms": is_count,
    "nms": is_number,
    "order": ("by score, descending",),
}
_PREDICTIONS = {
    "stage": ("predictions",),
    "score_threshold": is_number,
    "nms": is_number,
    "max_results": is_count,
}
_LOSSES = {"anchor_labels": lambda value: np.ndim(value) == 3, "roi_labels": is_numbers}
_TARGETS = {
    "image": _is_size,
    "gt_boxes": _is_boxes,
    "crowd_boxes": _is_boxes,
    "subsample": (False,),
}
# The cases' names of the five losses.
_NAMES = {
    "rpn_class": "rpn_label",
    "rpn_box": "rpn_box",
    "class": "fastrcnn_label",
    "box": "fastrcnn_box",
    "mask": "mask",
}


def stages(case: Case) -> dict[str, Any]:
    """`detector_stages`: the whole network, proposals of RPN outputs, or detections."""
    stage = case.config.get("stage")
    if stage not in _STAGES:
        raise UnknownWord(f"config.stage has the unknown value {stage!r}.")
    return _STAGES[stage](case)


def losses(case: Case) -> dict[str, Any]:
    """`detector_losses`: the five losses of drawn outputs."""
    check(case.config, _LOSSES)
    inputs = {name: tf.constant(value) for name, value in case.inputs().items()}
    labels = tf.constant(case.config["roi_labels"])
    objects = tf.where(labels > 0)
    rows = tf.range(objects.shape[0])
    own = tf.stack([rows, tf.gather_nd(labels, objects) - 1], axis=1)

    def of_all(values):
        return tf.scatter_nd(objects, values, [labels.shape[0], 4])

    anchors = tf.reshape(tf.constant(case.config["anchor_labels"]), [1, -1])
    is_counted = tf.cast(anchors >= 0, tf.float32)
    outputs = {
        "rpn_logits": tf.reshape(inputs["rpn_label_logits"], [1, -1]),
        "rpn_deltas": tf.reshape(inputs["rpn_box_logits"], [1, -1, 4]),
        "rpn_labels": anchors,
        "rpn_targets": tf.reshape(inputs["anchor_boxes_encoded"], [1, -1, 4]),
        "rpn_inside": tf.cast(anchors == 1, tf.float32),
        "rpn_outside": is_counted / tf.reduce_sum(is_counted),
        "class_logits": inputs["class_logits"],
        "labels": labels,
        "box_weights": tf.ones(labels.shape),
        "box_deltas": of_all(tf.gather_nd(inputs["fg_box_logits"], own)),
        "box_targets": of_all(inputs["fg_boxes_encoded"]),
        "mask_logits": tf.gather_nd(tf.transpose(inputs["mask_logits"], [0, 3, 1, 2]), own),
        "mask_targets": inputs["mask_targets"],
    }
    task = _task()
    sums, counts = task.sums({}, outputs), task.counts({}, outputs)
    return {_NAMES[name]: float(sums[name] / counts[name]) for name in sums}


def rpn_targets(case: Case) -> dict[str, Any]:
    """`rpn_targets`: labels of anchors, and the boxes of those that are objects."""
    config = case.config
    check(config, _TARGETS)
    height, width = config["image"]
    model = _small_detector()
    (anchors,) = model.anchors({"rpn_logits_4": tf.zeros([1, height // 16, width // 16, 1])})
    boxes = config["gt_boxes"] + config["crowd_boxes"]
    is_crowd = np.arange(len(boxes)) >= len(config["gt_boxes"])
    batch = {
        "boxes": tf.constant([boxes], tf.float32),
        "is_valid": tf.ones([1, len(boxes)], tf.bool),
        "is_crowd": tf.constant(is_crowd[None]),
        "info": tf.constant([[height, width, 1]], tf.float32),
    }
    sampling = dataclasses.replace(_task().anchor_sampling, batch=_ALL, foreground=1.0)
    targets = anchor_targets(anchors, batch, sampling)
    decoded = decode(anchors, targets.deltas[0], pixel=model.conventions.pixel)
    boxes = tf.where(targets.inside[0, :, None] > 0, decoded, 0.0)
    shape = (height // 16, width // 16, len(model.cells(0)))
    return {
        "labels": targets.labels.numpy().reshape(shape),
        "boxes": boxes.numpy().reshape(*shape, 4),
    }


def _whole(case):
    """Maps, RPN outputs, and what becomes of the case's boxes."""
    trial = Trial(case, _WHOLE, further=("boxes",))
    model: Any = trial.model
    images = tf.constant(trial.prepared(case.inputs()["image"]))
    height, width = images.shape[1:3]
    outputs = model.trunk(images, training=False)
    rois = tf.constant(case.config["boxes"], tf.float32)
    of = tf.zeros(rois.shape[0], tf.int32)
    conv5 = model.box_features(outputs, rois, of)
    results = model.box_outputs(conv5)
    proposals = Proposals(rois[None], tf.zeros([1, *of.shape]), tf.constant([rois.shape[0]]))
    info, size = tf.constant([[height, width, 1.0]]), tf.constant([[height, width]], tf.float32)
    predictions = model.predictions(outputs, proposals, info, size)
    features = model.mask_features(outputs, rois, of, of_boxes=conv5)
    masks = [model.mask_logits(features, of + label) for label in range(1, _CLASSES + 1)]
    logits = outputs["rpn_logits_4"][0]
    return {
        "c4": outputs["c4"].numpy(),
        "rpn_label_logits": logits.numpy(),
        "rpn_box_logits": outputs["rpn_deltas_4"].numpy().reshape(*logits.shape, 4),
        "roi_aligned": model.pooled(outputs, rois, of).numpy(),
        "conv5": conv5.numpy(),
        "class_logits": results["class_logits"].numpy(),
        # Without background, which theirs have no columns for.
        "box_logits": results["deltas"].numpy().reshape(len(of), -1, 4)[:, 1:],
        "decoded_boxes": predictions.boxes[0, :, 1:].numpy(),
        "mask_logits": np.stack(masks, axis=-1),
    }


def _proposals(case):
    """Anchors, decoded boxes, and what is left of them."""
    config, inputs = case.config, case.inputs()
    check(config, _PROPOSALS)
    model = _small_detector()
    conventions = model.conventions
    logits, deltas = inputs["label_logits"], inputs["box_logits"]
    outputs = {
        "rpn_logits_4": tf.constant(logits[None]),
        "rpn_deltas_4": tf.constant(deltas.reshape(1, *logits.shape[:2], -1)),
    }
    info = tf.constant([[*config["image"], 1]], tf.float32)
    options = ProposalOptions(config["pre_nms"], config["post_nms"], config["nms"])
    proposals = model.proposals(outputs, info, options, count=config["post_nms"])
    (anchors,) = model.anchors(outputs)
    decoded = decode(
        anchors,
        deltas.reshape(-1, 4),
        largest_log=conventions.largest_log,
        pixel=conventions.pixel,
    )
    encoded = encode(anchors, decoded, pixel=conventions.pixel)
    count = int(proposals.counts[0])
    return {
        "cell_anchors": model.cells(0),
        "decoded": decoded.numpy().reshape(deltas.shape),
        "encoded_back": encoded.numpy().reshape(deltas.shape),
        "proposals": proposals.boxes[0, :count].numpy(),
        "scores": proposals.scores[0, :count].numpy(),
    }


def _predictions(case):
    """The objects among boxes of all classes, best first."""
    config, inputs = case.config, case.inputs()
    check(config, _PREDICTIONS)
    inference = Inference(
        score_threshold=config["score_threshold"],
        nms=config["nms"],
        limit=config["max_results"],
    )
    # Background has no boxes there.
    boxes = np.pad(inputs["boxes"], [(0, 0), (1, 0), (0, 0)])
    found = _small_detector().detect(tf.constant(inputs["probs"]), tf.constant(boxes), inference)
    best = best_detections(found, inference.limit)
    rows = [values[: int(best.count)].numpy() for values in best.detections]
    objects = type(best.detections)(*rows)
    return {
        "indices": np.stack([objects.rois, objects.labels], axis=1),
        "probabilities": objects.scores,
        "boxes": objects.boxes,
    }


_STAGES = {None: _whole, "proposals": _proposals, "predictions": _predictions}


def _task() -> Task:
    """The recipe's task; no records are read."""
    return Task(detector_recipe())


def _small_detector() -> Detector:
    """A narrow network of the recipe: anchors, proposals and detections ask for no width."""
    options = detector_recipe().task.model.arguments()
    changes = {"classes": _CLASSES, "blocks": [1, 1, 1, 1], "width": 1 / 16, "masks": False}
    model: Any = build_network("rcnn_c4", **options | changes)
    return model
