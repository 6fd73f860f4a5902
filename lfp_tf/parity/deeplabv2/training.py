"""Cases of DeepLab's training: losses, gradients, updates, groups, rates."""

import hashlib
from typing import Any

import numpy as np
import tensorflow as tf

from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.parity.deeplabv2.words import NETWORK, Trial, build, revision_name
from lfp_tf.parity.golden import Case
from lfp_tf.parity.words import check, is_count, is_number
from lfp_tf.recipes import overrides
from lfp_tf.recipes.config import of_network
from lfp_tf.tasks.segmentation.losses import labels_for_loss, loss_counts, loss_sums
from lfp_tf.tasks.segmentation.task import Task
from lfp_tf.training.groups import is_decayed, multiplier
from lfp_tf.training.history import MovingAverage
from lfp_tf.training.objective import mean_losses
from lfp_tf.training.optimization import build_optimizer

LABELS = {"ignore_label": (255, -1), "label_resize": ("pil_nearest", "opencv_nearest")}
RATES = {
    "lr": is_number,
    "poly_power": is_number,
    "lr_decay": is_count,
    "iter_max": is_count,
}
# Learning rate of kernels and biases of the heads, over that of the trunk
# (kazuto1011/deeplab-pytorch main.py, get_params).
_MULTIPLIERS = {"head": 10.0, "head_bias": 20.0}
_GROUPS = {"1x": 1.0, "10x": _MULTIPLIERS["head"], "20x": _MULTIPLIERS["head_bias"]}


def loss(case: Case) -> dict[str, Any]:
    """`loss`: the four means and their sum, of given logits."""
    is_names = lambda value: isinstance(value, list)  # noqa: E731
    words = LABELS | {"revision": ("newest", "seed"), "num_classes": is_count, "outputs": is_names}
    check(case.config, words)
    config, inputs = case.config, case.inputs()
    outputs = {name: tf.constant(inputs[name]) for name in config["outputs"]}
    truth = _truth(inputs["labels"], config["ignore_label"])
    labels = {
        name: labels_for_loss(truth, logits, label_size=config["label_resize"])
        for name, logits in outputs.items()
    }
    counts = loss_counts(labels)
    losses = mean_losses(loss_sums(outputs, labels), counts, weights=dict.fromkeys(outputs, 1.0))
    return {
        "loss": float(losses["loss"]),
        "loss_per_output": [float(losses[name]) for name in outputs],
        "valid_pixels": [int(counts[name]) for name in outputs],
    }


def loss_and_gradients(case: Case) -> dict[str, Any]:
    """`loss_and_gradients`: gradients of the summed loss by the original's names."""
    trial = Trial(case, NETWORK | LABELS)
    task = Task(_experiment(case.config))
    trained = {id(variable) for variable in trial.model.trainable_variables}
    variables = {n: v for n, v in trial.variables.items() if id(v) in trained}
    inputs = case.inputs()
    losses, gradients = task.gradients(
        _batch(inputs["image"], inputs["labels"], case.config),
        trial.model,
        list(variables.values()),
    )
    results: dict[str, Any] = {"loss": float(losses["loss"])}
    for name, gradient in zip(variables, gradients, strict=True):
        results[f"grad:{trial.their_name(name)}"] = _theirs(tf.convert_to_tensor(gradient).numpy())
    return results


def train_step(case: Case) -> dict[str, Any]:
    """`train_step`: some updates of the task's own step, in pieces."""
    words = NETWORK | LABELS | RATES
    words |= {"steps": is_count, "iter_size": is_count, "momentum": is_number}
    trial = Trial(case, words | {"weight_decay": is_number})
    config, inputs = case.config, case.inputs()
    params = _experiment(config)
    params.trainer.accumulation_steps = config["iter_size"]
    task = Task(params)
    optimizer = task.create_optimizer(params.trainer.optimizer_config)
    task.prepare_optimizer(optimizer, trial.model)
    update = tf.function(lambda batch: task.train_step(batch, trial.model, optimizer))
    before = {name: variable.numpy() for name, variable in trial.variables.items()}
    pieces = zip(*(_steps(inputs[name], config) for name in ("images", "labels")), strict=True)
    losses, rates = [], []
    for step, (images, labels) in enumerate(pieces):
        rates.append(float(optimizer.learning_rate(step)))
        losses.append(float(update(_batch(images, labels, config))[task.loss]))
    changes = {n: (v.numpy() - before[n]) / config["lr"] for n, v in trial.variables.items()}
    trained = task.trained_variables(trial.model)
    return {
        "losses": losses,
        "rates": rates,
        "frozen_changed": sum(bool(np.any(c)) for n, c in changes.items() if n not in trained),
    } | {f"update:{trial.their_name(n)}": _theirs(change) for n, change in changes.items()}


