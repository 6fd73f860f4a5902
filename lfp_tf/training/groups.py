"""Which variables of a network are trained, decayed, and at what multiple of the rate."""

import re
from collections.abc import Iterable, Mapping, Sequence

import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.variables import flat_layers, layer_variables, variables_by_name
from lfp_tf.errors import LfpError
from lfp_tf.training.fields import TaskConfig

_KERNEL = r"/(kernel|depthwise_kernel)$"
_BIAS = r"/bias$"
_NORM = r"/(gamma|beta)$"
_NOTHING = r"$^"


def trained_variables(model: tf_keras.Model, config: TaskConfig) -> dict[str, tf.Variable]:
    """Gives {our name: variable} of what is updated."""
    trainable = {id(variable) for variable in model.trainable_variables}
    return {
        name: variable
        for name, variable in variables_by_name(model).items()
        if id(variable) in trainable
        and is_trained(
            name,
            trained=config.model.trained(config.trainable),
            gamma_beta=config.train_gamma_beta,
            freeze=config.freeze,
        )
    }


def multipliers(names: Iterable[str], config: TaskConfig) -> dict[str, float]:
    """Gives {our name: learning-rate multiplier} of variables."""
    return {
        name: multiplier(
            name,
            heads=config.model.HEADS,
            bias=config.bias_lr_multiplier,
            head=config.head_lr_multiplier,
            head_bias=config.head_bias_lr_multiplier,
            head_norm=config.head_norm_lr_multiplier,
        )
        for name in names
    }


def group_rates(rate: float, config: TaskConfig) -> dict[str, float]:
    """Gives {name: learning rate} of the groups of variables, for TensorBoard."""
    rates = {"learning_rate": rate}
    if config.bias_lr_multiplier != 1.0:
        rates["learning_rate_biases"] = rate * config.bias_lr_multiplier
    if config.head_lr_multiplier != 1.0:
        rates["learning_rate_heads"] = rate * config.head_lr_multiplier
    if config.head_bias_lr_multiplier != config.head_lr_multiplier:
        rates["learning_rate_head_biases"] = rate * config.head_bias_lr_multiplier
    return rates


def decayed(
    gradients: Sequence[tf.Tensor], variables: Mapping[str, tf.Variable], config: TaskConfig
) -> list[tf.Tensor]:
    """Adds weight decay to the gradients of the variables that it covers.

    Args:
        gradients: in the order of `variables`.
        variables: {our name: variable}.
        config: of the task.
    """
    losses = config.losses
    return [
        gradient + losses.weight_decay * variable
        if losses.weight_decay
        and is_decayed(name, heads=config.model.HEADS, covers=losses.weight_decay_covers)
        else gradient
        for gradient, (name, variable) in zip(gradients, variables.items(), strict=True)
    ]


def multiplier(
    name: str,
    *,
    heads: str,
    bias: float = 1.0,
    head: float = 1.0,
    head_bias: float = 1.0,
    head_norm: float = 1.0,
) -> float:
    """Gives the learning-rate multiplier of a variable by our name.

    Args:
        name: `LAYER/LEAF`.
        heads: regular expression of the names that are the network's heads.
        bias: of biases outside of the heads.
        head: of the heads' kernels.
        head_bias: of the heads' biases.
        head_norm: of the heads' gamma and beta.
    """
    is_bias = bool(re.search(_BIAS, name))
    if not re.search(heads, name):
        return bias if is_bias else 1.0
    if is_bias:
        return head_bias
    return head_norm if re.search(_NORM, name) else head


def is_trained(
    name: str,
    *,
    trained: str = "",
    gamma_beta: bool = True,
    freeze: Iterable[str] = (),
) -> bool:
    """Tells whether a variable is updated.

    Args:
        name: `LAYER/LEAF`.
        trained: regular expression of the names that are, see `Network.trained`.
        gamma_beta: whether gamma and beta of batch norm are.
        freeze: regular expressions of names that are not.
    """
    if not gamma_beta and re.search(_NORM, name):
        return False
    if any(re.search(pattern, name) for pattern in freeze):
        return False
    return bool(re.search(trained, name))


def is_decayed(name: str, *, covers: str = "all", heads: str = _NOTHING) -> bool:
    """Tells whether weight decay covers a variable.

    Args:
        name: `LAYER/LEAF`.
        covers: `all`, `kernels`, or `kernels_and_classifier_bias`: the heads' biases too.
        heads: as of `multiplier`.
    """
    if covers == "all" or re.search(_KERNEL, name):
        return True
    is_heads_bias = bool(re.search(_BIAS, name) and re.search(heads, name))
    return covers == "kernels_and_classifier_bias" and is_heads_bias


def freeze_layers(model: tf_keras.Model, patterns: Sequence[str]) -> None:
    """Freezes layers all of whose variables match a pattern of our names.

    Raises:
        LfpError: a pattern that is none, or that no variable matches.
    """
    matched = set()
    for layer in flat_layers(model):
        frozen = [_matching(name, patterns) for name in layer_variables(layer)]
        matched.update(*frozen)
        if frozen and all(frozen):
            layer.trainable = False
    for pattern in patterns:
        if pattern not in matched:
            raise LfpError(
                f"task.freeze has {pattern!r}, which no variable matches; `lfp-tf inspect` and "
                "`lfp-tf info` show their names."
            )


def _matching(name, patterns):
    try:
        return {pattern for pattern in patterns if re.search(pattern, name)}
    except re.error as error:
        raise LfpError(
            f"task.freeze must hold regular expressions, not {error.pattern!r}."
        ) from error
