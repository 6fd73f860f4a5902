"""Convolution, batch norm and ReLU as Keras layers under telling names, with the padding named."""

from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.layers.batch_norm import BatchNorm
from lfp_tf.layers.convolution import Conv2D
from lfp_tf.layers.initializers import fan_in_uniform, fan_out_normal
from lfp_tf.options import Norm


def convolve(
    x: tf.Tensor,
    channels: int,
    kernel: int,
    *,
    name: str,
    stride: int = 1,
    dilation: int = 1,
    padding: str = "symmetric",
    initializer: Any = None,
) -> tf.Tensor:
    """A convolution without bias.

    Args:
        x: [B, H, W, C] Keras tensor.
        channels: channels out.
        kernel: rows and columns of the kernel, odd.
        padding: `symmetric` puts dilation * (kernel // 2) zeros on every side; `same` is
            TensorFlow's rule, which for stride 2 and an even size puts 0 before and 1 after.
        initializer: of the kernel; None draws as ResNet's are.

    Returns:
        [B, H', W', channels].
    """
    explicit = padding == "symmetric" and stride > 1 and kernel > 1
    if explicit:
        x = tf_keras.layers.ZeroPadding2D(dilation * (kernel // 2), name=f"{name}_pad")(x)
    return Conv2D(
        channels,
        kernel,
        strides=stride,
        dilation_rate=dilation,
        padding="valid" if explicit else "same",
        use_bias=False,
        kernel_initializer=initializer or fan_out_normal(),
        name=name,
    )(x)


def normalize(x: tf.Tensor, *, name: str, norm: Norm, relu: bool = True) -> tf.Tensor:
    """Batch norm under `name` as `norm` says, then a ReLU unless told otherwise."""
    x = BatchNorm(name=name, **norm.arguments())(x)
    return tf_keras.layers.ReLU(name=f"{name}_relu")(x) if relu else x


def conv_norm_relu(
    x: tf.Tensor,
    channels: int,
    kernel: int,
    *,
    name: str,
    norm: Norm,
    dilation: int = 1,
    number: int | str = "",
) -> tf.Tensor:
    """Convolution, batch norm and ReLU, drawn as PyTorch's are: what heads are made of.

    Args:
        x: [B, H, W, C] Keras tensor.
        channels: channels out.
        kernel: rows and columns of the kernel, odd.
        name: prefix of the layers `NAME_conv` and `NAME_bn`.
        norm: `Norm`.
        number: told at the end of these names.

    Returns:
        [B, H, W, channels].
    """
    x = convolve(
        x,
        channels,
        kernel,
        dilation=dilation,
        initializer=fan_in_uniform(),
        name=f"{name}_conv{number}",
    )
    return normalize(x, name=f"{name}_bn{number}", norm=norm)


def max_pool(x: tf.Tensor, *, padding: str, rounding: str, name: str) -> tf.Tensor:
    """Max-pool of 3 with stride 2 after a ReLU (Caffe rounds its size up).

    Args:
        padding: `symmetric` (1 on each side) or `same`.
        rounding: for `symmetric`: `floor` (PyTorch), or `ceil` (Caffe), where an even size gets
            one more row and column.
    """
    if padding == "symmetric":
        # Zeros never win: what comes in has passed a ReLU.
        after = 2 if rounding == "ceil" else 1
        x = tf_keras.layers.ZeroPadding2D(((1, after), (1, after)), name=f"{name}_pad")(x)
    return tf_keras.layers.MaxPool2D(
        3, 2, padding="valid" if padding == "symmetric" else "same", name=name
    )(x)
