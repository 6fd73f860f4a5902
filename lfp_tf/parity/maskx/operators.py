"""Cases of the detector's single operators: anchors, boxes, suppression, RoIAlign, results."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from lfp_tf.ops.detection import boxes as box_ops
from lfp_tf.ops.detection.anchors import anchor_field, cell_anchors
from lfp_tf.ops.detection.detections import detect
from lfp_tf.ops.detection.nms import nms
from lfp_tf.ops.detection.paste import paste_masks
from lfp_tf.ops.detection.proposals import ProposalOptions, collect_jointly, level_proposals
from lfp_tf.ops.detection.roi_align import assign_levels, restored_order, roi_align
from lfp_tf.parity.golden import Case
from lfp_tf.parity.maskx.words import words_of


def anchors(case: Case) -> dict[str, Any]:
    """`detector-anchors`: the anchors of a cell and of a map."""
    words = words_of(case)
    cells = cell_anchors(words["stride"], words["sizes"], words["ratios"])
    field = anchor_field(cells, words["stride"], words["feature_size"])
    return {"cell_anchors": cells, "field": field.numpy()}


def box_coding(case: Case) -> dict[str, Any]:
    """`detector-box_coding`: decoding, clipping, encoding, overlaps."""
    words, inputs = words_of(case), tensors(case)
    boxes, targets, weights = inputs["boxes"], inputs["gt_boxes"], words["weights"]
    decoded = box_ops.decode(boxes, inputs["deltas"], weights=weights)
    columns = tf.reshape(decoded, [tf.shape(boxes)[0], -1, 4])
    clipped = box_ops.clip(columns, *words["image_size"])
    return {
        "decoded": decoded.numpy(),
        "clipped": tf.reshape(clipped, tf.shape(decoded)).numpy(),
        "targets": box_ops.encode(boxes, targets, weights=weights).numpy(),
        "iou": box_ops.overlaps(boxes, targets).numpy(),
    }


def suppression(case: Case) -> dict[str, Any]:
    """`detector-nms`: the indices that stay, ascending."""
    threshold, dets = words_of(case)["threshold"], tensors(case)["dets"]
    kept = nms(dets[:, :4], dets[:, 4], limit=dets.shape[0], threshold=threshold)
    return {"keep": np.sort(kept.indices[: kept.count].numpy())}


def pooled_rois(case: Case) -> dict[str, Any]:
    """`detector-roi_align`: RoIs of maps."""
    words, inputs = words_of(case), tensors(case)
    pooled = roi_align(
        inputs["features"],
        inputs["rois"][:, 1:],
        tf.cast(inputs["rois"][:, 0], tf.int32),
        size=words["resolution"],
        scale=words["spatial_scale"],
        samples=words["sampling_ratio"],
    )
    return {"pooled": pooled.numpy()}


def level_assignment(case: Case) -> dict[str, Any]:
    """`detector-level_assignment`: levels, and the order that undoes sorting by them."""
    words = words_of(case)
    levels = assign_levels(
        tensors(case)["rois"],
        canonical_scale=words["canonical_scale"],
        canonical_level=words["canonical_level"],
        lowest=words["min_level"],
        highest=words["max_level"],
    )
    return {"levels": levels.numpy(), "restore": restored_order(levels).numpy()}


def proposals(case: Case) -> dict[str, Any]:
    """`detector-proposals`: how many each level keeps, and the best of all."""
    words, inputs = words_of(case), tensors(case)
    options = ProposalOptions(
        pre_nms=words["pre_nms_top_n"],
        post_nms=words["post_nms_top_n"],
        nms=words["nms"],
        min_size=words["min_size"],
    )
    first, last = words["levels"]
    levels = []
    for level in range(first, last + 1):
        logits = inputs[f"logits_{level}"]
        size = words["anchor_start_size"] * 2 ** (level - first)
        cells = cell_anchors(2**level, [size], words["ratios"])
        field = anchor_field(cells, 2**level, logits.shape[1:3])
        deltas = inputs[f"deltas_{level}"]
        levels.append(level_proposals(logits, deltas, field, inputs["im_info"], options))
    joint = collect_jointly(levels, options.post_nms)
    images = tf.cast(joint.images[:, None], tf.float32)
    return {
        "per_level": [int(tf.reduce_sum(level.counts)) for level in levels],
        "rois": tf.concat([images, joint.boxes], axis=1)[: joint.count].numpy(),
        "scores": joint.scores[: joint.count].numpy(),
    }


def mask_paste(case: Case) -> dict[str, Any]:
    """`detector-mask_paste`: masks in the image."""
    words, inputs = words_of(case), tensors(case)
    size, threshold = words["image_size"], words["threshold"]
    pasted = paste_masks(inputs["masks"], inputs["boxes"], size, threshold=threshold)
    return {"pasted": tf.cast(pasted, tf.int32).numpy()}


def detections(case: Case) -> dict[str, Any]:
    """`detector-detections`: boxes by class, then in the order of the RoIs."""
    words, inputs = words_of(case), tensors(case)
    results = detect(
        inputs["class_probabilities"],
        tf.reshape(inputs["predicted_boxes"], [-1, words["classes"], 4]),
        score_threshold=words["score_threshold"],
        threshold=words["nms"],
        limit=words["limit"],
    )
    return {
        "boxes": results.boxes.numpy(),
        "scores": results.scores.numpy(),
        "labels": results.labels.numpy(),
    }


def tensors(case: Case) -> Mapping[str, tf.Tensor]:
    """The inputs of a case as float32 tensors, but for lists of unequal lengths."""
    inputs = {name: value for name, value in case.inputs().items() if name not in _LISTS}
    return {name: tf.constant(value, tf.float32) for name, value in inputs.items()}


_LISTS = ("gt_polygons",)
