"""Bringing an image to a longest side for the network, and its labels back to the image."""

from collections.abc import Sequence

import cv2
import numpy as np


def long_side_size(height: int, width: int, long_side: int) -> tuple[int, int]:
    """Computes the size at which the longer side is `long_side`, keeping the proportion.

    Halves go to the even number, as OpenCV's factors do (kazuto1011/deeplab-pytorch `demo.py`).

    >>> long_side_size(480, 640, 513)
    (385, 513)

    Args:
        height, width, long_side: pixels.

    Returns:
        (height, width), each at least 1.
    """
    factor = long_side / max(height, width)
    return max(round(height * factor), 1), max(round(width * factor), 1)


def resize_long_side(image: np.ndarray, long_side: int) -> np.ndarray:
    """Resizes an image, larger or smaller, so that its longer side is `long_side`.

    OpenCV's bilinear rule on 8-bit values; a step between samples is exactly 1 / factor, also
    where the other side was rounded.

    Args:
        image: uint8 [H, W, 3].
        long_side: pixels.

    Returns:
        uint8 [H', W', 3].
    """
    height, width = image.shape[:2]
    if max(height, width) == long_side:
        return image
    factor = long_side / max(height, width)
    size = long_side_size(height, width, long_side)
    if 1 in size:  # By factors, OpenCV would round the short side to nothing.
        return cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)


def resize_labels(labels: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Resizes a label map: each pixel takes the value of the one its centre falls into.

    Pixel i of b takes pixel floor((i + 0.5) a / b) of a: of 0, 1 brought to four, 0, 0, 1, 1.

    Args:
        labels: integer [H, W].
        size: (height, width).

    Returns:
        [height, width] of the same type.
    """
    rows, columns = (
        (2 * np.arange(after) + 1) * before // (2 * after)
        for before, after in zip(labels.shape, size, strict=True)
    )
    return labels[rows[:, None], columns]
