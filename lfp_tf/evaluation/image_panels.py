"""Pictures of a report: small copies beside truth and prediction, inside the page itself."""

import base64
import dataclasses
import io

import numpy as np
from PIL import Image

from lfp_tf.images.overlay import overlay

MAX_SIDE_PIXELS = 320
_JPEG_QUALITY = 85


@dataclasses.dataclass(frozen=True)
class Example:
    """A picture with its truth and prediction drawn over it, no side above `MAX_SIDE_PIXELS`.

    Attributes:
        source: file name.
        score: mean IoU over the classes of this picture, 0..1.
        picture, truth, prediction: uint8 [h, w, 3].
    """

    source: str
    score: float
    picture: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray

    @classmethod
    def of(cls, facts, picture, truth, labels, table):
        """Draws an example.

        Args:
            facts: {"source", "mIoU"}.
            picture: uint8 [H, W, 3].
            truth, labels: [H, W] classes.
            table: a `ClassTable`.
        """
        small = picture_rows(picture)
        drawn = [overlay(small, picture_rows(x), table, alpha=0.7) for x in (truth, labels)]
        return cls(facts["source"], facts["mIoU"], small, *drawn)


def picture_rows(array):
    """Every n-th row and column, so that no side is above `MAX_SIDE_PIXELS`: labels stay labels."""
    step = -(-max(array.shape[:2]) // MAX_SIDE_PIXELS)
    return array[::step, ::step]


def data_uri(picture):
    """A uint8 [H, W, 3] picture as the address of an image inside the page."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=_JPEG_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
