"""The objects of an image as its record stores them, and which of them training uses.

Letters: G objects of an image, P points of all its polygons.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from lfp_tf.errors import LfpError, printable

TASK = "detection"
BOX_KEYS = tuple(f"image/object/bbox/{side}" for side in ("xmin", "ymin", "xmax", "ymax"))
LABEL_KEY = "image/object/class/label"
TEXT_KEY = "image/object/class/text"
CROWD_KEY = "image/object/is_crowd"
IGNORED_KEY = "image/object/is_ignored"
AREA_KEY = "image/object/area"
MASK_KEY = "image/object/mask"
XY_KEY = "image/object/polygon/xy"
POINTS_KEY = "image/object/polygon/points"
PARTS_KEY = "image/object/polygon/parts"
# Lists that a record may lack, or that have one value an object.
_ONE_EACH = (TEXT_KEY, CROWD_KEY, IGNORED_KEY, AREA_KEY, MASK_KEY, PARTS_KEY)
_NUMBER, _WHOLE, _BYTES = (int, float), (int,), (bytes,)
_KINDS = dict.fromkeys((*BOX_KEYS, AREA_KEY, XY_KEY), _NUMBER) | {
    **dict.fromkeys((LABEL_KEY, CROWD_KEY, IGNORED_KEY, POINTS_KEY, PARTS_KEY), _WHOLE),
    **dict.fromkeys((TEXT_KEY, MASK_KEY), _BYTES),
}
_WORDS = {_NUMBER: "numbers", _WHOLE: "whole numbers", _BYTES: "bytes"}
LEAST_POINTS = 3  # Fewer make no polygon (Detectron's `datasets/json_dataset.py`).
# Boxes are stored as float32 shares of the image: of 8000 pixels half of this may be lost.
_LEAST_PIXELS = 1e-3


@dataclasses.dataclass(frozen=True)
class StoredObjects:
    """The objects of a record.

    Attributes:
        boxes_unit: float32 [G, 4], x1, y1, x2, y2 as shares of the image's sides.
        classes: int64 [G], from 1 on.
        texts: names of their classes, or none.
        is_crowd: bool [G].
        is_ignored: bool [G], not to be learned.
        areas: float32 [G] square pixels; ones where the record has none.
        masks: PNG bytes an object, empty where it has none; or none at all.
    """

    boxes_unit: np.ndarray
    classes: np.ndarray
    texts: list[bytes]
    is_crowd: np.ndarray
    is_ignored: np.ndarray
    areas: np.ndarray
    masks: list[bytes]

    def usable(self, size: tuple[int, int], *, pixel: float) -> np.ndarray:
        """Bool [G]: the objects that training samples.

        Args:
            size: (height, width) of the image.
            pixel: as in `ops.detection.boxes`.
        """
        _, has_extent = clipped_boxes(self.boxes_unit, size, pixel=pixel, xp=np)
        return has_extent & (self.areas > 0) & ~self.is_crowd & ~self.is_ignored


def stored_objects(record: dict[str, list[Any]], where: str) -> StoredObjects:
    """Reads the objects of a record, checked.

    Args:
        record: what `read_record` gave.
        where: how sentences call it.

    Raises:
        LfpError: a list is of another kind or length than the others, or a value is impossible.
    """
    for key, kinds in _KINDS.items():
        if not all(isinstance(value, kinds) for value in record.get(key, [])):
            raise LfpError(f'{where} has something else than {_WORDS[kinds]} in "{key}"{_ADVICE}')
    count = len(record.get(LABEL_KEY, []))
    for key in (*BOX_KEYS, *_ONE_EACH):
        values = record.get(key, [])
        if len(values) != count and (values or key in BOX_KEYS):
            raise LfpError(
                f'{where} has {len(values)} values of "{key}", but {count} of "{LABEL_KEY}"'
                f"{_ADVICE}"
            )
    boxes = np.array([record.get(key, []) for key in BOX_KEYS], np.float32).T.reshape(-1, 4)
    _check_values(record, boxes, where)
    _check_polygons(record, where)
    return StoredObjects(
        boxes_unit=boxes,
        classes=np.array(record.get(LABEL_KEY, []), np.int64),
        texts=record.get(TEXT_KEY, []),
        is_crowd=_flags(record, CROWD_KEY, count),
        is_ignored=_flags(record, IGNORED_KEY, count),
        areas=np.array(record.get(AREA_KEY) or np.ones(count), np.float32),
        masks=record.get(MASK_KEY, []),
    )


def clipped_boxes(
    boxes_unit: Any, size: Sequence[Any], *, pixel: float, xp: Any
) -> tuple[Any, Any]:
    """Boxes in pixels as training takes them (Detectron's `datasets/json_dataset.py`).

    A box of 0.1 to 0.5 of 100 pixels is 10 to 49 with `pixel` 1 and 10 to 50 with 0. Corners are
    cut to 0..99 and 0..100.

    Args:
        boxes_unit: [G, 4] float, x1, y1, x2, y2 as shares of the image's sides.
        size: (height, width) in pixels.
        pixel: as in `ops.detection.boxes`.
        xp: `numpy`, or `tensorflow` for tensors.

    Returns:
        list of four [G] float64, x1, y1, x2, y2, and bool [G]: whether x1 < x2 and y1 < y2.
    """
    x1, x2 = _clipped_sides(boxes_unit[:, 0], boxes_unit[:, 2], size[1], pixel, xp)
    y1, y2 = _clipped_sides(boxes_unit[:, 1], boxes_unit[:, 3], size[0], pixel, xp)
    return [x1, y1, x2, y2], (x2 - x1 > _LEAST_PIXELS) & (y2 - y1 > _LEAST_PIXELS)


def _clipped_sides(low, high, length, pixel, xp):
    length = xp.float64(length) if xp is np else xp.cast(length, xp.float64)
    low = (low.astype(xp.float64) if xp is np else xp.cast(low, xp.float64)) * length
    high = (high.astype(xp.float64) if xp is np else xp.cast(high, xp.float64)) * length
    high = xp.maximum(high - pixel, low)
    last = length - pixel
    return xp.minimum(xp.maximum(low, 0.0), last), xp.minimum(xp.maximum(high, 0.0), last)


_ADVICE = "; write the records again with `lfp-tf data` and `--overwrite`."


def _flags(record, key, count):
    return np.array(record.get(key) or np.zeros(count), bool)


def _check_values(record, boxes, where):
    for number, label in enumerate(record.get(LABEL_KEY, [])):
        if label < 1:
            raise LfpError(
                f'{where} has the class {label} of object {number} in "{LABEL_KEY}", but classes '
                f"begin at 1{_ADVICE}"
            )
    for key, values in zip(BOX_KEYS, boxes.T, strict=True):
        if not np.isfinite(values).all():
            raise LfpError(f'{where} has a value in "{key}" that is no number{_ADVICE}')
    if not np.isfinite(np.array(record.get(AREA_KEY, []), np.float64)).all():
        raise LfpError(f'{where} has a value in "{AREA_KEY}" that is no number{_ADVICE}')


def _check_polygons(record, where):
    points, parts = record.get(POINTS_KEY, []), record.get(PARTS_KEY, [])
    numbers = len(record.get(XY_KEY, []))
    if min([*points, *parts], default=0) < 0 or 2 * sum(points) != numbers:
        raise LfpError(
            f'{where} has {numbers} numbers in "{XY_KEY}", but 2 for each of {sum(points)} points '
            f'in "{POINTS_KEY}" are needed{_ADVICE}'
        )
    if sum(parts) != len(points):
        raise LfpError(
            f'{where} has {len(points)} polygons in "{POINTS_KEY}", but {sum(parts)} in '
            f'"{PARTS_KEY}"{_ADVICE}'
        )
    if not np.isfinite(np.array(record.get(XY_KEY, []), np.float64)).all():
        raise LfpError(f'{where} has a value in "{XY_KEY}" that is no number{_ADVICE}')


def encoded_image(record: dict[str, list[Any]], where: str) -> bytes:
    """The bytes of a record's image.

    Raises:
        LfpError: it has none.
    """
    values = record.get("image/encoded", [])
    if len(values) != 1 or not isinstance(values[0], bytes):
        raise LfpError(f'{where} has no image in "image/encoded"; give records of detection.')
    return values[0]


def check_mask_size(mask_size: tuple[int, int], size: tuple[int, int], where: str) -> None:
    """Refuses a mask that is not as large as its image.

    Args:
        mask_size: (height, width) of the mask.
        size: (height, width) of the image.
        where: how sentences call the record.

    Raises:
        LfpError: they differ.
    """
    if mask_size != size:
        raise LfpError(
            f'{where} has a mask of {mask_size[0]}x{mask_size[1]} in "{MASK_KEY}", but its image '
            f"is {size[0]}x{size[1]} (height x width){_ADVICE}"
        )


def stored_size(record: dict[str, list[Any]]) -> tuple[int, int] | None:
    """(height, width) as the record states them, or None."""
    sides = [record.get(f"image/{side}", []) for side in ("height", "width")]
    if all(len(side) == 1 and isinstance(side[0], int) and side[0] > 0 for side in sides):
        return sides[0][0], sides[1][0]
    return None


def text_of(record: dict[str, list[Any]], key: str) -> str:
    """A text of a record on one line, or an empty one."""
    values = record.get(key) or [b""]
    return printable(values[0].decode(errors="replace")) if isinstance(values[0], bytes) else ""
