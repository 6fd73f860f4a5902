"""An image brought to the size at which DeepLab's demo shows it to the network."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from lfp_tf.ops.resize import resize_opencv


def fit_longer_side(images: np.ndarray, length: int) -> np.ndarray:
    """Resizes so that the longer side is `length`, keeping the aspect (DeepLab v2's demo).

    The factor is length / longer side in float64, the other side round-half-even(side * factor),
    and the factor sets the grid: `cv2.resize(..., fx=f, fy=f)`. OpenCV's own 8-bit arithmetic
    lies within one grey level.

    Args:
        images: [B, H, W, 3], grey levels 0..255.
        length: pixels of the longer side.

    Returns:
        uint8 [B, H', W', 3].
    """
    longer = tf.reduce_max(tf.shape(images)[1:3])
    factor = tf.constant(length, tf.float64) / tf.cast(longer, tf.float64)
    return _levels(resize_opencv(images, factors=(factor, factor)))


def fit_squashed(images: np.ndarray, size: Sequence) -> np.ndarray:
    """Resizes to (height, width) whatever the aspect (DeepLab v2's demo of 2018): uint8."""
    return _levels(resize_opencv(images, size=size))


def _levels(images):
    """Grey levels 0..255 of float ones, rounded half to even as OpenCV does."""
    return tf.cast(tf.clip_by_value(tf.round(images), 0.0, 255.0), tf.uint8)
