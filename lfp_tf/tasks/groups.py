"""Which variables of a network are trained, decayed, and at what multiple of the rate."""

import re

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
