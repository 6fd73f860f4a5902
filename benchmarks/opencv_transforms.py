"""The training transforms of `hszhao/semseg` as it runs them: OpenCV on whole images, in Python.

The rival of the pipeline benchmark; no TensorFlow. Order and draws are those of `tool/train.py`.
"""

import math
import random

import cv2
import numpy as np

MEAN = tuple(255 * value for value in (0.485, 0.456, 0.406))
STD = tuple(255 * value for value in (0.229, 0.224, 0.225))
IGNORE_LABEL = 255
SCALES = (0.5, 2.0)
DEGREES = 10.0


def sample(paths, crop, drawing=random):
    """Reads an image and its labels and augments them.

    Args:
        paths: of the image and of the label image.
        crop: (height, width).
        drawing: has `random` and `randint`.

    Returns:
        float32 [*crop, 3] normalized, int32 [*crop].
    """
    image = cv2.cvtColor(cv2.imread(paths[0], cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    image, labels = np.float32(image), cv2.imread(paths[1], cv2.IMREAD_GRAYSCALE)
    factor = SCALES[0] + (SCALES[1] - SCALES[0]) * drawing.random()
    scaled = {"dsize": None, "fx": factor, "fy": factor}
    image = cv2.resize(image, interpolation=cv2.INTER_LINEAR, **scaled)
    labels = cv2.resize(labels, interpolation=cv2.INTER_NEAREST, **scaled)
    if drawing.random() < 0.5:
        image, labels = _turned(image, labels, DEGREES * (2 * drawing.random() - 1))
    if drawing.random() < 0.5:
        image = cv2.GaussianBlur(image, (5, 5), 0)
    if drawing.random() < 0.5:
        image, labels = cv2.flip(image, 1), cv2.flip(labels, 1)
    image, labels = _cropped(*_padded(image, labels, crop), crop, drawing)
    return (image - np.float32(MEAN)) / np.float32(STD), labels.astype(np.int32)


def _turned(image, labels, degrees):
    height, width = labels.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    size, border = (width, height), {"borderMode": cv2.BORDER_CONSTANT}
    return (
        cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderValue=MEAN, **border),
        cv2.warpAffine(
            labels, matrix, size, flags=cv2.INTER_NEAREST, borderValue=IGNORE_LABEL, **border
        ),
    )


def _padded(image, labels, crop):
    missing = [max(side - own, 0) for side, own in zip(crop, labels.shape, strict=True)]
    if not any(missing):
        return image, labels
    (top, bottom), (left, right) = ((m // 2, math.ceil(m / 2)) for m in missing)
    sides = (top, bottom, left, right, cv2.BORDER_CONSTANT)
    return (
        cv2.copyMakeBorder(image, *sides, value=MEAN),
        cv2.copyMakeBorder(labels, *sides, value=IGNORE_LABEL),
    )


def _cropped(image, labels, crop, drawing):
    top, left = (
        drawing.randint(0, own - side) for own, side in zip(labels.shape, crop, strict=True)
    )
    window = slice(top, top + crop[0]), slice(left, left + crop[1])
    return image[window], labels[window]
