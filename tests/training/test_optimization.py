"""Optimizers by hand, their multipliers, and the schedules of rates."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from official.modeling import optimization as host

from lfp_tf.training import host_fields
from lfp_tf.training.optimization import (
    OPTIMIZERS,
    SGD,
    Adam,
    AdamW,
    Caffe2SGD,
    StepwiseSchedule,
    TorchRMSprop,
    TorchSGD,
    build_optimizer,
    build_rate,
    variable_key,
)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        *((SGD, {"momentum": 0.9}), (SGD, {"momentum": 0.9, "nesterov": True})),
        (Caffe2SGD, {"momentum": 0.9}),
        *((TorchSGD, {"momentum": 0.9, "nesterov": True}), (TorchSGD, {"momentum": 0.9})),
        *((TorchRMSprop, {}), (Adam, {}), (AdamW, {})),
    ],
)
def test_multipliers_scale_the_update(kind, options):
    def after(factor):
        made = kind(0.1, **options)
        weights = tf.Variable([1.0, 2.0])
        made.set_multipliers({variable_key(weights): factor})
        for _ in range(2):
            made.apply_gradients([(tf.constant([0.5, -1.0]), weights)])
        return weights.numpy() - [1.0, 2.0]

    np.testing.assert_allclose(after(3.0), 3.0 * after(1.0), rtol=1e-5)


def test_rmsprop_by_hand():
    weights = tf.Variable([1.0])
    TorchRMSprop(0.1, rho=0.99, epsilon=1e-8).apply_gradients([(tf.constant([2.0]), weights)])
    # m = 0.01 * 4 = 0.04; 1 - 0.1 * 2 / 0.2 = 0
    np.testing.assert_allclose(weights, [0.0], atol=1e-6)


def test_rmsprop_is_keras_own():
    config = {"learning_rate": 0.1, "rho": 0.9, "epsilon": 1e-3}
    steps = np.random.RandomState(0).randn(5, 64).astype(np.float32)

    def after(kind):
        weights = tf.Variable(tf.ones([64]))
        made = kind(**config)
        for step in steps:
            made.apply_gradients([(tf.constant(step), weights)])
        return weights.numpy()

    np.testing.assert_allclose(
        after(TorchRMSprop), after(tf_keras.optimizers.legacy.RMSprop), atol=1e-6
    )


def test_momentum_in_caffe2s_form_goes_along_where_the_rate_jumps():
    def weights_after(rates):
        steps = list(range(len(rates) - 1))
        rate = tf_keras.optimizers.schedules.PiecewiseConstantDecay(steps, rates)
        made, weights = Caffe2SGD(rate, momentum=0.5), tf.Variable([0.0])
        for _ in rates:
            made.apply_gradients([(tf.constant([1.0]), weights)])
        return weights.numpy()

    # v = 1, then 0.5 * 0.1 * 1 + 0.1.
    np.testing.assert_allclose(weights_after([1.0, 0.1]), [-1.15], rtol=1e-6)
    # Upwards too: v = 0.1, then 0.5 * 10 * 0.1 + 1.
    np.testing.assert_allclose(weights_after([0.1, 1.0]), [-1.6], rtol=1e-6)
    # A change of less than a tenth leaves v as it is: 1, then 0.5 + 0.95.
    np.testing.assert_allclose(weights_after([1.0, 0.95]), [-2.45], rtol=1e-6)


def test_momentum_in_torchs_form_takes_a_new_rate_at_once():
    weights, rate = tf.Variable([0.0]), tf.Variable(0.1)
    made = TorchSGD(lambda: rate, momentum=0.5)
    made.apply_gradients([(tf.constant([1.0]), weights)])
    rate.assign(1.0)
    made.apply_gradients([(tf.constant([1.0]), weights)])
    # v = 1, then 0.5 + 1; w = -0.1 * 1 - 1.0 * 1.5.
    np.testing.assert_allclose(weights, [-1.6], rtol=1e-6)
    # Caffe's form keeps the old rate in what it remembers: v = -0.1, then -0.05 - 1.
    weights, rate = tf.Variable([0.0]), tf.Variable(0.1)
    made = SGD(lambda: rate, momentum=0.5)
    made.apply_gradients([(tf.constant([1.0]), weights)])
    rate.assign(1.0)
    made.apply_gradients([(tf.constant([1.0]), weights)])
    np.testing.assert_allclose(weights, [-0.1 - 1.05], rtol=1e-6)


def optimization(optimizer, rate, *, warmup=None, **more):
    """Fields: `optimizer` and `rate` are (type, {field: value})."""
    fields = host_fields.Optimization(**more)
    for choice, (kind, values) in (
        *((fields.optimizer, optimizer), (fields.learning_rate, rate)),
        (fields.warmup, warmup or (None, {})),
    ):
        choice.type = kind
        for name, value in values.items():
            setattr(choice.get(), name, value)
    return fields


CONSTANT = ("constant", {"learning_rate": 0.25})
POLY = ("polynomial", {"initial_learning_rate": 0.1, "end_learning_rate": 0.0, "power": 0.9})


@pytest.mark.parametrize("kind", host_fields.OptimizerChoice().names())
def test_every_optimizer_is_built_from_its_fields(kind):
    values = {"momentum": 0.7} if "sgd" in kind else {"epsilon": 0.125}
    made = build_optimizer(optimization((kind, values), CONSTANT), train_steps=9)
    assert type(made) is OPTIMIZERS[kind]
    config = made.get_config()
    assert {name: config[name] for name in values} == pytest.approx(values)
    np.testing.assert_allclose(made.learning_rate, 0.25)


def test_a_polynomial_rate_without_an_end_ends_with_the_training():
    rate = build_rate(optimization(("sgd", {}), POLY), train_steps=40)
    for step in (0, 1, 17, 39, 40, 60):
        expected = 0.1 * (1 - min(step, 40) / 40) ** 0.9
        np.testing.assert_allclose(rate(step), expected, rtol=1e-6, atol=1e-12)
    fields = optimization(("sgd", {}), (POLY[0], POLY[1] | {"decay_steps": 20}))
    assert float(build_rate(fields, train_steps=40)(20)) == 0.0


@pytest.mark.parametrize(
    ("rate", "warmup"),
    [
        (("cosine", {"initial_learning_rate": 0.5, "decay_steps": 10}), None),
        (("exponential", {"initial_learning_rate": 0.5, "decay_steps": 3, "decay_rate": 0.5}), None),
        (CONSTANT, ("linear", {"warmup_learning_rate": 0.01, "warmup_steps": 4})),
        (CONSTANT, ("polynomial", {"power": 2.0, "warmup_steps": 4})),
    ],
)  # fmt: skip
def test_rates_are_the_hosts(rate, warmup):
    fields = optimization(("sgd", {}), rate, warmup=warmup)
    ours = build_rate(fields, train_steps=10)
    config = host.OptimizationConfig(
        {
            "optimizer": {"type": "sgd"},
            "learning_rate": fields.learning_rate.as_dict(),
            "warmup": fields.warmup.as_dict(),
        }
    )
    theirs = host.OptimizerFactory(config).build_learning_rate()
    for step in range(11):
        rate, expected = (r(step) if callable(r) else r for r in (ours, theirs))
        np.testing.assert_allclose(rate, expected, rtol=1e-7)


def test_a_rate_holds_for_some_steps_and_to_the_end():
    rate = build_rate(optimization(("sgd", {}), POLY, renew_every=10), train_steps=35)
    rates = [float(rate(step)) for step in range(36)]
    assert len(set(rates[:10])) == len(set(rates[10:20])) == 1
    np.testing.assert_allclose(rates[25], 0.1 * (1 - 20 / 35) ** 0.9, rtol=1e-6)
    constant = StepwiseSchedule(0.5, 10)
    assert constant(7) == 0.5 and constant.get_config()["every"] == 10


def test_the_update_at_a_boundary_has_the_new_rate():
    config = optimization(
        ("sgd", {}), ("stepwise", {"boundaries": [3, 6], "values": [1.0, 0.5, 0.1]})
    )
    rate = build_rate(config, train_steps=9)
    rates = [float(rate(tf.constant(step, tf.int64))) for step in range(8)]
    np.testing.assert_allclose(rates, [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.1, 0.1])
