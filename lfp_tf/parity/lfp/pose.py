"""Cases of the pose system without a network: crops, heat maps, what is made of them, scores.

Points of the cases are (x, y) and count from 1 unless said otherwise, as ours do.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from lfp_tf.data.pose.augmentations import recipe
from lfp_tf.images.skeleton import JOINTS, flip_order
from lfp_tf.ops import heatmaps
from lfp_tf.ops import pose as pose_ops
from lfp_tf.ops import torch_image as torch_ops
from lfp_tf.parity.golden import Case
from lfp_tf.parity.words import UnknownWord, check, is_count, is_flag, is_number, is_numbers
from lfp_tf.tasks.pose import metrics as pose_scores

_UNIT = ("0..255, divided by 255 first",)
# PCKh cases call MPII's joints by these names, in their order.
_SHORT_NAMES = (
    *("rank", "rkne", "rhip", "lhip", "lkne", "lank", "pelv", "thor"),
    *("neck", "head", "rwri", "relb", "rsho", "lsho", "lelb", "lwri"),
)
_GREY_LEVELS = 255.0


def is_list(value: Any) -> bool:
    """Whether a value is a list; what is in it is looked at where it is used."""
    return isinstance(value, list)


TORCH_IMAGE = {"image": _UNIT, "operations": is_list}
_OPERATIONS = {
    "scale": {"op": ("scale",), "width": is_count, "height": is_count},
    "rotate": {"op": ("rotate",), "degrees": is_number},
}
_QUERY = {
    "center": is_numbers,
    "scale": is_number,
    "rotation": is_number,
    "resolution": is_count,
}
POSE_TRANSFORM = {"queries": is_list}
_POINT_QUERY = _QUERY | {"point": is_numbers, "invert": is_flag}
POSE_CROP = {"image": _UNIT, "queries": is_list}
HEATMAP_TARGETS = {
    "joints": lambda joints: is_list(joints) and all(map(is_numbers, joints)),
    "center": is_numbers,
    "scale": is_number,
    "resolution": is_count,
    "gsize": is_count,
    "legacy_border": is_flag,
    "background_map": is_flag,
}
POSE_AUGMENTATION = {
    "image": _UNIT,
    "scale": is_number,
    "rotation": is_number,
    "color": is_numbers,
    "flip": is_flag,
    "dataset": tuple(JOINTS),
}
POSE_POSTPROCESS = {
    "centers": lambda centers: is_list(centers) and all(map(is_numbers, centers)),
    "scales": is_numbers,
}
POSE_FLIP_TEST = {"dataset": tuple(JOINTS)}
POSE_MULTISCALE = {
    "center": is_numbers,
    "scales": is_numbers,
    "width": is_count,
    "height": is_count,
    "resolution": is_count,
}
PCK = {
    "resolution": is_count,
    "joints_counted": lambda joints: joints is None or is_numbers(joints),
    "target_peaks": is_list,
    "predicted_peaks": is_list,
}
PCKH = {
    "joints": (list(_SHORT_NAMES),),
    "ground_truth": is_list,
    "predictions": is_list,
    "head_boxes": is_list,
    "missing": is_list,
}


def torch_image(case: Case) -> dict[str, Any]:
    """`torch_image`: scaling and rotation, each of the original image."""
    check(case.config, TORCH_IMAGE)
    image, outputs = _unit_image(case), {}
    for number, operation in enumerate(case.config["operations"]):
        if operation["op"] not in _OPERATIONS:
            raise UnknownWord(f"config.operations.op has the unknown value {operation['op']!r}.")
        check(operation, _OPERATIONS[operation["op"]], where="config.operations")
        if operation["op"] == "scale":
            out = torch_ops.scale(image, (operation["height"], operation["width"]))
        else:
            out = torch_ops.rotate(image, operation["degrees"])
        outputs[f"out_{number}"] = out.numpy()
    return outputs


def pose_transform(case: Case) -> dict[str, Any]:
    """`pose_transform`: points between image and crop."""
    check(case.config, POSE_TRANSFORM)
    points = []
    for query in case.config["queries"]:
        check(query, _POINT_QUERY, where="config.queries")
        moved = pose_ops.transform(
            _float64(query["point"]),
            _float64(query["center"]),
            _float64(query["scale"]),
            resolution=query["resolution"],
            rotation=query["rotation"],
            invert=query["invert"],
        )
        points.append(moved.numpy().tolist())
    return {"points": points}


def pose_crop(case: Case) -> dict[str, Any]:
    """`pose_crop`: crops about a centre."""
    check(case.config, POSE_CROP)
    image, outputs = _unit_image(case), {}
    for number, query in enumerate(case.config["queries"]):
        check(query, _QUERY, where="config.queries")
        crop = pose_ops.person_crop(
            image,
            _float64(query["center"]),
            _float64(query["scale"]),
            resolution=query["resolution"],
            rotation=query["rotation"],
        )
        outputs[f"crop_{number}"] = crop.numpy()
    return outputs


def heatmap_targets(case: Case) -> dict[str, Any]:
    """`heatmap_targets`: the maps of one person's joints."""
    check(case.config, HEATMAP_TARGETS)
    config = case.config
    codec = heatmaps.HeatmapCodec(
        config["resolution"],
        gaussian_size=config["gsize"],
        legacy_border=config["legacy_border"],
        background=config["background_map"],
    )
    maps = codec.encode(
        *(tf.constant(config[name], tf.float64) for name in ("joints", "center", "scale"))
    )
    return {"heatmaps": maps.numpy()}


