"""Images of a report: the few best and worst of many, as small copies inside the page itself."""

import base64
import dataclasses
import heapq
import io
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from PIL import Image

from lfp_tf.images.overlay import overlay
from lfp_tf.images.palette import ClassTable

MAX_SIDE_PIXELS = 320
_JPEG_QUALITY = 85


@dataclasses.dataclass(frozen=True)
class Example:
    """An image with its truth and prediction drawn over it, no side above `MAX_SIDE_PIXELS`.

    Attributes:
        source: file name.
        score: of this image alone, 0..1: mean IoU over its classes, or the share of right joints.
        image, truth, prediction: uint8 [h, w, 3] RGB.
    """

    source: str
    score: float
    image: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray

    @classmethod
    def of(
        cls,
        facts: dict,
        image: np.ndarray,
        truth: np.ndarray,
        labels: np.ndarray,
        table: ClassTable,
    ) -> Self:
        """Draws the labels of an image.

        Args:
            facts: {"source", "mIoU"}.
            image: uint8 [H, W, 3] RGB.
            truth, labels: whole numbers [H, W], true and predicted classes.
            table: of the classes.
        """
        small = image_rows(image)
        drawn = [overlay(small, image_rows(x), table, alpha=0.7) for x in (truth, labels)]
        return cls(facts["source"], facts["mIoU"], small, *drawn)

    def panels(self) -> list[tuple[str, str]]:
        """Gives (name, address) of the three images, for the page."""
        names = ("image", "truth", "prediction")
        return [(name, data_uri(getattr(self, name))) for name in names]


class Extremes:
    """The few best and worst of many; an example is drawn only if it is kept.

    Args:
        num_kept: how many of each.
    """

    def __init__(self, num_kept: int) -> None:
        self.num_kept, self._number = num_kept, 0
        self._best: list[tuple[float, int, Any]] = []
        self._worst: list[tuple[float, int, Any]] = []

    def add(self, value: float, draw: Callable[[], Any]) -> None:
        """Considers one more of a value; `draw()` gives what is kept."""
        self._number += 1
        example = None
        for heap, key in ((self._best, value), (self._worst, -value)):
            if len(heap) < self.num_kept or (key, -self._number) > heap[0][:2]:
                example = example or draw()
                heapq.heappush(heap, (key, -self._number, example))
                if len(heap) > self.num_kept:
                    heapq.heappop(heap)

    def best(self) -> list:
        """Gives the examples of the highest values, highest first."""
        return [entry[2] for entry in sorted(self._best, reverse=True)]

    def worst(self) -> list:
        """Gives the examples of the lowest values, lowest first."""
        return [entry[2] for entry in sorted(self._worst, reverse=True)]


def image_rows(array: np.ndarray) -> np.ndarray:
    """Takes every n-th row and column, so that no side is above `MAX_SIDE_PIXELS`.

    Nothing is averaged: labels stay labels.

    Args:
        array: [H, W, ...].

    Returns:
        [ceil(H / n), ceil(W / n), ...].
    """
    step = -(-max(array.shape[:2]) // MAX_SIDE_PIXELS)
    return array[::step, ::step]


def data_uri(image: np.ndarray) -> str:
    """Gives an image, uint8 [H, W, 3] RGB, as the address of a JPEG inside the page."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=_JPEG_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
