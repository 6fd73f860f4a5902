"""How new kernels and biases are drawn, by the originals' rules."""

import tf_keras


def fan_out_normal():
    """Normal of standard deviation sqrt(2 / fan_out), for backbone kernels (semseg resnet.py)."""
    return tf_keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")


def fan_in_uniform():
    """Uniform in +-1 / sqrt(fan_in): PyTorch's default for convolution kernels."""
    return tf_keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def bias_uniform(fan_in):
    """Uniform in +-1 / sqrt(fan_in): PyTorch's default for the bias of that kernel."""
    limit = fan_in**-0.5
    return tf_keras.initializers.RandomUniform(-limit, limit)