def pose_augmentation(case: Case) -> dict[str, Any]:
    """`pose_augmentation`: a crop and its maps with the choices made."""
    check(case.config, POSE_AUGMENTATION)
    config, inputs = case.config, case.inputs()
    choices = (
        tf.constant(config["color"], tf.float32),
        (_float64(config["scale"]), _float64(config["rotation"])),
        tf.constant(config["flip"]),
    )
    image, maps = tf.constant(inputs["image"]), tf.constant(inputs["heatmaps"])
    order = flip_order(JOINTS[config["dataset"]])
    for step, choice in zip(recipe().steps, choices, strict=True):
        image, maps = step.render(choice, image, maps, order)
    return {"image": image.numpy() / _GREY_LEVELS, "heatmaps": maps.numpy()}


def pose_postprocess(case: Case) -> dict[str, Any]:
    """`pose_postprocess`: points of the maps, there and in the images."""
    check(case.config, POSE_POSTPROCESS)
    maps = tf.constant(case.inputs()["heatmaps"])
    outputs = heatmaps.map_points(maps)
    moved = heatmaps.image_points(
        outputs,
        _float64(case.config["centers"]),
        _float64(case.config["scales"]),
        resolution=maps.shape[1],
    )
    return {"preds_heatmap": outputs[..., :2].numpy(), "preds_image": moved.numpy()}


def pose_flip_test(case: Case) -> dict[str, Any]:
    """`pose_flip_test`: the mean of both directions."""
    check(case.config, POSE_FLIP_TEST)
    order = flip_order(JOINTS[case.config["dataset"]])
    inputs = {name: tf.constant(value) for name, value in case.inputs().items()}
    return {"heatmaps": heatmaps.flip_average(**inputs, flip_order=order).numpy()}


def pose_multiscale(case: Case) -> dict[str, Any]:
    """`pose_multiscale`: the maps of several crops in the image, and their peaks."""
    check(case.config, POSE_MULTISCALE)
    config = case.config
    fused = heatmaps.fused_maps(
        tf.constant(case.inputs()["heatmaps"]),
        _float64(config["center"]),
        _float64(config["scales"]),
        size=(config["height"], config["width"]),
        resolution=config["resolution"],
    )
    return {"fused": fused.numpy(), "preds": heatmaps.peaks(fused).numpy()}


def pck(case: Case) -> dict[str, Any]:
    """`pck`: the accuracy on heat maps that a training prints."""
    check(case.config, PCK)
    config = case.config
    places = {}
    for name in ("predicted", "target"):
        maps = _maps_of_peaks(config[f"{name}_peaks"], config["resolution"])
        places[name] = heatmaps.peaks(tf.constant(maps)).numpy()[..., :2]
    counted = config["joints_counted"]
    outputs = pose_scores.map_accuracy(
        places["predicted"],
        places["target"],
        resolution=config["resolution"],
        counted=None if counted is None else [joint - 1 for joint in counted],
    )
    rates = [-1.0 if rate is None else rate for rate in outputs["per_joint"]]
    return {"accuracy": outputs["accuracy"], "per_joint": rates}


def pckh(case: Case) -> dict[str, Any]:
    """`pckh`: MPII's table, in per cent."""
    check(case.config, PCKH)
    config = case.config
    boxes = np.asarray(config["head_boxes"], np.float64)
    words = {
        "predicted": np.asarray(config["predictions"], np.float64),
        "truth": np.asarray(config["ground_truth"], np.float64),
        "visible": np.asarray(config["missing"]) == 0,
        "head_sizes": pose_scores.HEAD_SHARE * np.linalg.norm(boxes[:, 1] - boxes[:, 0], axis=1),
    }
    outputs = pose_scores.pckh(**words, names=JOINTS["mpii"])
    table = [*outputs["groups"].values(), outputs["mean"]]
    return {
        "per_joint": _per_cent(outputs["per_joint"].values()),
        "table": _per_cent(table),
        "curve": 100.0 * pose_scores.pckh_curve(**words),
    }


def _per_cent(rates):
    """NaN where nobody has the joint, as MATLAB divides 0 by 0."""
    return [np.nan if rate is None else 100.0 * rate for rate in rates]


def _unit_image(case):
    return tf.constant(case.inputs()["image"] / _GREY_LEVELS, tf.float32)


def _maps_of_peaks(people, resolution):
    """Maps of zeros with a one at each peak, counted from 0."""
    maps = np.zeros((len(people), resolution, resolution, len(people[0])), np.float32)
    for person, joints in enumerate(people):
        for joint, peak in enumerate(joints):
            if peak is not None:
                maps[person, peak[1], peak[0], joint] = 1.0
    return maps


def _float64(value):
    return tf.constant(value, tf.float64)
