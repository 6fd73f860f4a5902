"""Optimizers whose learning rate has one multiplier per variable, and the rate's schedule."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from official.modeling import optimization
from official.modeling.optimization import legacy_adamw
from tf_keras.src.optimizers.legacy import optimizer_v2

from lfp_tf.training.host_fields import Optimization


class Multiplied(optimizer_v2.OptimizerV2):
    """Scales the update of single variables, not their gradient (momentum stays as it is).

    The first base of each optimizer below; the second one's update is what gets the scaled rate.
    """

    def set_multipliers(self, multipliers: Mapping[str, float]) -> None:
        """Takes {`variable_key`: factor of the rate}; variables that are not in it have 1."""
        self._multipliers = multipliers

    def _resource_apply_dense(self, grad, var, apply_state=None):
        factor = getattr(self, "_multipliers", {}).get(variable_key(var), 1.0)
        if factor != 1.0:
            key = (var.device, var.dtype.base_dtype)
            values = dict((apply_state or {}).get(key) or self._fallback_apply_state(*key))
            values = {
                name: value * factor if name in ("lr_t", "lr", "neg_lr_t") else value
                for name, value in values.items()
            }
            apply_state = {key: values}
        return super()._resource_apply_dense(grad, var, apply_state)


class SGD(Multiplied, tf_keras.optimizers.legacy.SGD):
    """Caffe's form of momentum: v = m v - rate g; w += v."""


class _Caffe2Rates(tf_keras.optimizers.legacy.SGD):
    """The momentum of `Caffe2SGD` where the rate jumps."""

    def _prepare_local(self, var_device, var_dtype, apply_state):
        super()._prepare_local(var_device, var_dtype, apply_state)
        rate = self._get_hyper("learning_rate")
        if isinstance(rate, tf_keras.optimizers.schedules.LearningRateSchedule):
            # The rate is a function of the step, so the last one need not be stored.
            step = tf.cast(self.iterations, tf.float32)
            new = tf.cast(rate(step), var_dtype)
            old = tf.cast(rate(tf.maximum(step - 1.0, 0.0)), var_dtype)
            values = apply_state[(var_device, var_dtype)]
            values["momentum"] = values["momentum"] * momentum_factor(new, old)


class Caffe2SGD(Multiplied, _Caffe2Rates):
    """Caffe2's as Detectron uses it: `SGD`, but v goes along where the rate jumps.

    Where the rate changes by more than a factor 1.1, v is multiplied by new / old rate first
    (facebookresearch/Detectron `lib/modeling/detector.py`, `_CorrectMomentum`).
    """


class _TorchUpdate(tf_keras.optimizers.legacy.SGD):
    """The update of `TorchSGD`; the slot `momentum` holds v."""

    def _resource_apply_dense(self, grad, var, apply_state=None):
        key = (var.device, var.dtype.base_dtype)
        values = (apply_state or {}).get(key) or self._fallback_apply_state(*key)
        return tf.raw_ops.ResourceApplyMomentum(
            var=var.handle,
            accum=self.get_slot(var, "momentum").handle,
            lr=values["lr_t"],
            grad=grad,
            momentum=values["momentum"],
            use_nesterov=self.nesterov,
            use_locking=self._use_locking,
        )


class TorchSGD(Multiplied, _TorchUpdate):
    """PyTorch's form of momentum: v = m v + g; w -= rate v; a new rate acts on all of v at once.

    With `nesterov` w -= rate (g + m v), as TF1's optimizer too (tensorpack's ResNets).
    """


class _TorchRMSpropUpdate(tf_keras.optimizers.legacy.RMSprop):
    """The update of `TorchRMSprop`; the slot `rms` holds m."""

    def _resource_apply_dense(self, grad, var, apply_state=None):
        key = (var.device, var.dtype.base_dtype)
        values = (apply_state or {}).get(key) or self._fallback_apply_state(*key)
        rms = self.get_slot(var, "rms")
        rms.assign(values["rho"] * rms + values["one_minus_rho"] * tf.square(grad))
        # Its second half is the rest of RMSprop, in one operation; Keras takes nine.
        return tf.raw_ops.ResourceApplyAdagradV2(
            var=var.handle,
            accum=rms.handle,
            lr=values["lr_t"],
            epsilon=values["epsilon"],
            grad=grad,
            update_slots=False,
            use_locking=self._use_locking,
        )


class TorchRMSprop(Multiplied, _TorchRMSpropUpdate):
    """Torch's: m = rho m + (1 - rho) g^2; w -= rate g / (sqrt(m) + epsilon); m begins at 0."""