def optimizer_groups(case: Case) -> dict[str, Any]:
    """`optimizer_groups`: which variables have which multiple of the rate."""
    check(case.config, NETWORK | {"base_weight_decay": is_number})
    config = case.config
    model = build(config)
    variables = variables_by_name(model)
    task = Task(_experiment(config))
    trained, heads = task.trained_variables(model), task.task_config.model.HEADS
    prefix = {"newest": "base.", "seed": "scale."}[config["revision"]] * bool(config["msc_scales"])
    results, frozen = {}, []
    groups = {group: [] for group in _GROUPS}
    for name in variables:
        if name in trained:
            factor = multiplier(name, heads=heads, **_MULTIPLIERS)
            groups[next(g for g, value in _GROUPS.items() if value == factor)].append(name)
        elif "/moving_" not in name:
            frozen.append(name)
    for group, names in (groups | {"frozen": frozen}).items():
        theirs = sorted(prefix + revision_name(name, config["revision"]) for name in names)
        results[f"names_{group}"] = theirs
        results[f"count_{group}"] = len(theirs)
        results[f"elements_{group}"] = sum(variables[name].shape.num_elements() for name in names)
        results[f"digest_{group}"] = hashlib.sha256("\n".join(theirs).encode()).hexdigest()
    decayed = [any(is_decayed(n, covers="kernels") for n in names) for names in groups.values()]
    results["lr_multipliers"] = list(_GROUPS.values())
    results["weight_decay"] = [config["base_weight_decay"] * one for one in decayed]
    return results


def schedule(case: Case) -> dict[str, Any]:
    """`schedule`: rates of the three groups, by step from 1."""
    check(case.config, RATES | {"revision": ("newest", "seed")})
    params = _experiment(case.config)
    optimizer = build_optimizer(
        params.trainer.optimizer_config, train_steps=params.trainer.train_steps
    )
    rates = [float(optimizer.learning_rate(int(step) - 1)) for step in case.inputs()["steps"]]
    return {"rates": [[rate * factor for factor in _GROUPS.values()] for rate in rates]}


def moving_average(case: Case) -> dict[str, Any]:
    """`moving_average`: mean and deviation of the last losses, after each."""
    check(case.config, {"window": is_count})
    meter = MovingAverage(case.config["window"])
    averages = [meter.add(float(value)) for value in case.inputs()["losses"]]
    return {
        "mean": [mean for mean, _ in averages],
        "deviation": [deviation for _, deviation in averages],
    }


def _truth(labels, ignore_label):
    """Labels whose ignored value is 255, as records hold them."""
    labels = tf.constant(labels, tf.int32)
    return tf.where(labels == ignore_label, 255, labels)


def _batch(images, labels, config):
    """A training batch as the pipeline gives it: RGB images."""
    images = tf.constant(images, tf.float32)[..., ::-1]
    return {
        "images": images,
        "labels": _truth(labels, config["ignore_label"]),
        "keys": tf.zeros([len(images), 2], tf.int32),
    }


def _steps(values, config):
    """[steps * pieces, b, ...] as [steps, pieces * b, ...]: the pieces of a step in a row."""
    return values.reshape(config["steps"], -1, *values.shape[2:])


def _theirs(array):
    return np.transpose(array, (3, 2, 0, 1)) if array.ndim == 4 else array


def _experiment(config):
    """The experiment that a case's words describe; the rest is the published recipe."""
    params: Any = of_network("deeplabv2")
    task, trainer = params.task, params.trainer
    task.model.classes = config.get("num_classes", 1)
    task.model.scales = config.get("msc_scales") or []
    task.losses.aux_weight = 0.0
    task.losses.normalization = "piece"
    task.losses.label_size = config.get("label_resize", "pil_nearest")
    task.losses.weight_decay = config.get("weight_decay", 0.0)
    task.losses.weight_decay_covers = "kernels"
    task.train_gamma_beta = False
    task.head_lr_multiplier = _MULTIPLIERS["head"]
    task.head_bias_lr_multiplier = _MULTIPLIERS["head_bias"]
    if "lr" in config:
        trainer.train_steps = config["iter_max"]
        overrides.apply(
            trainer.optimizer_config,
            {
                "optimizer": {
                    "type": "torch_sgd",
                    "torch_sgd": {"momentum": config.get("momentum", 0.9)},
                },
                "learning_rate": {
                    "type": "polynomial",
                    "polynomial": {
                        "initial_learning_rate": config["lr"],
                        "end_learning_rate": 0.0,
                        "power": config["poly_power"],
                        "decay_steps": config["iter_max"],
                    },
                },
                "renew_every": config["lr_decay"],
            },
        )
    return params
