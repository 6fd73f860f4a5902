"""From an image to a detector's input: means, scale, padding, and `image_info`."""

import tensorflow as tf

from lfp_tf.ops.interpolation import resize_at_scale
from lfp_tf.ops.shapes import side

# B, G, R of the ImageNet networks that Detectron starts from.
MEANS_BGR = (102.9801, 115.9465, 122.7717)


def image_scale(
    size: tuple | tf.Tensor, *, target: float | tf.Tensor, largest: float | tf.Tensor
) -> tf.Tensor:
    """The factor that brings the short side to `target` and no side above `largest`.

    480 x 640 with 800 and 1333 gives 5/3 (Detectron's `blob.prep_im_for_blob`).

    Args:
        size: (height, width) of the image.
        target: pixels of the short side.
        largest: limit of the long side, pixels.

    Returns:
        float64 scalar.
    """
    height, width = tf.cast(size[0], tf.float64), tf.cast(size[1], tf.float64)
    short, long = tf.minimum(height, width), tf.maximum(height, width)
    scale = tf.cast(target, tf.float64) / short
    largest = tf.cast(largest, tf.float64)
    # `tf.round` rounds halves to the even number, as numpy does.
    return tf.where(tf.round(scale * long) > largest, largest / long, scale)


def scaled_size(size: tuple | tf.Tensor, scale: tf.Tensor) -> list[tf.Tensor]:
    """(height, width) of an image after scaling, int32 scalars; halves to the even number.

    A strip keeps a pixel, where the original's scaling fails.
    """
    lengths = [tf.round(tf.cast(length, tf.float64) * scale) for length in size]
    return [tf.cast(tf.maximum(length, 1.0), tf.int32) for length in lengths]


def padded_size(size: list | tf.Tensor, stride: int) -> list[tf.Tensor]:
    """(height, width), each up to a multiple of `stride`; 1 pads nothing."""
    return [-(-tf.cast(length, tf.int32) // stride) * stride for length in size]


def prepare_image(image: tf.Tensor, scale: tf.Tensor, *, means: tuple = MEANS_BGR) -> tf.Tensor:
    """Subtracts means, then resizes at exactly `scale`, not at the ratio of the rounded sizes.

    Args:
        image: [H, W, 3], B, G, R, 0..255.
        scale: of `image_scale`.
        means: of the three channels.

    Returns:
        float32 [height, width, 3].
    """
    centred = tf.cast(image, tf.float32) - tf.constant(means, tf.float32)
    size = scaled_size([side(image, 0), side(image, 1)], scale)
    return resize_at_scale(centred, size, scale)


def pad_image(image: tf.Tensor, size: list | tf.Tensor) -> tf.Tensor:
    """Fills up the bottom and the right with zeros, the colour of the means.

    Args:
        image: [height, width, 3].
        size: (H, W), no smaller.

    Returns:
        [H, W, 3].
    """
    bottom, right = size[0] - tf.shape(image)[0], size[1] - tf.shape(image)[1]
    return tf.pad(image, [[0, bottom], [0, right], [0, 0]])


def image_info(size: list | tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """float32 [3]: height, width, scale, as proposals are clipped by.

    In training the size is the scaled image's, in testing the padded one's, as in Detectron.
    """
    return tf.stack([*(tf.cast(length, tf.float32) for length in size), tf.cast(scale, tf.float32)])
