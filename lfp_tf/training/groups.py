"""Which variables of a network are trained, decayed, and at what multiple of the rate."""

import re

from lfp_tf.checkpoints.variables import flat_layers, layer_variables
from lfp_tf.errors import LfpError

HEADS = r"^(pyramid|cls_|aux_|aspp_|reduce_|fc\d?[_/]|stack\d+_(out|merge_heatmaps))"
_KERNEL = r"/(kernel|depthwise_kernel)$"
_BIAS = r"/bias$"  # only classifiers have one
_NORM = r"/(gamma|beta)$"
DECAYED = {
    "all": r"",
    "kernels_and_classifier_bias": rf"{_KERNEL}|{_BIAS}",
    "kernels": _KERNEL,
}


def multiplier(name, *, head=10.0, head_bias=10.0, head_norm=10.0):
    """The learning-rate multiplier of a variable by our name (PSPNet spec D12, 4.4, 4.7;
    DeepLab spec 4.4).

    Args:
        name: `LAYER/LEAF`.
        head: of the heads' kernels.
        head_bias: of the classifiers' biases.
        head_norm: of the heads' gamma and beta.
    """
    if not re.search(HEADS, name):
        return 1.0
    if re.search(_BIAS, name):
        return head_bias
    return head_norm if re.search(_NORM, name) else head


def is_trained(name, *, trainable="all", gamma_beta=True, freeze=()):
    """Whether a variable is updated: `trainable` is `all` or `heads`, `freeze` are patterns."""
    if not gamma_beta and re.search(_NORM, name):
        return False
    if any(re.search(pattern, name) for pattern in freeze):
        return False
    return trainable == "all" or bool(re.search(HEADS, name))


def is_decayed(name, *, covers="all"):
    """Whether weight decay covers a variable: `covers` is a key of `DECAYED` (spec D16)."""
    return bool(re.search(DECAYED[covers], name))


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
