"""Cases of whole detectors: what each stage makes of an image, and how many parameters it has."""

import re
from typing import Any

import numpy as np
import tensorflow as tf

from lfp_tf.checkpoints.load import Report, translate
from lfp_tf.checkpoints.names.detectron import TRANSLATIONS
from lfp_tf.checkpoints.variables import assign, variables_by_name
from lfp_tf.errors import LfpError
from lfp_tf.models.catalog import build_network
from lfp_tf.models.detector import Detector
from lfp_tf.ops.detection import input as preparation
from lfp_tf.ops.detection.paste import paste_masks
from lfp_tf.ops.detection.proposals import ProposalOptions, Proposals
from lfp_tf.parity.golden import Case
from lfp_tf.parity.maskx.words import FORWARD, NETWORK, network_words

# Pixels that images are padded to a multiple of, by the form of the network.
_PADDING = {"fpn": 32, "c4": 1}
# The cases' names of our outputs, by the form of the network.
_OUTPUTS = {"fpn": {}, "c4": {"rpn_logits_4": "rpn_logits", "rpn_deltas_4": "rpn_deltas"}}
# A mask head's own copy of the last stage stands in some files.
_OWN_MASK_STAGE = "_[mask]_res5_0_branch2a_w"
_PARTS = {
    "body": r"^(stem|stage\d)_",
    "fpn_and_rpn": r"^(fpn|rpn)_",
    "box_head": r"^box_",
    "mask_head": r"^mask_(conv|deconv|stage)",
    "mask_outputs": r"^(mask_logits/|mask_mlp_|transfer_)",
    "affine": r"/(scale|offset)$",
}


def forward(case: Case) -> dict[str, Any]:
    """`detector-forward`: maps, RPN outputs, proposals, predictions, detections, masks."""
    words = network_words(case, FORWARD)
    model = loaded(case, words)
    image = tf.constant(case.inputs()["image"][0], tf.float32)
    size = tf.shape(image)[:2]
    scale = preparation.image_scale(
        size, target=words["test_scale"], largest=words["test_max_size"]
    )
    scaled = preparation.prepare_image(image, scale)
    padded = preparation.padded_size(scaled.shape[:2], _PADDING[words["variant"]])
    info = preparation.image_info(padded, scale)[None]
    outputs = model.trunk(preparation.pad_image(scaled, padded)[None], training=False)
    options = ProposalOptions(pre_nms=words["pre_nms_top_n"], post_nms=words["post_nms_top_n"])
    proposals = model.proposals(outputs, info, options, count=words["post_nms_top_n"])
    names = _OUTPUTS[words["variant"]]
    results = {names.get(name, name): value.numpy() for name, value in outputs.items()}
    if words["transfer"]:
        results["predicted_weights"] = model.mask_kernels(tf.range(words["classes"])).numpy()
    return results | detected(model, outputs, proposals, info, size)


def detected(
    model: Detector,
    outputs: dict[str, tf.Tensor],
    proposals: Proposals,
    info: tf.Tensor,
    size: tf.Tensor,
) -> dict[str, Any]:
    """What comes of an image's proposals, by the cases' names.

    Args:
        model: the network.
        outputs: of its trunk.
        proposals: of one image.
        info: float32 [1, 3].
        size: int32 [2], height and width of the image before it was scaled.
    """
    predictions = model.predictions(outputs, proposals, info, tf.cast(size[None], tf.float32))
    count = int(proposals.counts[0])
    probabilities, boxes = predictions.probabilities[0, :count], predictions.boxes[0, :count]
    objects = model.detect(probabilities, boxes)
    images = tf.zeros_like(objects.labels)
    features = model.mask_features(outputs, objects.boxes * info[0, 2], images)
    masks = tf.sigmoid(model.mask_logits(features, objects.labels))
    pasted = paste_masks(masks, objects.boxes, size)
    return {
        "proposals": proposals.boxes[0, :count].numpy(),
        "class_probabilities": probabilities.numpy(),
        "predicted_boxes": tf.reshape(boxes, [count, -1]).numpy(),
        "boxes": objects.boxes.numpy(),
        "scores": objects.scores.numpy(),
        "labels": objects.labels.numpy(),
        "masks": masks.numpy(),
        "mask_areas": np.count_nonzero(pasted, axis=(1, 2)),
    }


