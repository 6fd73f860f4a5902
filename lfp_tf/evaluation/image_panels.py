"""Images of a report: the few best and worst of many, as small copies inside the page itself."""

import base64
import dataclasses
import heapq
import io

import numpy as np
from PIL import Image

from lfp_tf.images.overlay import overlay

MAX_SIDE_PIXELS = 320
_JPEG_QUALITY = 85


@dataclasses.dataclass(frozen=True)
class Example:
    """An image with its truth and prediction drawn over it, no side above `MAX_SIDE_PIXELS`.

    Attributes:
        source: file name.
        score: mean IoU over the classes of this image, 0..1.
        image, truth, prediction: uint8 [h, w, 3].
    """

    source: str
    score: float
    image: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray

    @classmethod
    def of(cls, facts, image, truth, labels, table):
        """Draws an example.

        Args:
            facts: {"source", "mIoU"}.
            image: uint8 [H, W, 3].
            truth, labels: [H, W] classes.
            table: a `ClassTable`.
        """
        small = image_rows(image)
        drawn = [overlay(small, image_rows(x), table, alpha=0.7) for x in (truth, labels)]
        return cls(facts["source"], facts["mIoU"], small, *drawn)


class Extremes:
    """The few best and worst of many; an example is drawn only if it is kept."""

    def __init__(self, kept):
        self.kept, self._number, self._best, self._worst = kept, 0, [], []

    def add(self, value, draw):
        """Considers one more of a value; `draw()` gives what is kept."""
        self._number += 1
        example = None
        for heap, key in ((self._best, value), (self._worst, -value)):
            if len(heap) < self.kept or (key, -self._number) > heap[0][:2]:
                example = example or draw()
                heapq.heappush(heap, (key, -self._number, example))
                if len(heap) > self.kept:
                    heapq.heappop(heap)

    def best(self):
        """The highest values' examples, highest first."""
        return [entry[2] for entry in sorted(self._best, reverse=True)]

    def worst(self):
        """The lowest values' examples, lowest first."""
        return [entry[2] for entry in sorted(self._worst, reverse=True)]


def image_rows(array):
    """Every n-th row and column, so that no side is above `MAX_SIDE_PIXELS`: labels stay labels."""
    step = -(-max(array.shape[:2]) // MAX_SIDE_PIXELS)
    return array[::step, ::step]


def data_uri(image):
    """A uint8 [H, W, 3] image as the address of an image inside the page."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=_JPEG_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
