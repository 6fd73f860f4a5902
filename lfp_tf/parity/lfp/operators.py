"""Cases of single operators: resizing, fractional pooling, sizes, initial weights."""

import math
from typing import Any

import numpy as np
import tensorflow as tf

from lfp_tf.layers.initializers import (
    ContribFanIn,
    branch_aware,
    fan_in_uniform,
    fan_out_truncated,
)
from lfp_tf.ops import torch_image
from lfp_tf.ops.fractional_pooling import fractional_max_pool, window_starts
from lfp_tf.ops.interpolation import (
    aligned_matrix,
    fractional_sizes,
    legacy_matrix,
    resize,
    scaled_size,
)
from lfp_tf.ops.nearest import resize_legacy_nearest
from lfp_tf.parity.golden import Case
from lfp_tf.parity.words import check, is_count, is_number, is_numbers

_METHODS = ("tf1_bilinear", "tf1_nearest", "torch_align_corners", "torch_image_scale")
_INITIALIZERS = ("branch_aware", "fan_out", "contrib_fan_in", "torch_default")
_LAYER = {
    "method": _INITIALIZERS,
    "kernel": is_count,
    "in": is_count,
    "out": is_count,
    "branches_in": is_count,
    "branches_out": is_count,
    "alpha": is_number,
}


def resize_matrices(case: Case) -> dict[str, Any]:
    """`resize`: the matrix of one axis, [out, in], for each pair of sizes."""
    check(case.config, {"method": _METHODS, "pairs": _are_pairs})
    return {
        f"m_{length}_{count}": _matrix(case.config["method"], length, count)
        for length, count in case.config["pairs"]
    }


def fractional_pooling(case: Case) -> dict[str, Any]:
    """`fractional_max_pool`: pooled maps, where their windows begin, and their enlargement."""
    check(case.config, {"resolution": is_count, "cardinality": is_count, "pool": (2,)})
    side, inputs = case.config["resolution"], case.inputs()
    results = {"sizes": fractional_sizes(side, case.config["cardinality"])}
    for level, size in enumerate(results["sizes"], start=1):
        samples = tf.constant(inputs[f"samples/{level}"])
        pooled = fractional_max_pool(tf.constant(inputs["x"]), (size, size), samples)
        results[f"pooled_{level}"] = pooled.numpy()
        results[f"upsampled_{level}"] = resize(pooled, (side, side), aligned_matrix).numpy()
        results[f"starts_w_{level}"] = window_starts(samples[0, :, 0], side, size).numpy()
    return results


def branch_sizes(case: Case) -> dict[str, Any]:
    """`branch_sizes`: sides of resampled maps by both roundings, and of fractional pooling."""
    check(case.config, {"sizes": is_numbers, "scales": is_numbers, "fractional": _are_pairs})
    config = case.config

    def table(precision):
        return [
            [scaled_size(size, scale, precision=precision) for scale in config["scales"]]
            for size in config["sizes"]
        ]

    return {
        "classifier": table("float64"),
        "detector": table("float32"),
        "fractional": {
            f"{side}/{levels}": fractional_sizes(side, levels)
            for side, levels in config["fractional"]
        },
    }


def initializer(case: Case) -> dict[str, Any]:
    """`initializer`: the number that each layer's kernel is drawn by."""
    check(case.config, {"layers": lambda layers: isinstance(layers, list)})
    for layer in case.config["layers"]:
        check(layer, _LAYER, where="config.layers")
    return {"parameter": [_parameter(layer) for layer in case.config["layers"]]}


def _matrix(method, length, count):
    if method == "tf1_bilinear":
        return np.asarray(legacy_matrix(length, count))
    if method == "torch_align_corners":
        return np.asarray(aligned_matrix(length, count))
    # Each pixel of a row alone, as a channel of its own.
    pixels = tf.eye(length)[:, None]
    if method == "tf1_nearest":
        return resize_legacy_nearest(pixels[None], (count, 1))[0, :, 0].numpy()
    return torch_image.scale(pixels, (count, 1))[:, 0].numpy()


def _parameter(layer):
    shape = (layer["kernel"], layer["kernel"], layer["in"], layer["out"])
    if layer["method"] == "branch_aware":
        branches = (layer["branches_in"], layer["branches_out"])
        return branch_aware(*branches, alpha=layer.get("alpha", 0.5)).deviation(shape)
    if layer["method"] == "contrib_fan_in":
        return ContribFanIn().deviation(shape)
    area = layer["kernel"] ** 2
    if layer["method"] == "fan_out":
        return math.sqrt(fan_out_truncated().scale / (area * layer["out"]))
    # A uniform draw's limit is sqrt(3) deviations.
    return math.sqrt(3.0 * fan_in_uniform().scale / (area * layer["in"]))


def _are_pairs(pairs):
    return isinstance(pairs, list) and all(is_numbers(pair) and len(pair) == 2 for pair in pairs)
