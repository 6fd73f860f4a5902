"""Cases of the original's recipes: what its flags make of them, and the rates that follow.

The original scales a recipe by the batch that it is given (dongzhang89/FPT tools/train_net_step.py
:165-222); our commands take the numbers themselves. The recipes are those of `experiments/fpt`.
"""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from lfp_tf.errors import LfpError
from lfp_tf.fields import value_at
from lfp_tf.parity.fpt.words import check_all
from lfp_tf.parity.golden import Case
from lfp_tf.parity.words import UnknownWord, check, is_count, is_number, is_numbers
from lfp_tf.recipes.config import of_experiment
from lfp_tf.training.fields import Experiment
from lfp_tf.training.groups import group_rates
from lfp_tf.training.host_fields import (
    LinearWarmup,
    Optimization,
    RateChoice,
    StepwiseRate,
    WarmupChoice,
)
from lfp_tf.training.optimization import build_rate, momentum_factor

_RECIPES = {
    "det": "fpt_fasterrcnn_resnet50_coco",
    "mask": "fpt_maskrcnn_resnet50_coco",
}
_WARMUPS = ("linear", "constant")
SCHEDULE = {
    "recipe": tuple(_RECIPES),
    "flags": {"bs": is_count, "gpus": is_count, "iter_size": is_count},
    "overrides": {"STEPS": is_numbers, "MAX_ITER": is_count},
    "warm_up_iters": is_count,
    "warm_up_factor": is_number,
    "warm_up_method": _WARMUPS,
    "steps": is_numbers,
}
FLAGS = {
    "recipe": tuple(_RECIPES),
    "argv": lambda value: isinstance(value, list) and all(isinstance(w, str) for w in value),
    "devices": is_count,
}
# The original's GPUs, its images a GPU and step, and steps from one checkpoint to the next.
_GPUS, _SNAPSHOT = 8, 20000
# How far apart two rates of that type may be, relatively.
_FLOAT32 = 1e-6


@dataclasses.dataclass
class Scaled:
    """A recipe as the original's flags leave it.

    Attributes:
        batch: images of a step, of all GPUs.
        gpus: number of them.
        accumulated: batches of an update, whose gradients are summed.
        rate: before the first decay.
        steps: 0, and the steps of each decay.
        last: number of steps.
        gamma: factor of a decay.
        collect_scale: factor of the proposals that the images of a GPU share.
    """

    batch: int
    gpus: int
    accumulated: int
    rate: float
    steps: list[int]
    last: int
    gamma: float
    collect_scale: float


