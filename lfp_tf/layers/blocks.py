"""Convolution, norm and ReLU as Keras layers under telling names, with the padding named."""

import dataclasses
from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.layers.affine import Affine
from lfp_tf.layers.batch_norm import BatchNorm
from lfp_tf.layers.convolution import Conv2D
from lfp_tf.layers.initializers import fan_in_uniform, fan_out_normal, xavier_fill
from lfp_tf.options import Norm

_KINDS = {"group_norm": "group", "batch_norm": "batch"}
# Of group norm, in Detectron and in PyTorch.
_EPSILON = 1e-5


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
    groups: int = 1,
) -> tf.Tensor:
    """A convolution without bias.

    Args:
        x: [B, H, W, C] Keras tensor.
        channels: channels out.
        kernel: rows and columns of the kernel, odd.
        padding: `symmetric` puts dilation * (kernel // 2) zeros on every side; `same` is
            TensorFlow's rule, which for stride 2 and an even size puts 0 before and 1 after.
        initializer: of the kernel; None draws as ResNet's are.
        groups: that many parts of the channels are convolved apart.

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
        groups=groups,
        kernel_initializer=initializer or fan_out_normal(),
        name=name,
    )(x)


def normalize(x: tf.Tensor, *, name: str, norm: Norm, relu: bool = True) -> tf.Tensor:
    """The norm under `name` that `norm` says, then a ReLU unless told otherwise."""
    x = norm_layer(norm, name=name)(x)
    return tf_keras.layers.ReLU(name=f"{name}_relu")(x) if relu else x


def norm_layer(norm: Norm, *, name: str, dtype: Any = None) -> tf_keras.layers.Layer:
    """The layer that a `Norm` says, of [B, H, W, C] or [R, C]; `dtype` None is the policy's."""
    shared = {"name": name, "dtype": dtype}
    if norm.kind == "affine":
        return Affine(**shared)
    if norm.kind == "group":
        return tf_keras.layers.GroupNormalization(norm.groups, epsilon=_EPSILON, **shared)
    return BatchNorm(**shared, **norm.arguments())


def convolve_as(
    x: tf.Tensor,
    channels: int,
    kernel: int,
    *,
    name: str,
    normalization: str,
    norm: Norm = Norm(),
    initializer: Any = None,
    relu: bool = False,
) -> tf.Tensor:
    """A convolution `NAME` with a bias, or without one and a norm `NAME_norm` behind it.

    Args:
        x: [B, H, W, C] Keras tensor.
        channels: channels out.
        kernel: rows and columns of the kernel, odd; zeros keep the size.
        name: of the layer.
        normalization: `none`, `group_norm` or `batch_norm`.
        norm: whose options the norm has.
        initializer: of the kernel; None is Caffe2's XavierFill.
        relu: whether a ReLU follows.

    Returns:
        [B, H, W, channels].
    """
    x = Conv2D(
        channels,
        kernel,
        padding="same",
        use_bias=normalization == "none",
        kernel_initializer=initializer or xavier_fill(),
        name=name,
    )(x)
    if normalization != "none":
        norm = dataclasses.replace(norm, kind=_KINDS[normalization])
        x = norm_layer(norm, name=f"{name}_norm")(x)
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