def parameter_count(case: Case) -> dict[str, Any]:
    """`parameter_count`: elements by part, and the number of arrays."""
    words = network_words(case, NETWORK)
    name, options = network_options(words)
    if words["variant"] == "c4":
        # The files of the original's test network hold the masks' copy of the last stage.
        options["shared_masks"] = False
    variables = variables_by_name(build_network(name, **options, input_shape=(64, 64, 3)))
    sizes = {name: variable.shape.num_elements() for name, variable in variables.items()}
    counts = {
        part: [sum(size for name, size in sizes.items() if re.search(pattern, name))]
        for part, pattern in _PARTS.items()
    }
    return counts | {"total": [sum(sizes.values())], "variables": [len(sizes)]}


def loaded(case: Case, words: dict[str, Any]) -> Detector:
    """The case's network with its weights, which went through the converter.

    Raises:
        LfpError: weights that do not fit.
    """
    name, options = network_options(words)
    weights = case.weights()
    if words["variant"] == "c4":
        options["shared_masks"] = _OWN_MASK_STAGE not in weights
    model: Any = build_network(name, **options)
    variables = variables_by_name(model)
    report = Report("detectron")
    values = translate(
        weights, variables, translation=TRANSLATIONS["detectron"], options=options, report=report
    )
    # Where proposals come from elsewhere, the weights have no RPN.
    missing = [name for name in report.missing if not name.startswith("rpn_")]
    if missing or report.mismatched or report.unused:
        raise LfpError(f"the weights do not fit: {report}")
    assign(variables, values)
    return model


def transfer_options(words: dict[str, Any]) -> dict[str, Any]:
    """The flat options of masks that are predicted, of a case's words."""
    options = {"mask_mlp": words["mlp_branch"] or "none"}
    transfer = words["transfer"]
    if transfer is None:
        return options
    options |= {
        "transfer_input": transfer["input"],
        "transfer_layers": transfer["layers"],
        "transfer_activation": transfer["activation"],
        "transfer_stop_gradient": transfer["stop_gradient"],
    }
    if "embedding_dim" in transfer:
        options["embedding_dim"] = transfer["embedding_dim"]
    return options


def network_options(words: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """(network, its flat options) of a case's words."""
    options = {
        "classes": words["classes"] - 1,
        "depth": words["depth"],
        "stride_in": "1x1" if words["stride_on_1x1"] else "3x3",
        "resnet_groups": words["groups"],
        "width_per_group": words["width_per_group"],
        "norm": {"affine": "affine", "gn": "group"}[words["norm"]],
        "norm_groups": words.get("gn_groups", 32),
        "mask_dim": words["mask_dim"],
        "class_specific_masks": words["class_specific_mask"],
        "test_pre_nms": words.get("pre_nms_top_n", 1000),
        "test_post_nms": words.get("post_nms_top_n", 1000),
        "canonical_scale": words.get("canonical_scale", 224),
        "anchor_size": words.get("anchor_start_size", 32),
        "score_threshold": words.get("score_threshold", 0.05),
        "test_nms": words.get("nms", 0.5),
        "detections": words.get("limit", 100),
    }
    if words["variant"] == "c4":
        sizes = {"anchor_sizes": words["rpn_sizes"]} if "rpn_sizes" in words else {}
        return "rcnn_c4", options | sizes
    options |= transfer_options(words)
    normalization = {"affine": "none", "gn": "group_norm"}[words["norm"]]
    return "rcnn", options | {
        "decoder": "fpn",
        "pyramid_dim": words["fpn_dim"],
        "pyramid_norm": normalization,
        "head_norm": normalization,
        "box_head": {"2fc": "2fc", "4conv1fc_gn": "4conv1fc"}[words["box_head"]],
        "box_dim": words["box_head_dim"],
        "box_conv_dim": words.get("box_conv_dim", 256),
    }
