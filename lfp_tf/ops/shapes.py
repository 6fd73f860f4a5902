"""Sizes of a tensor: Python numbers where they are known, tensors where they are not."""

from collections.abc import Sequence

import tensorflow as tf


def side(tensor: tf.Tensor, axis: int) -> int | tf.Tensor:
    """The length of one axis: an int where it is static, else a scalar int32 tensor."""
    static = tensor.shape[axis]
    return static if static is not None else tf.shape(tensor)[axis]


def height_width(images: tf.Tensor) -> tuple:
    """(height, width) of [B, H, W, ...]: ints where static, else scalar int32 tensors."""
    return side(images, 1), side(images, 2)


def sides(size: Sequence | tf.Tensor) -> list:
    """The two sides of a size that may be one tensor [2]."""
    return tf.unstack(size) if tf.is_tensor(size) else list(size)


def size_tensor(size: Sequence | tf.Tensor) -> tf.Tensor:
    """int32 [2] of a size (height, width)."""
    return tf.cast(tf.stack(sides(size)), tf.int32)
