"""Masks of objects: polygons and run lengths to bitmaps and back, PNG bytes.

Run lengths are COCO's: column after column, zeros first (`cocodataset/cocoapi common/maskApi.c`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from lfp_tf.data.detection.objects import LEAST_POINTS
from lfp_tf.images.decode import encode_png, read_labels

MOST_PIXELS_ROUND = 1e6  # of a polygon
_FIRST_SIGN = 48  # of the texts that hold compressed run lengths, 6 bits a sign
_MORE, _BITS, _NEGATIVE = 0x20, 5, 0x10


def is_drawable(polygons: Sequence[np.ndarray]) -> bool:
    """Whether polygons are of a length that images have.

    Filling takes memory for each pixel that an outline passes, also outside of the image: a single
    point at 1e9 would take gigabytes.

    Args:
        polygons: float64 [points, 2] each.
    """
    return all(
        np.abs(polygon).max(initial=0) <= MOST_PIXELS_ROUND
        and _steps(polygon).sum() <= MOST_PIXELS_ROUND
        for polygon in polygons
    )


def polygons_bitmap(polygons: Sequence[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """Fills polygons as pycocotools does; what lies outside of the image is cut off.

    Args:
        polygons: float64 [points, 2] each, x and y in pixels; of fewer than 3 points draw nothing.
        size: (height, width).

    Returns:
        bool [H, W].
    """
    flat = [polygon.ravel().tolist() for polygon in polygons if len(polygon) >= LEAST_POINTS]
    if not flat:
        return np.zeros(size, bool)
    joined = coco_mask.merge(coco_mask.frPyObjects(flat, *size))
    return counts_bitmap(run_lengths(_text(joined)), size)


def counts_bitmap(counts: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The bitmap of run lengths: bool [H, W].

    Args:
        counts: whole numbers whose sum is H * W; the first counts zeros.
        size: (height, width).
    """
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(size[::-1]).T


def bitmap_counts(bitmap: np.ndarray) -> np.ndarray:
    """Run lengths uint32 of a bitmap bool [H, W]; the first counts zeros.

    >>> bitmap_counts(np.array([[True, False], [True, True]])).tolist()
    [0, 2, 1, 1]
    """
    flat = np.concatenate([[False], bitmap.T.ravel()])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    return np.diff(np.concatenate([[0], changes, [bitmap.size]])).astype(np.uint32)


def bitmap_rle(bitmap: np.ndarray) -> dict[str, Any]:
    """COCO's compressed run lengths {"size", "counts"} of a bitmap, plain enough for JSON.

    Args:
        bitmap: bool [H, W].
    """
    coded = coco_mask.encode(np.asfortranarray(bitmap, np.uint8))
    return {"size": list(coded["size"]), "counts": _text(coded)}


def rle_bitmap(rle: Mapping[str, Any]) -> np.ndarray:
    """Inverts `bitmap_rle`: bool [H, W]."""
    coded: Any = dict(rle)
    return coco_mask.decode(coded).astype(bool)


def run_lengths(counts: Any) -> np.ndarray:
    """Run lengths as int64 from COCO's list of numbers or its compressed text.

    >>> run_lengths("05a0").tolist()
    [0, 5, 17]

    Raises:
        ValueError: they are neither, or one is below 0.
    """
    if isinstance(counts, str):
        counts = _uncompressed(counts.encode())
    if not isinstance(counts, list) or not all(type(count) is int for count in counts):
        raise ValueError("no run lengths")
    lengths = np.array(counts, np.int64)
    if lengths.min(initial=0) < 0:
        raise ValueError("a run length below 0")
    return lengths


def bitmap_png(bitmap: np.ndarray) -> bytes:
    """A grey PNG of 0 and 1."""
    return encode_png(bitmap.astype(np.uint8))


def png_bitmap(content: bytes) -> np.ndarray:
    """The bitmap bool [H, W] of a PNG: all but 0 belongs to the object.

    Raises:
        LfpError: no image of one channel.
    """
    return read_labels(content) > 0


def _steps(polygon):
    """Pixels from each point to the one before it, along the longer axis."""
    return np.abs(polygon - np.roll(polygon, 1, axis=0)).max(axis=1, initial=0)


def _text(coded: Any) -> str:
    """The run lengths that pycocotools gives as bytes, though it says text."""
    return coded["counts"].decode("ascii")


def _uncompressed(text):
    """Each number is the difference to the one but one before, the first three as they are."""
    counts, place = [], 0
    while place < len(text):
        value, shift, more = 0, 0, True
        while more:
            if place == len(text) or shift > 60:
                raise ValueError("cut short")
            bits = text[place] - _FIRST_SIGN
            if not 0 <= bits < 2 * _MORE:
                raise ValueError("a sign that is none of run lengths")
            value |= (bits & (_MORE - 1)) << shift
            shift, place, more = shift + _BITS, place + 1, bool(bits & _MORE)
            if not more and bits & _NEGATIVE:
                value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
    return counts
