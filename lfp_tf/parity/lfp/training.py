"""Cases of training: losses and gradients, optimizers, published rates."""

import re
from typing import Any

import numpy as np
import tensorflow as tf

from lfp_tf.parity.golden import Case
from lfp_tf.parity.lfp.network import heatmaps
from lfp_tf.parity.lfp.rates import (
    STAGES,
    coco_rate,
    imagenet_rate,
    pose_rate,
    stage_rate,
)
from lfp_tf.parity.lfp.trial import Trial
from lfp_tf.parity.lfp.words import LAYER, NETWORK, TRAINING
from lfp_tf.parity.words import UnknownWord, check, is_count, is_number, is_numbers
from lfp_tf.recipes.config import of_network
from lfp_tf.tasks.segmentation.task import Task
from lfp_tf.training.groups import is_decayed
from lfp_tf.training.optimization import OPTIMIZERS

_RUNNING = re.compile(r"/moving_(mean|variance)$")
_ORIGINAL_RULE = "original (0.1 before epoch 30)"
_RATES = {
    "imagenet": {"batch": is_count, "rule": (_ORIGINAL_RULE,)},
    "voc": {"stage": tuple(STAGES)},
    "coco": {
        "gpus": is_count,
        "value": ("the learning_rate variable, before the division by 8/gpus",),
    },
    "pose": {"learning_rate": is_number, "steps": is_numbers, "gamma": is_number},
}
_OPTIMIZER = {
    "optimizer": ("nesterov", "momentum", "rmsprop"),
    "learning_rate": is_number,
    "momentum": is_number,
    "alpha": is_number,
    "epsilon": is_number,
}
_IGNORED = 255
_CLASSES_WITH_LABELS = 21


def loss_and_gradients(case: Case) -> dict[str, Any]:
    """`loss_and_gradients`: losses, the term of weight decay, gradients of their sum."""
    known = LAYER if "layer" in case.config else NETWORK
    config = dict(case.config)
    if config.get("network") == "pyramid_voc":
        case.config = config | {"multi_scale": True}
    trial, inputs = Trial(case, known | TRAINING, further=TRAINING), case.inputs()
    if config.get("network") == "pyramid_voc":
        return _of_task(trial, inputs)
    return _of_tape(trial, inputs)


def optimizer(case: Case) -> dict[str, Any]:
    """`optimizer`: the weights after each of four updates."""
    check(case.config, _OPTIMIZER)
    words, inputs = case.config, case.inputs()
    if words["optimizer"] == "rmsprop":
        kind = OPTIMIZERS["torch_rmsprop"]
        made = kind(words["learning_rate"], rho=words["alpha"], epsilon=words["epsilon"])
    else:
        made = OPTIMIZERS["torch_sgd"](
            words["learning_rate"],
            momentum=words["momentum"],
            nesterov=words["optimizer"] == "nesterov",
        )
    weights, trace = tf.Variable(inputs["w"]), []
    for step in range(4):
        made.apply_gradients([(tf.constant(inputs[f"g{step}"]), weights)])
        trace.append(weights.numpy())
    return {"trace": np.stack(trace)}


def schedule(case: Case) -> dict[str, Any]:
    """`schedule`: published rates at finished epochs, steps or epochs."""
    words = dict(case.config)
    recipe, at = words.pop("recipe"), words.pop("at")
    check({"recipe": recipe, "at": at}, {"recipe": tuple(_RATES), "at": is_numbers})
    check(words, _RATES[recipe])
    if recipe == "imagenet":
        is_original = words.get("rule") == _ORIGINAL_RULE
        rates = [imagenet_rate(e, batch=words["batch"], original=is_original) for e in at]
    elif recipe == "voc":
        rates = [stage_rate(epoch, stage=words["stage"]) for epoch in at]
    elif recipe == "coco":
        rates = [coco_rate(step, gpus=words["gpus"]) for step in at]
    else:
        first, steps, factor = words["learning_rate"], words["steps"], words["gamma"]
        rates = [pose_rate(epoch, first=first, drops=steps, factor=factor) for epoch in at]
    return {"learning_rate": rates}


