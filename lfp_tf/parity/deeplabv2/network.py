"""Cases that look through a DeepLab: its outputs, their sizes, its variables and its files."""

import pathlib
import re
from typing import Any

import numpy as np
import tensorflow as tf

from lfp_tf.checkpoints.lineages import recognise
from lfp_tf.checkpoints.load import TRANSLATIONS
from lfp_tf.checkpoints.read import read_checkpoint
from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.ops.resize import LIKE, floored_length
from lfp_tf.options import scale_output
from lfp_tf.parity.deeplabv2.words import NETWORK, Trial, build
from lfp_tf.parity.golden import Case
from lfp_tf.parity.words import check, is_numbers

_RUNNING = re.compile(r"/moving_(mean|variance)$")


def forward(case: Case) -> dict[str, Any]:
    """`forward`: logits in evaluation mode."""
    trial = Trial(case)
    return {"logits": trial.outputs(case.inputs()["image"])["logits"].numpy()}


def forward_train(case: Case) -> dict[str, Any]:
    """`forward_train`: each scale's logits and their maximum; batch norm is frozen."""
    trial = Trial(case)
    values = trial.outputs(case.inputs()["image"])
    scales = (1, *case.config["msc_scales"])
    results = {scale_output(scale): values[scale_output(scale)].numpy() for scale in scales}
    return results | {"logits_max": values["logits"].numpy()}


def predict(case: Case) -> dict:
    """`predict`: probabilities and labels at the label's size."""
    rules = {"label_size": is_numbers, "logits_resize": tuple(LIKE)}
    trial = Trial(case, NETWORK | rules)
    logits = trial.outputs(case.inputs()["image"])["logits"]
    size = tf.zeros([1, *case.config["label_size"], 1])
    values = tf.nn.softmax(LIKE[case.config["logits_resize"]](logits, size)).numpy()
    return {"probabilities": values, "labels": np.argmax(values, -1)}


def logit_shape(case: Case) -> dict[str, Any]:
    """`logit_shape`: sizes of the logits by scale, computed from a network's own graph."""
    check(
        case.config,
        {
            "model": ("deeplabv2",),
            "msc_scales": is_numbers,
            "msc_resize": ("half_pixel",),
        },
    )
    scales = case.config["msc_scales"]
    # The sizes do not depend on depth, width or classes.
    model = build(
        {
            "model": "deeplabv2",
            "n_blocks": [1, 1, 1, 1],
            "num_classes": 1,
            "width": 1,
            "atrous_rates": [1],
            "msc_scales": None,
        }
    )
    sizes = []
    for height, width in case.inputs()["image_sizes"]:
        image = [int(height), int(width)]
        at_scale = [image] + [
            [int(floored_length(side, scale)) for side in image] for scale in scales
        ]
        sizes.append([_logit_size(model, size) for size in at_scale])
    return {"sizes": sizes}


def parameter_count(case: Case) -> dict[str, Any]:
    """`parameter_count`: elements of weights and of running statistics."""
    check(case.config, NETWORK)
    sizes = {n: v.shape.num_elements() for n, v in variables_by_name(build(case.config)).items()}
    running = {name: size for name, size in sizes.items() if _RUNNING.search(name)}
    return {
        "parameters": sum(sizes.values()) - sum(running.values()),
        "running_statistics": sum(running.values()),
        "variables": len(sizes) - len(running),
    }


def checkpoint(case: Case) -> dict[str, Any]:
    """`checkpoint`: a file's arrays under the newest names, and the logits they give."""
    words = NETWORK | {
        "format": ("caffemodel", "torch_zip", "torch_legacy"),
        "prefix": ("base.", ""),
    }
    inputs = case.inputs()
    raw = read_checkpoint(pathlib.Path(case.folder) / inputs["file"])
    lineage: Any = recognise(raw)
    translation = lineage.names
    trial = Trial(case, words, arrays=raw, translation=translation)
    arrays = {
        case.config["prefix"] + name: np.asarray(array, np.float32)
        for name, array in TRANSLATIONS[translation].plain(raw, []).items()
        if not name.endswith("num_batches_tracked")
    }
    names = sorted(arrays)
    moments = [
        [float(a.mean(dtype=np.float64)), float(a.std(dtype=np.float64)), float(np.abs(a).max())]
        for a in (arrays[name] for name in names)
    ]
    return {
        "names": names,
        "elements": [arrays[name].size for name in names],
        "moments": moments,
        "logits": trial.outputs(inputs["image"])["logits"].numpy(),
    } | {f"var:{name}": array for name, array in arrays.items()}


def _logit_size(model, size):
    """[h, w] of the logits of an image of that size."""
    concrete = tf.function(model).get_concrete_function(tf.TensorSpec([1, *size, 3]))
    return list(concrete.structured_outputs["logits"].shape[1:3])
