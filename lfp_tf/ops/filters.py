"""Smoothing of images."""

import tensorflow as tf

_BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
BLUR_MARGIN = 2  # Pixels a side that the blur takes away.


def gaussian_blur(images: tf.Tensor) -> tf.Tensor:
    """`cv2.GaussianBlur(image, (5, 5), 0)`: weights 1 4 6 4 1 over 16 along both axes.

    The border is mirrored without repeating the edge pixel: 0 1 2 is continued as 2 1 0 1 2 1 0.

    Args:
        images: float [B, H, W, C].

    Returns:
        float32 of the same shape.
    """
    size = tf.shape(images)[1:3]
    return gaussian_blur_window(
        images, tf.zeros([2], tf.int32), size, tf.zeros([2], tf.int32), size
    )


def gaussian_blur_window(
    images: tf.Tensor, source_low: tf.Tensor, size: tf.Tensor, low: tf.Tensor, high: tf.Tensor
) -> tf.Tensor:
    """The window low..high of a blurred image from one that reaches two pixels further.

    Args:
        images: float [B, H, W, C], a window of the image that begins at `source_low`; it ends
            two pixels behind `high` or with the image.
        source_low: int32 [2], (row, column).
        size: int32 [2] of the whole image.
        low, high: int32 [2], the window of the result.

    Returns:
        float32 [B, *(high - low), C].
    """
    for axis in (0, 1):
        start, last = source_low[axis], size[axis]
        before = tf.range(low[axis] - BLUR_MARGIN, start)
        end = start + tf.shape(images)[axis + 1]
        after = tf.range(end, high[axis] + BLUR_MARGIN)
        # Only the missing edges are gathered: pixel by pixel it would take as long as the blur.
        sides = [
            tf.gather(images, mirrored(indices, last) - start, axis=axis + 1)
            for indices in (before, after)
        ]
        images = tf.concat([sides[0], images, sides[1]], axis=axis + 1)
    return gaussian_blur_inside(images)


def gaussian_blur_inside(images: tf.Tensor) -> tf.Tensor:
    """`gaussian_blur` where all taps lie in the image: [B, H, W, C] to [B, H-4, W-4, C]."""
    channels = images.shape[3]
    weights = tf.tile(tf.constant(_BINOMIAL)[:, None], [1, channels])
    images = tf.cast(images, tf.float32)
    images = tf.nn.depthwise_conv2d(images, weights[:, None, :, None], [1] * 4, "VALID")
    return tf.nn.depthwise_conv2d(images, weights[None, :, :, None], [1] * 4, "VALID")


def mirrored(indices: tf.Tensor, length: int | tf.Tensor) -> tf.Tensor:
    """Indices brought into 0..length-1 by mirroring at the edge pixels (`BORDER_REFLECT_101`)."""
    indices = tf.math.floormod(indices, tf.maximum(2 * (length - 1), 1))
    return tf.where(indices < length, indices, 2 * (length - 1) - indices)
