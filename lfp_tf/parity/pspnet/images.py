"""Cases without a PSPNet: loss, transforms, protocols on a stub, scores and label maps."""

import functools
from typing import Any

import numpy as np
import tensorflow as tf

from lfp_tf.data.datasets.label_maps import LABEL_MAPS, kitti_fork_ids
from lfp_tf.evaluation.confusion import confusion_matrix
from lfp_tf.heads.segmentation import ZoomLogits
from lfp_tf.options import PREPROCESSINGS
from lfp_tf.parity import whole_transforms as transforms
from lfp_tf.parity.golden import Case
from lfp_tf.parity.words import check, is_count, is_number, is_numbers
from lfp_tf.tasks.segmentation.losses import (
    PixelLoss,
    labels_for_loss,
    loss_counts,
    loss_sums,
    loss_weights,
)
from lfp_tf.tasks.segmentation.metrics import scores
from lfp_tf.tasks.segmentation.protocols import Protocol, probabilities
from lfp_tf.training.objective import mean_losses

LOSS = {
    "lineage": ("torch", "tf1"),
    "classes": is_count,
    "ignore_label": is_number,
    "aux_weight": is_number,
    "label_size": ("zoom", "map"),
    "zoom_factor": (8, 4, 2, 1),
}
# Transform: (our function, {word: (our argument, rule)}).
_TRANSFORMS = {
    "rand_scale": ("rand_scale", {"scale": is_number, "aspect_ratio": is_number}),
    "rand_rotate": (
        "rand_rotate",
        {"angle": is_number, "padding": is_numbers, "ignore_label": is_number},
    ),
    "gaussian_blur": ("gaussian_blur", {"radius": (5,)}),
    "horizontal_flip": ("horizontal_flip", {}),
    "vertical_flip": ("vertical_flip", {}),
    "crop": (
        "crop",
        {
            "size": is_numbers,
            "type": ("rand", "center"),
            "offset": is_numbers,
            "padding": is_numbers,
            "ignore_label": is_number,
        },
    ),
    "resize": ("resize_to", {"size": is_numbers}),
    "normalize": ("normalize", {"mean": is_numbers, "std": is_numbers}),
    "rgb_to_bgr": ("rgb_to_bgr", {}),
}
EVALUATION = {
    "protocol": ("semseg", "matlab", "tf1_whole"),
    "classes": is_count,
    "preprocess": tuple(PREPROCESSINGS),
    "flip": ("softmax", "logit_sum", "none"),
    "base_size": is_count,
    "crop": is_numbers,
    "scales": is_numbers,
    "stride_rate": ("2/3",),
    "min_size": is_numbers,
    "stub": {"kernel": (3,), "stride": (1, 8), "padding": ("symmetric", "same")},
}
METRICS = {
    "classes": is_count,
    "ignore_label": is_number,
    "definition": ("all", "present", "matlab"),
    "label_offset": (0, 1),
}


def loss(case: Case) -> dict[str, Any]:
    """`loss`: cross-entropies and gradients of given logits at 1/8."""
    check(case.config, LOSS)
    config, inputs = case.config, case.inputs()
    maps = {name: tf.Variable(inputs[name]) for name in ("main", "aux") if name in inputs}
    labels = tf.constant(inputs["labels"], tf.int32)
    zoom = config.get("zoom_factor", 1)
    images = tf.zeros([*labels.shape, 3])
    with tf.GradientTape() as tape:
        resized = {n: ZoomLogits(zoom)([v.value(), images]) for n, v in maps.items()}
        size = "map" if config["label_size"] == "map" else "full"
        small = labels_for_loss(labels, resized["main"], label_size=size, zoom_factor=zoom)
        outputs = {"logits": resized["main"]}
        if "aux" in resized:
            outputs["aux_logits"] = resized["aux"]
        labels_of = dict.fromkeys(outputs, small)
        loss = PixelLoss(config["ignore_label"])
        losses = mean_losses(
            loss_sums(outputs, labels_of, loss),
            loss_counts(labels_of, loss),
            weights=loss_weights(outputs, aux_weight=config["aux_weight"]),
        )
    gradients = tape.gradient(losses["loss"], maps)
    results = {
        "main_loss": losses["logits"],
        "aux_loss": losses.get("aux_logits", tf.constant(0.0)),
        "loss": losses["loss"],
    }
    results |= {f"gradient:{name}": gradient for name, gradient in gradients.items()}
    return {name: value.numpy() for name, value in (results | {"labels_small": small}).items()}


