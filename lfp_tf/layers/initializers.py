"""How new kernels and biases are drawn, by the originals' rules."""

import math
from typing import Any

import tensorflow as tf
import tf_keras


def fan_out_normal() -> tf_keras.initializers.Initializer:
    """Normal of standard deviation sqrt(2 / fan_out), for backbone kernels (semseg resnet.py)."""
    return tf_keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")


def fan_out_truncated() -> tf_keras.initializers.Initializer:
    """`fan_out_normal` cut off at two deviations and made up for it (tensorpack's ResNets)."""
    return tf_keras.initializers.VarianceScaling(2.0, "fan_out", "truncated_normal")


def fan_in_uniform() -> tf_keras.initializers.Initializer:
    """Uniform in +-1 / sqrt(fan_in): PyTorch's default for convolution kernels."""
    return tf_keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def xavier_fill() -> tf_keras.initializers.Initializer:
    """Uniform in +-sqrt(3 / fan_in): Caffe2's XavierFill, PyTorch's kaiming_uniform_ of a = 1."""
    return tf_keras.initializers.VarianceScaling(1.0, "fan_in", "uniform")


def bias_uniform(fan_in: int) -> tf_keras.initializers.Initializer:
    """Uniform in +-1 / sqrt(fan_in): PyTorch's default for the bias of that kernel."""
    limit = fan_in**-0.5
    return tf_keras.initializers.RandomUniform(-limit, limit)


class _ByShape(tf_keras.initializers.Initializer):
    """An initializer whose `deviation` follows from the kernel's shape."""

    def deviation(self, shape: list) -> float:
        """The standard deviation of a kernel [kh, kw, in, out] or [in, out]."""
        raise NotImplementedError


@tf_keras.utils.register_keras_serializable("lfp_tf")
class ContribFanIn(_ByShape):
    """`variance_scaling_initializer` of TF1's contrib: normal of sqrt(2.6 / fan_in), cut at 2.

    The 1.3 is contrib's round value of what the cut takes from the variance.
    """

    def deviation(self, shape: list) -> float:
        """Of the normal before the cut."""
        return math.sqrt(1.3 * 2.0 / math.prod(shape[:-1]))

    def __call__(self, shape, dtype=None, **_):
        """Draws [kh, kw, in, out] or [in, out]."""
        return tf.random.truncated_normal(shape, 0.0, self.deviation(shape), dtype or tf.float32)


@tf_keras.utils.register_keras_serializable("lfp_tf")
class BranchAware(_ByShape):
    """Normal of variance 1 / (alpha^2 (C_i n_i + C_o n_o)) (Yang et al. 2017, equation 15).

    With one branch on both sides and n_i = n_o it is He's 2 / n. An example: the 1x1 kernel of 28
    to 128 channels behind a sum of four branches has 4 / (4 * 28 + 128) = 1 / 60.

    Args:
        branches_in: C_i, branches that are summed before the layer.
        branches_out: C_o, branches that take the layer's output.
        alpha: 0.5 where a ReLU stands before the layer, 1 without one.
    """

    def __init__(self, branches_in=1, branches_out=1, alpha=0.5):
        self.branches_in = branches_in
        self.branches_out = branches_out
        self.alpha = alpha

    def deviation(self, shape: list) -> float:
        """Of a kernel [kh, kw, in, out]: n_i = kh kw in, n_o = kh kw out."""
        area = math.prod(shape[:-2])
        total = area * (self.branches_in * shape[-2] + self.branches_out * shape[-1])
        return 1.0 / (self.alpha * math.sqrt(total))

    def __call__(self, shape, dtype=None, **_):
        """Draws [kh, kw, in, out]."""
        return tf.random.normal(shape, 0.0, self.deviation(shape), dtype or tf.float32)

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        names = ("branches_in", "branches_out", "alpha")
        return {name: getattr(self, name) for name in names}


def branch_aware(
    branches_in: int = 1, branches_out: int = 1, alpha: float = 0.5
) -> tf_keras.initializers.Initializer:
    """`BranchAware` of the paper on pyramid residual modules."""
    return BranchAware(branches_in, branches_out, alpha)
