"""The training transforms on whole images, each with its choice made (`util/transform.py`).

They say what the recipes of `hszhao/semseg` do and, where named `legacy`, those of
`hellochick/PSPNet-tensorflow image_reader.py`; parity and tests use them. Training itself uses
`lfp_tf.data.segmentation.augmentations`, which gives the same numbers for the crop alone.

Every function takes and gives images [B, H, W, 3], float32 grey levels, and labels [B, H, W].
Arguments have the originals' names.
"""

import math
from collections.abc import Sequence

import tensorflow as tf

from lfp_tf.errors import LfpError
from lfp_tf.ops import filters, geometry, nearest, resize
from lfp_tf.ops.shapes import height_width


def rand_scale(
    images: tf.Tensor, labels: tf.Tensor, *, scale: float, aspect_ratio: float = 1.0
) -> tuple:
    """Resizes by factors as `cv2.resize`: the width by scale * r, the height by scale / r.

    Args:
        images, labels: as above; so in all functions here.
        scale: factor.
        aspect_ratio: r squared.
    """
    ratio = math.sqrt(aspect_ratio)
    factors = (scale / ratio, scale * ratio)
    images = resize.resize_opencv(images, factors=factors)
    return images, nearest.resize_opencv_nearest(labels, factors=factors)


def legacy_scale(images: tf.Tensor, labels: tf.Tensor, *, scale: float) -> tuple:
    """TF1's random scale: both sides trunc(side * scale) in float32, legacy resizing."""
    factor = tf.constant(scale, tf.float32)
    size = [tf.cast(tf.cast(side, tf.float32) * factor, tf.int32) for side in _size(labels)]
    return (
        resize.resize_legacy_bilinear(images, size),
        nearest.resize_legacy_nearest(labels, size),
    )


def rand_rotate(
    images: tf.Tensor,
    labels: tf.Tensor,
    *,
    angle: float,
    padding: tuple,
    ignore_label: int = 255,
) -> tuple:
    """Turns about the middle by degrees, anti-clockwise; the size stays, corners get `padding`."""
    size = tf.stack(_size(labels))
    whole = (tf.zeros([2], tf.int32), size, tf.constant(angle, tf.float64), [0, 0], size)
    turned = [geometry.turn_window(image, *whole, fill=padding) for image in tf.unstack(images)]
    maps = [geometry.turn_labels_window(x, *whole, fill=ignore_label) for x in tf.unstack(labels)]
    return tf.stack(turned), tf.stack(maps)


def gaussian_blur(images: tf.Tensor, labels: tf.Tensor, *, radius: int = 5) -> tuple:
    """The blur of 5x5 pixels; `radius` is the original's word for the kernel's side."""
    if radius != 5:
        raise LfpError(f"The blur has 5x5 pixels, not {radius}x{radius}; no recipe uses another.")
    return filters.gaussian_blur(images), labels


def horizontal_flip(images: tf.Tensor, labels: tf.Tensor) -> tuple:
    """Left and right change places."""
    return images[:, :, ::-1], labels[:, :, ::-1]


def vertical_flip(images: tf.Tensor, labels: tf.Tensor) -> tuple:
    """Top and bottom change places."""
    return images[:, ::-1], labels[:, ::-1]


def crop(
    images: tf.Tensor,
    labels: tf.Tensor,
    *,
    size: Sequence,
    padding: Sequence,
    offset: Sequence | str | None = None,
    ignore_label: int = 255,
    at_end: bool = False,
) -> tuple:
    """Cuts a window out of images that are first padded to at least its size.

    Args:
        images, labels: as above.
        size: (height, width).
        padding: grey levels of what is added, one a channel.
        offset: (row, column) in the padded image; None takes the middle, rounded down.
        ignore_label: label of what is added.
        at_end: pads at bottom and right (TF1); else half, rounded down, comes before.
    """
    sides = _size(labels)
    missing = [tf.maximum(length - side, 0) for length, side in zip(size, sides, strict=True)]
    before = [0 if at_end else pad // 2 for pad in missing]
    edges = [[0, 0], *([b, pad - b] for b, pad in zip(before, missing, strict=True))]
    padding = tf.constant(padding, tf.float32)
    images = tf.pad(tf.cast(images, tf.float32) - padding, [*edges, [0, 0]]) + padding
    labels = tf.pad(labels, edges, constant_values=ignore_label)
    if offset is None:
        offset = [(side - length) // 2 for length, side in zip(size, _size(labels), strict=True)]
    top, left = offset
    bottom, right = top + size[0], left + size[1]
    return images[:, top:bottom, left:right], labels[:, top:bottom, left:right]


def resize_to(images: tf.Tensor, labels: tf.Tensor, *, size: Sequence) -> tuple:
    """Resizes to (height, width): OpenCV's bilinear, labels by its nearest."""
    images = resize.resize_opencv(images, size=size)
    return images, nearest.resize_opencv_nearest(labels, size=size)


def normalize(images: tf.Tensor, labels: tf.Tensor, *, mean: Sequence, std: Sequence) -> tuple:
    """(images - mean) / std, all in grey levels."""
    return (images - tf.constant(mean, tf.float32)) / tf.constant(std, tf.float32), labels


def rgb_to_bgr(images: tf.Tensor, labels: tf.Tensor) -> tuple:
    """Turns the channel order round."""
    return images[..., ::-1], labels


def compose(images: tf.Tensor, labels: tf.Tensor, steps: Sequence) -> tuple:
    """Applies functions of (images, labels) one after the other."""
    for step in steps:
        images, labels = step(images, labels)
    return images, labels


def _size(labels):
    return height_width(labels)
