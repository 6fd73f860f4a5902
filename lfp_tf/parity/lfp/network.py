"""Cases that look through a network or a layer: outputs, variables, files."""

import pathlib
import re
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.lineages import recognise
from lfp_tf.checkpoints.load import TRANSLATIONS
from lfp_tf.checkpoints.names.pspnet import TRAINER_VARIABLES
from lfp_tf.checkpoints.read import identify, read_checkpoint
from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.errors import LfpError
from lfp_tf.parity.golden import Case
from lfp_tf.parity.lfp.trial import Trial
from lfp_tf.parity.lfp.words import LAYER, NETWORK, SIZES, build, check_words
from lfp_tf.tasks.classification.networks import LFPClassifier
from lfp_tf.tasks.pose.networks import Hourglass
from lfp_tf.tasks.segmentation.networks import LFPSegmentation
from lfp_tf.training.groups import is_trained

_HEADS = "|".join(kind.HEADS for kind in (LFPSegmentation, LFPClassifier, Hourglass))
_RUNNING = re.compile(r"/moving_(mean|variance)$")
# What the cases call our outputs.
_STAGES = {"c2": "stage1", "c3": "stage2", "c4": "stage3", "c5": "stage4"}
_SCALES = {"logits_100": "logits_1", "logits_075": "logits_0.75", "logits_05": "logits_0.5"}
_FORMATS = {"tensorpack_npz": "npz", "tf1_checkpoint": "tf1"}


def layer(case: Case) -> dict[str, Any]:
    """`layer`: what one unit makes of its input."""
    return {"y": Trial(case, LAYER).outputs(case.inputs()).numpy()}


def forward(case: Case) -> dict[str, Any]:
    """`forward`: logits in evaluation mode, of each scale, and the maps of the four stages."""
    trial, inputs = Trial(case, NETWORK), case.inputs()
    values = trial.outputs(inputs)
    results = {name: values[ours].numpy() for name, ours in _SCALES.items() if ours in values}
    if "c2" in case.entry["expected"]:
        results |= _maps(trial, inputs)
    return results | {"logits": values["logits"].numpy()}


def forward_train(case: Case) -> dict[str, Any]:
    """`forward_train`: logits with the statistics of the batch."""
    values = Trial(case, NETWORK).outputs(case.inputs())
    return {"logits": values["logits"].numpy()}


def hourglass(case: Case) -> dict[str, Any]:
    """`hourglass`: the raw heat maps of each stack."""
    return heatmaps(Trial(case, NETWORK).outputs(case.inputs()))


def heatmaps(outputs) -> tf.Tensor:
    """{the cases' name, which counts stacks from 0: heat maps}."""
    return {
        f"heatmaps_{number}": outputs[f"heatmaps_{number + 1}"].numpy()
        for number in range(len(outputs))
    }


def parameter_count(case: Case) -> dict[str, Any]:
    """`parameter_count`: elements of weights, running statistics and the head."""
    check_words(case.config, NETWORK)
    # Variables are the same for images of any size; a known one makes half the graph.
    variables = variables_by_name(build(case.config, (64, 64, 3)))
    sizes = {name: variable.shape.num_elements() for name, variable in variables.items()}
    weights = {name: size for name, size in sizes.items() if not _RUNNING.search(name)}
    heads = [size for n, size in weights.items() if is_trained(n, trained=_HEADS)]
    return {
        "parameters": sum(weights.values()),
        "with_running_statistics": sum(sizes.values()),
        "weight_tensors": len(weights),
        "trainable_in_stage_head": sum(heads),
    }


def checkpoint(case: Case) -> dict[str, Any]:
    """`checkpoint`: what a file gives a network, and the logits of that."""
    words = {"format": tuple(_FORMATS), "file": lambda name: isinstance(name, str)}
    path = pathlib.Path(case.folder) / case.config["file"]
    file_format = identify(path)
    if file_format != _FORMATS[case.config["format"]]:
        raise LfpError(f"{path.name} was taken for {file_format}, not {case.config['format']}.")
    raw = read_checkpoint(path)
    lineage: Any = recognise(raw)
    plain = TRANSLATIONS[lineage.names].plain(raw, [])
    arrays = {name: a for name, a in plain.items() if not TRAINER_VARIABLES.search(name)}
    trial = Trial(case, NETWORK | SIZES | words, further=words, arrays=arrays)
    total = sum(np.abs(v.numpy(), dtype=np.float64).sum() for v in trial.variables.values())
    return {
        "logits": trial.outputs(case.inputs())["logits"].numpy(),
        "variables": len(trial.report.loaded),
        "weight_sum": float(total),
    }


def _maps(trial, inputs):
    """{name of the case: the map of a stage}."""
    ends = {}
    for candidate in trial.model.layers:
        if match := re.fullmatch(r"(stage\d)_block\d+", candidate.name):
            ends[match[1]] = candidate.output
    model = tf_keras.Model(trial.model.inputs, ends)
    maps = model(trial.prepared(inputs["image"]), training=False)
    return {name: maps[stage].numpy() for name, stage in _STAGES.items()}
