"""Masks of detections at their place in the image, as Detectron pastes them.

Letters: D detections, S cells a side, H x W pixels.
"""

import tensorflow as tf


def paste_masks(
    masks: tf.Tensor,
    boxes: tf.Tensor,
    size: tuple | tf.Tensor,
    *,
    threshold: float = 0.5,
) -> tf.Tensor:
    """Enlarges masks into their boxes (Detectron's `segm_results` in `core/test.py`).

    A ring of zeros is put around the mask, the box grows about its centre with it and is cut to
    whole pixels towards zero; the resize is OpenCV's bilinear one, with pixel centres at halves.

    Args:
        masks: [D, S, S] probabilities.
        boxes: [D, 4] pixels of the image.
        size: (H, W); numbers or int32 scalars.
        threshold: a pixel belongs to the object above it.

    Returns:
        bool [D, H, W]. All at once: a caller with large images hands in a few at a time.
    """
    cells = masks.shape[1] + 2
    ringed = tf.pad(tf.cast(masks, tf.float32), [[0, 0], [1, 1], [1, 1]])
    low, high = boxes[:, :2], boxes[:, 2:]
    half = (high - low) * 0.5 * (cells / (cells - 2))
    centre = (low + high) * 0.5
    # The original's conversion cuts towards zero.
    first = tf.cast(centre - half, tf.int32)
    last = tf.cast(centre + half, tf.int32)
    rows = _matrix(first[:, 1], last[:, 1], size[0], cells)
    columns = _matrix(first[:, 0], last[:, 0], size[1], cells)
    return tf.matmul(tf.matmul(rows, ringed), columns, transpose_b=True) > threshold


def _matrix(first, last, length, cells):
    """[D, length, cells]: what each cell counts in each pixel; zeros outside of the box."""
    first, last = first[:, None], last[:, None]
    sides = tf.maximum(last - first + 1, 1)
    pixels = tf.range(length)[None] - first
    # In float64, then cut to float32, as OpenCV computes positions.
    positions = (tf.cast(pixels, tf.float64) + 0.5) * (cells / tf.cast(sides, tf.float64)) - 0.5
    positions = tf.clip_by_value(tf.cast(positions, tf.float32), 0.0, float(cells - 1))
    weights = tf.maximum(1.0 - tf.abs(positions[..., None] - tf.range(float(cells))), 0.0)
    is_inside = (pixels >= 0) & (pixels < sides)
    return tf.where(is_inside[..., None], weights, 0.0)
