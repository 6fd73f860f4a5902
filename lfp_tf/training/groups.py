"""Which variables of a network are trained, decayed, and at what multiple of the rate."""

import re

from lfp_tf.checkpoints.variables import flat_layers, layer_variables
from lfp_tf.errors import LfpError

_KERNEL = r"/(kernel|depthwise_kernel)$"
_BIAS = r"/bias$"
_NORM = r"/(gamma|beta)$"
_NOTHING = r"$^"


def multiplier(name, *, heads, bias=1.0, head=1.0, head_bias=1.0, head_norm=1.0):
    """The learning-rate multiplier of a variable by our name.

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


def is_trained(name, *, heads, trainable="all", gamma_beta=True, freeze=()):
    """Whether a variable is updated: `trainable` is `all` or `heads`, `freeze` are patterns."""
    if not gamma_beta and re.search(_NORM, name):
        return False
    if any(re.search(pattern, name) for pattern in freeze):
        return False
    return trainable == "all" or bool(re.search(heads, name))


def is_decayed(name, *, covers="all", heads=_NOTHING):
    """Whether weight decay covers a variable.

    Args:
        name: `LAYER/LEAF`.
        covers: `all`, `kernels`, or `kernels_and_classifier_bias`: the heads' biases too.
        heads: as of `multiplier`.
    """
    if covers == "all" or re.search(_KERNEL, name):
        return True
    is_heads_bias = bool(re.search(_BIAS, name) and re.search(heads, name))
    return covers == "kernels_and_classifier_bias" and is_heads_bias


def freeze_layers(model, patterns):
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
