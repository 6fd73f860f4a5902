"""Our plain fields of optimizer, rate, trainer and runtime are the host's, but for what is listed."""

import dataclasses
import typing

import pytest
from official.core import config_definitions
from official.modeling import optimization
from official.modeling.optimization.configs import optimization_config as host_optimization

from lfp_tf.training import host_fields

# Ours: {field: (our default, the host's)}.
OTHER_DEFAULTS = {
    host_fields.Trainer: {"steps_per_loop": (1, 1000), "summary_interval": (100, 1000)},
}
# Fields that the host does not have.
ADDITIONAL = {
    host_fields.Trainer: {
        "accumulation_steps",
        "average_loss",
        "early_stopping",
        "preview_images",
        "seed",
    },
    host_fields.Optimization: {"renew_every"},
    host_fields.OptimizerChoice: {"caffe2_sgd", "torch_rmsprop", "torch_sgd"},
}
# Optimizers of the host that cannot scale single variables' rates.
LEFT_OUT = {
    *("adafactor", "adafactor_keras", "adagrad", "adam_experimental", "adamw_experimental"),
    *("lamb", "lars", "rmsprop", "sgd_experimental", "slide"),
}


def pairs():
    """(our group, the host's) of every group of fields, those inside others too."""
    waiting = [
        (host_fields.Trainer(), config_definitions.TrainerConfig()),
        (host_fields.Runtime(), config_definitions.RuntimeConfig()),
    ]
    while waiting:
        ours, theirs = waiting.pop()
        yield ours, theirs
        for name in names(ours):
            if dataclasses.is_dataclass(getattr(ours, name)) and name in names(theirs):
                waiting.append((getattr(ours, name), getattr(theirs, name)))


def names(group):
    return [field.name for field in dataclasses.fields(group)]


PAIRS = list(pairs())
IDS = [type(ours).__name__ for ours, _ in PAIRS]


def test_every_group_of_ours_is_compared():
    groups = {
        kind
        for kind in vars(host_fields).values()
        if dataclasses.is_dataclass(kind) and kind.__module__ == host_fields.__name__
    }
    own = {host_fields.Optimizer, host_fields.Caffe2SGD}
    own |= {host_fields.TorchSGD, host_fields.TorchRMSprop}
    assert {type(ours) for ours, _ in PAIRS} == groups - own


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=IDS)
def test_names_are_the_hosts(ours, theirs):
    assert set(names(ours)) - set(names(theirs)) == ADDITIONAL.get(type(ours), set())
    left_out = LEFT_OUT if isinstance(ours, host_fields.OptimizerChoice) else set()
    assert set(names(theirs)) - set(names(ours)) == left_out


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=IDS)
def test_defaults_and_their_types_are_the_hosts(ours, theirs):
    others = OTHER_DEFAULTS.get(type(ours), {})
    for name in set(names(ours)) & set(names(theirs)):
        own, host = getattr(ours, name), getattr(theirs, name)
        if dataclasses.is_dataclass(own):
            continue
        assert (own, host) == others.get(name, (host, host)), name
        assert type(own) is type(host), name


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=IDS)
def test_what_may_be_null_in_the_host_may_be_so_here(ours, theirs):
    own, host = typing.get_type_hints(type(ours)), typing.get_type_hints(type(theirs))
    for name in set(own) & set(host):
        # The host's moving average of weights is not used: `ema` is null here.
        if name != "ema" and not isinstance(host[name], type):
            assert is_optional(own[name]) or not is_optional(host[name]), name
            assert kinds(own[name]) == kinds(host[name]), name


def is_optional(hint):
    return type(None) in typing.get_args(hint)


def kinds(hint):
    """The plain types that a hint allows, lists by what they hold."""
    inner = [kind for kind in typing.get_args(hint) if kind is not type(None)]
    return {str(kind).replace("typing.List", "list") for kind in inner} or {str(hint)}


def test_the_moving_average_of_weights_can_only_be_null():
    assert typing.get_type_hints(host_fields.Optimization)["ema"] is type(None)
    assert host_fields.Optimization().ema is None is optimization.OptimizationConfig().ema


def test_no_choice_is_made_by_default():
    for ours, theirs in PAIRS:
        if isinstance(ours, host_fields.OneOf):
            assert ours.type is theirs.type is None and ours.get() is None


@pytest.mark.parametrize("rate", host_fields.RateChoice().names())
def test_our_fields_of_a_rate_build_the_hosts(rate):
    """The host takes them as they are written down."""
    ours = host_fields.RateChoice(type=rate).as_dict()
    assert host_optimization.LrConfig(ours).as_dict()[rate] == ours[rate]