class Adam(Multiplied, tf_keras.optimizers.legacy.Adam):
    """Adam."""


class AdamW(Multiplied, legacy_adamw.AdamWeightDecay):
    """Adam with decoupled weight decay, the host's."""


class StepwiseSchedule(tf_keras.optimizers.schedules.LearningRateSchedule):
    """A schedule whose rate is renewed every so many steps only.

    DeepLab's is (kazuto1011/deeplab-pytorch `libs/utils/lr_scheduler.py:22-29`).

    Args:
        schedule: a schedule, or a number.
        every: steps for which a rate stays.
        last: no rate is renewed after this step; None where it has no end.
    """

    def __init__(self, schedule: Callable[[Any], Any] | float, every: int, last: int | None = None):
        super().__init__()
        self.schedule, self.every, self.last = schedule, every, last

    def __call__(self, step: int | tf.Tensor) -> float | tf.Tensor:
        """Gives the rate of the update that follows `step` others."""
        if not callable(self.schedule):
            return self.schedule
        step = tf.cast(step, tf.int64)
        step = step if self.last is None else tf.minimum(step, self.last)
        return self.schedule(step - step % self.every)  # pyright: ignore[reportOperatorIssue]

    def get_config(self) -> dict[str, Any]:
        """Gives the arguments, for saving."""
        return {"schedule": self.schedule, "every": self.every, "last": self.last}


OPTIMIZERS: dict[str | None, type[Multiplied]] = {
    "sgd": SGD,
    "caffe2_sgd": Caffe2SGD,
    "torch_sgd": TorchSGD,
    "torch_rmsprop": TorchRMSprop,
    "adam": Adam,
    "adamw": AdamW,
}


# Detectron's SCALE_MOMENTUM_THRESHOLD, and the least rate whose momentum it corrects.
_JUMP, _LEAST_RATE = 1.1, 1e-7


def variable_key(variable: tf.Variable) -> str:
    """Gives the one name that a variable and its copies on the replicas have in the slots."""
    return optimizer_v2._var_key(variable)


def build_optimizer(config: Optimization, *, train_steps: int) -> Multiplied:
    """Builds the optimizer of an experiment; its rate is a schedule of its `iterations`.

    Args:
        config: checked fields.
        train_steps: the end of a polynomial rate whose `decay_steps` is 0.
    """
    rate = build_rate(config, train_steps=train_steps)
    values = {k: v for k, v in config.optimizer.get().as_dict().items() if v is not None}
    return OPTIMIZERS[config.optimizer.type](learning_rate=rate, **values)


def build_rate(
    config: Optimization, *, train_steps: int
) -> float | tf_keras.optimizers.schedules.LearningRateSchedule:
    """Builds the learning rate's schedule, the host's but for `StepwiseSchedule`.

    Args:
        config, train_steps: as of `build_optimizer`.
    """
    rates = config.learning_rate.as_dict()
    if config.learning_rate.type == "polynomial" and not rates["polynomial"]["decay_steps"]:
        rates["polynomial"]["decay_steps"] = train_steps
    if config.learning_rate.type == "stepwise":
        # The host changes the rate after the update at a boundary; the originals with it.
        rates["stepwise"]["boundaries"] = [b - 1 for b in rates["stepwise"]["boundaries"]]
    host = optimization.OptimizationConfig(
        {
            # The factory asks for one; only its rate is taken.
            "optimizer": {"type": "sgd"},
            "learning_rate": rates,
            "warmup": config.warmup.as_dict(),
        }
    )
    rate = optimization.OptimizerFactory(host).build_learning_rate()
    if isinstance(rate, tf_keras.optimizers.schedules.PolynomialDecay):
        # It computes in the type of its first rate, and would round the others on the way to it.
        for name in ("initial_learning_rate", "end_learning_rate", "power"):
            setattr(rate, name, np.float64(getattr(rate, name)))
    if config.renew_every > 1:
        rate = StepwiseSchedule(rate, config.renew_every, getattr(rate, "decay_steps", None))
    return rate


def momentum_factor(new: tf.Tensor, old: tf.Tensor) -> tf.Tensor:
    """Gives what Detectron multiplies momentum by before an update at a new rate.

    Args:
        new, old: rates of this update and the one before, scalars.

    Returns:
        new / old where one is more than 1.1 times the other, else 1.
    """
    tiny = tf.constant(1e-10, new.dtype)
    jump = tf.maximum(new / tf.maximum(old, tiny), old / tf.maximum(new, tiny))
    is_corrected = (jump > _JUMP) & (old > _LEAST_RATE)
    return tf.where(is_corrected, new / tf.maximum(old, tiny), tf.ones_like(new))