def _of_tape(trial, inputs):
    """A classifier, an hourglass or a single layer: the loss computed here."""
    variables = {n: v for n, v in trial.variables.items() if not _RUNNING.search(n)}
    x = tf.constant(inputs["x"]) if trial.layer else None
    with tf.GradientTape(persistent=True) as tape:
        if x is not None:
            tape.watch(x)
        outputs = trial.outputs(inputs | {"x": x})
        losses = _losses(trial, outputs, inputs)
        loss = tf.add_n(losses)
        decay = _decay(trial, variables)
        total = loss + decay
    gradients = dict(zip(variables, tape.gradient(total, list(variables.values())), strict=True))
    results = {
        "loss": float(loss),
        "losses": [float(one) for one in losses],
        "weight_decay": float(decay),
        "total_cost": float(total),
    }
    if x is not None:
        results |= {"y": outputs.numpy(), "grad_x": tape.gradient(total, x).numpy()}
    elif "target" in inputs:
        results |= heatmaps(outputs)
    else:
        results["logits"] = outputs["logits"].numpy()
    moved = {n: v.numpy() for n, v in trial.variables.items() if _RUNNING.search(n)}
    return results | trial.theirs(moved, "new/") | _named(trial, gradients)


def _of_task(trial, inputs):
    """The VOC network, by the task that trains it."""
    config = trial.config
    params: Any = of_network("lfp_segmentation")
    params.task.model.classes = config["classes"]
    params.task.losses.aux_weight = 0.0
    params.task.losses.normalization = "piece"
    params.task.losses.label_size = "map"
    params.task.trainable = {"joint": "all", "head": "heads"}[config["stage"]]
    task = Task(params)
    variables = task.trained_variables(trial.model)
    labels = tf.constant(inputs["label"], tf.int32)
    batch = {
        "images": tf.constant(inputs["image"])[..., ::-1],
        "labels": tf.where(labels >= _CLASSES_WITH_LABELS, _IGNORED, labels),
        "keys": tf.zeros([len(labels), 2], tf.int32),
    }
    losses, gradients = task.gradients(batch, trial.model, list(variables.values()))
    decay = _decay(trial, variables)
    rate = config.get("weight_decay", 0.0)
    gradients = {
        name: gradient + rate * variables[name] if is_decayed(name, covers="kernels") else gradient
        for name, gradient in zip(variables, gradients, strict=True)
    }
    names = ("logits", "logits_1", "logits_0.75", "logits_0.5")
    return {
        "loss": float(losses["loss"]),
        "losses": [float(losses[name]) for name in names],
        "weight_decay": float(decay),
        "total_cost": float(losses["loss"] + decay),
        "trainable": len(variables),
    } | _named(trial, gradients)


def _losses(trial, outputs, inputs):
    """The parts of the loss, added up in training."""
    if trial.layer:
        return [tf.reduce_mean(tf.square(outputs))]
    if "target" in inputs:
        return [tf.reduce_mean(tf.square(maps - inputs["target"])) for maps in outputs.values()]
    if "label" not in inputs:
        raise UnknownWord("The case has neither a label nor a target.")
    labels = tf.constant(inputs["label"], tf.int32)
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, outputs["logits"])
    return [tf.reduce_mean(entropy)]


def _decay(trial, variables):
    """wd / 2 times the sum of the kernels' squares."""
    kernels = [v for name, v in variables.items() if is_decayed(name, covers="kernels")]
    half = trial.config.get("weight_decay", 0.0) / 2
    return half * tf.add_n([tf.reduce_sum(tf.square(kernel)) for kernel in kernels])


def _named(trial, gradients):
    """Gradients under the case's names, and their norms in the order of its weights."""
    arrays = {n: tf.convert_to_tensor(g).numpy() for n, g in gradients.items()}
    theirs = trial.theirs(arrays, "grad/")
    order = [f"grad/{name}" for name in trial.names]
    norms = [float(np.linalg.norm(theirs[name])) for name in order if name in theirs]
    return theirs | {"gradient_norms": norms}
