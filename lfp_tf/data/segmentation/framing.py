"""Windows cut out of an image and its labels, and what surrounds them up to a crop."""

import tensorflow as tf


def window(pixels, low, high):
    """The rows and columns low..high of [H, W, ...]; both int32 [2]."""
    return pixels[low[0] : high[0], low[1] : high[1]]


def framed(image, labels, before, *, crop, mean, ignore_label):
    """Surrounds with the mean and the ignore label up to the crop, where anything is missing.

    Args:
        image: float32 [H, W, 3] grey levels, no larger than the crop.
        labels: [H, W].
        before: int32 [2], rows above and columns left that are added.
        crop: (height, width) of the result.
        mean: RGB grey levels of what is added.
        ignore_label: label of what is added.

    Returns:
        float32 [*crop, 3], int32 [*crop].
    """
    labels = tf.cast(labels, tf.int32)
    after = crop - before - tf.shape(labels)

    def padded():
        sides = tf.stack([before, after], axis=1)
        wide = image
        for axis in (0, 1):
            shapes = [_with_length(wide, axis, sides[axis, end]) for end in (0, 1)]
            frame = [tf.broadcast_to(tf.constant(mean, tf.float32), shape) for shape in shapes]
            wide = tf.concat([frame[0], wide, frame[1]], axis=axis)
        return wide, tf.pad(labels, sides, constant_values=ignore_label)

    missing = tf.reduce_any(before + after > 0)
    image, labels = tf.cond(missing, padded, lambda: (image, labels))
    return tf.ensure_shape(image, [*crop, 3]), tf.ensure_shape(labels, [*crop])


def flipped_where(is_flipped, image, labels):
    """Left and right of both change places where the truth value says so."""
    return tf.cond(
        is_flipped,
        lambda: (tf.reverse(image, [1]), tf.reverse(labels, [1])),
        lambda: (image, labels),
    )


def _with_length(image, axis, length):
    """The shape of an image whose one side has another length."""
    height, width, channels = tf.unstack(tf.shape(image))
    return [length, width, channels] if axis == 0 else [height, length, channels]
