"""Anchors: boxes of some sizes and ratios around every cell of a feature map."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf


def cell_anchors(
    stride: int,
    sizes: Sequence[float],
    ratios: Sequence[float],
    *,
    rounded: bool = True,
    pixel: float = 1.0,
) -> np.ndarray:
    """The anchors of the first cell (Detectron's `generate_anchors.py`).

    Stride 4, size 32 and ratios 0.5, 1, 2 give (-22, -10, 25, 13), (-14, -14, 17, 17) and
    (-10, -22, 13, 25).

    Args:
        stride: pixels of the image a cell.
        sizes: square roots of the anchors' areas, pixels.
        ratios: height / width.
        rounded: whether sides are made of whole pixels at the size of a cell first, as Detectron
            and tensorpack do: ratio 0.5 at stride 4 then is a third, 2 x 6. Otherwise sides are
            size / sqrt(ratio) and size * sqrt(ratio).
        pixel: 1.0 where x2, y2 belong to the box (Detectron), 0.0 where they are its edge.

    Returns:
        float32 [ratios * sizes, 4]: x1, y1, x2, y2; ratios one after the other, sizes inside.
    """
    centre = 0.5 * (stride - pixel)
    anchors = []
    for ratio in ratios:
        width, height = _cell_sides(stride, ratio, rounded)
        for size in sizes:
            x = 0.5 * (width * size / stride - pixel)
            y = 0.5 * (height * size / stride - pixel)
            anchors.append([centre - x, centre - y, centre + x, centre + y])
    return np.asarray(anchors, np.float32).reshape(-1, 4)


def anchor_field(cells: np.ndarray, stride: int, size: Sequence | tf.Tensor) -> tf.Tensor:
    """The anchors of all cells of a map.

    Args:
        cells: [A, 4] of `cell_anchors`.
        stride: pixels of the image a cell.
        size: (height, width) of the map; numbers or int32 scalars.

    Returns:
        float32 [height * width * A, 4]: row by row, then column by column, then anchor.
    """
    height, width = size[0], size[1]
    y = tf.cast(tf.range(height) * stride, tf.float32)
    x = tf.cast(tf.range(width) * stride, tf.float32)
    xx, yy = tf.meshgrid(x, y)
    shifts = tf.reshape(tf.stack([xx, yy, xx, yy], axis=-1), [-1, 1, 4])
    return tf.reshape(shifts + tf.constant(cells, tf.float32), [-1, 4])


def _cell_sides(stride, ratio, rounded):
    """(width, height) of a ratio with about the area of a cell."""
    width = np.sqrt(stride * stride / ratio)
    if not rounded:
        return width, width * ratio
    # Numpy rounds halves to the even number, and so do the originals.
    width = np.round(width)
    return width, np.round(width * ratio)