def transform(case: Case) -> dict[str, Any]:
    """`transform`: one or several with the choices made."""
    words = dict(case.config)
    lineage = words.pop("lineage")
    check({"lineage": lineage}, {"lineage": ("torch", "tf1")})
    inputs = case.inputs()
    change = _transform(words, lineage)
    image, labels = change(tf.constant(inputs["image"]), tf.constant(inputs["labels"]))
    return {"image": image.numpy(), "labels": labels.numpy()}


def evaluate(case: Case) -> dict[str, Any]:
    """`evaluate_sliding`, `evaluate_whole`: a protocol around a stub of one convolution."""
    check(case.config, EVALUATION)
    config = case.config
    fields = ("flip", "scales", "base_size", "crop", "min_size")
    protocol = Protocol(config["protocol"], **{f: config[f] for f in fields if f in config})
    run = tf.function(
        functools.partial(
            probabilities,
            protocol,
            _stub(case),
            preprocess_name=config["preprocess"],
            classes=config["classes"],
        )
    )
    results = run(tf.constant(case.inputs()["image"][0]))
    return {name: value.numpy()[None] for name, value in results.items()}


def metrics(case: Case) -> dict[str, Any]:
    """`metrics`: the scores of one set of predictions."""
    check(case.config, METRICS)
    config, inputs = case.config, case.inputs()
    offset = config["label_offset"]
    confusion = confusion_matrix(
        np.asarray(inputs["labels"]),
        np.asarray(inputs["predictions"]) + offset,
        num_classes=config["classes"] + offset,
        ignore_label=config["ignore_label"],
    ).numpy()
    return scores(confusion, config["definition"]) | {"confusion": confusion}


def label_mapping(case: Case) -> dict[str, Any]:
    """`label_mapping`: values of published files to classes."""
    check(case.config, {"dataset": tuple(LABEL_MAPS)})
    change, inputs = LABEL_MAPS[case.config["dataset"]], case.inputs()
    if "colors" in inputs:
        colors = inputs["colors"]
        return {"labels": change(colors), "fork_ids": kitti_fork_ids(colors)}
    return {"labels": change(inputs["file_labels"])}


def _transform(words, lineage):
    words = dict(words)
    name = words.pop("transform")
    if name == "compose":
        check(words, {"steps": lambda steps: isinstance(steps, list)})
        steps = [_transform(step, lineage) for step in words["steps"]]
        return functools.partial(transforms.compose, steps=steps)
    check({"transform": name}, {"transform": tuple(_TRANSFORMS)})
    function, known = _TRANSFORMS[name]
    check(words, known, where=f"config of {name}")
    if words.pop("type", None) == "center":
        words.pop("offset", None)
    if lineage == "tf1" and name == "rand_scale":
        function = "legacy_scale"
    if lineage == "tf1" and name == "crop":
        words["at_end"] = True
    return functools.partial(getattr(transforms, function), **words)


def _stub(case):
    weights, words = case.weights(), case.config["stub"]
    if words["padding"] == "same":
        kernel, bias, padding = weights["stub/weights"], weights["stub/biases"], "SAME"
    else:
        kernel = weights["stub.weight"].transpose(2, 3, 1, 0)
        bias, padding = weights["stub.bias"], [[0, 0], [1, 1], [1, 1], [0, 0]]
    return lambda x: tf.nn.conv2d(x, kernel, words["stride"], padding) + bias
