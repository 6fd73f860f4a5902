"""Smoothing of pictures."""

import tensorflow as tf

_BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
BLUR_MARGIN = 2  # Pixels a side that the blur takes away.


def gaussian_blur(images):
    """`cv2.GaussianBlur(image, (5, 5), 0)`: weights 1 4 6 4 1 over 16 along both axes.

    The border is mirrored without repeating the edge pixel: 0 1 2 is continued as 2 1 0 1 2 1 0.

    Args:
        images: float [B, H, W, C].

    Returns:
        float32 of the same shape.
    """
    for axis in (1, 2):
        length = tf.shape(images)[axis]
        indices = tf.range(-BLUR_MARGIN, length + BLUR_MARGIN)
        images = tf.gather(images, mirrored(indices, length), axis=axis)
    return gaussian_blur_inside(images)


def gaussian_blur_inside(images):
    """`gaussian_blur` where all taps lie in the picture: [B, H, W, C] to [B, H-4, W-4, C]."""
    channels = images.shape[3]
    weights = tf.tile(tf.constant(_BINOMIAL)[:, None], [1, channels])
    images = tf.cast(images, tf.float32)
    images = tf.nn.depthwise_conv2d(images, weights[:, None, :, None], [1] * 4, "VALID")
    return tf.nn.depthwise_conv2d(images, weights[None, :, :, None], [1] * 4, "VALID")


def mirrored(indices, length):
    """Indices brought into 0..length-1 by mirroring at the edge pixels (`BORDER_REFLECT_101`)."""
    indices = tf.math.floormod(indices, tf.maximum(2 * (length - 1), 1))
    return tf.where(indices < length, indices, 2 * (length - 1) - indices)