def scaled(params: Experiment, *, batch: int | None, gpus: int, accumulated: int) -> Scaled:
    """A recipe with another batch: the rate grows with it, the number of steps falls.

    The rate does not grow with the accumulated batches, though their gradients are summed.

    Args:
        params: the recipe.
        batch: images of a step; None takes the recipe's.
        gpus: number of them.
        accumulated: batches of an update.

    Raises:
        UnknownWord: GPUs that do not divide the batch.
    """
    stepwise = params.trainer.optimizer_config.learning_rate.stepwise
    boundaries, rates = stepwise.boundaries or [], stepwise.values or []
    before = params.task.train_data.global_batch_size
    batch = batch or before
    if batch % gpus:
        raise UnknownWord(f"config: {gpus} GPUs do not divide a batch of {batch}.")
    factor = before / (batch * accumulated)
    return Scaled(
        batch=batch,
        gpus=gpus,
        accumulated=accumulated,
        rate=rates[0] * (batch / before),
        steps=[int(step * factor + 0.5) for step in (0, *boundaries)],
        last=int(params.trainer.train_steps * factor + 0.5),
        gamma=rates[1] / rates[0],
        collect_scale=(batch // gpus) / (before // _GPUS),
    )


def config_flags(case: Case) -> dict[str, Any]:
    """`config_flags`: what a recipe becomes under flags, by the original's names."""
    config = case.config
    check_all(config, FLAGS)
    params, given = of_experiment(_RECIPES[config["recipe"]]), _parsed(config["argv"])
    collected = value_at(params, "task.proposals.post_nms")
    one = scaled(
        params,
        batch=given.get("bs"),
        gpus=config["devices"],
        accumulated=given.get("iter_size", 1),
    )
    return {
        "batch_size": one.batch,
        "NUM_GPUS": one.gpus,
        "IMS_PER_BATCH": one.batch // one.gpus,
        "effective_batch_size": one.batch * one.accumulated,
        "BASE_LR": given.get("lr", one.rate),
        "STEPS": one.steps,
        "MAX_ITER": one.last,
        "RPN_COLLECT_SCALE": one.collect_scale,
        "rois_collected_in_training": int(collected * one.collect_scale),
        "GAMMA": given.get("lr_decay_gamma", one.gamma),
        "checkpoint_every": int(_SNAPSHOT / one.gpus),
        "TYPE": given.get("o", "SGD"),
    }


def schedule(case: Case) -> dict[str, Any]:
    """`schedule`: rates of kernels and biases, and where the original scales momentum."""
    config = case.config
    optional = {name: SCHEDULE[name] for name in ("flags", "overrides")}
    check_all(config, {n: r for n, r in SCHEDULE.items() if n not in optional}, optional)
    params, flags = of_experiment(_RECIPES[config["recipe"]]), config.get("flags", {})
    one = scaled(
        params,
        batch=flags.get("bs"),
        gpus=flags.get("gpus", _GPUS),
        accumulated=flags.get("iter_size", 1),
    )
    overrides = config.get("overrides", {})
    one = dataclasses.replace(
        one,
        steps=overrides.get("STEPS", one.steps),
        last=overrides.get("MAX_ITER", one.last),
    )
    rate = _rate(one, config)
    rates = [rate(step) for step in config["steps"]]
    _check_ours(one, config, rates)
    biases = [group_rates(value, params.task)["learning_rate_biases"] for value in rates]
    jumps = sorted({*one.steps[1:], *(s + 1 for s in one.steps[1:]), config["warm_up_iters"]})
    factors = [(s, _factor(rate, s)) for s in jumps if s < one.last]
    return {
        "lr": rates,
        "bias_lr": biases,
        "original_momentum_scalings": [[s, factor] for s, factor in factors if factor != 1.0],
    }


def _check_ours(one, config, rates):
    """Refuses where the trainer's rates, float32 numbers, are others."""
    rate: Any = build_rate(_optimization(one, config), train_steps=one.last)
    ours = [float(rate(step)) for step in config["steps"]]
    if not np.allclose(ours, rates, rtol=_FLOAT32, atol=0):
        raise LfpError(f"the trainer's rates are {ours}.")


def _factor(rate, step):
    new, old = (tf.constant(rate(s), tf.float64) for s in (step, step - 1))
    return float(momentum_factor(new, old))


def _rate(one, config):
    """The function of a step to its rate."""
    pairs, end = _pairs(one, config), config["warm_up_iters"]

    def rate(step):
        own = [value for first, value in pairs if first <= step][-1]
        if config["warm_up_method"] == "constant" or step >= end:
            return own
        share = step / end
        return one.rate * (config["warm_up_factor"] * (1 - share) + share)

    return rate


def _pairs(one, config):
    """[(step, rate from there)] of the recipe; of a linear warm-up what comes after it."""
    if config["warm_up_method"] == "constant":
        return _constant_beginning(one, config)
    return [(step, one.rate * one.gamma**n) for n, step in enumerate(one.steps)]


def _optimization(one, config):
    """The host's fields that give the original's rates."""
    pairs = _pairs(one, config)
    linear = LinearWarmup(
        warmup_learning_rate=one.rate * config["warm_up_factor"],
        warmup_steps=config["warm_up_iters"],
    )
    is_linear = config["warm_up_method"] == "linear"
    warmup = WarmupChoice("linear", linear=linear) if is_linear else WarmupChoice()
    boundaries, values = [step for step, _ in pairs[1:]], [value for _, value in pairs]
    stepwise = StepwiseRate(boundaries=boundaries, values=values)
    return dataclasses.replace(
        Optimization(),
        learning_rate=RateChoice("stepwise", stepwise=stepwise),
        warmup=warmup,
    )


def _constant_beginning(one, config):
    """[(step, rate from there)] with one rate up to a step.

    A decay before that lasts for one step in the original, which then sets the first rate again;
    at the end of the warm-up the rate is the recipe's own, whatever was decayed before.
    """
    end, first = config["warm_up_iters"], one.rate * config["warm_up_factor"]
    early = [step for step in one.steps[1:] if step < end]
    late = [step for step in one.steps[1:] if step >= end]
    decays = [pair for step in early for pair in ((step, first * one.gamma), (step + 1, first))]
    own = [(step, one.rate * one.gamma**n) for n, step in enumerate([end, *late])]
    return [(0, first), *decays, *own]


_ARGUMENTS = {
    "--bs": int,
    "--iter_size": int,
    "--lr": float,
    "--lr_decay_gamma": float,
    "--o": str,
}


def _parsed(argv):
    """{flag: value} of the original's command line."""
    flags, texts = argv[::2], argv[1::2]
    check(dict.fromkeys(flags), {flag: lambda _: True for flag in _ARGUMENTS}, where="argv")
    if len(flags) != len(texts):
        raise UnknownWord(f"config.argv ends without the value of {flags[-1]}.")
    return {f.removeprefix("--"): _ARGUMENTS[f](t) for f, t in zip(flags, texts, strict=True)}
