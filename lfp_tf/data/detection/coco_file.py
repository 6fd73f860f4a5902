"""Annotations of objects in COCO's JSON, whoever wrote it: checked, entry by entry.

Ids are numbers or texts; gaps are fine. What an entry may lack: `area`, `iscrowd`, `ignore`,
`segmentation` (then it is a box alone), an image's `width` and `height`. What cannot be used is
left out, counted and named: images without a name, entries of unknown images or categories, boxes
that are not four finite numbers, masks of no known form or of another size than their image, ids
that occur again. A file is refused where it is no JSON of this form, names no category, gives two
categories one id, or names no image.
"""

import dataclasses
import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from lfp_tf.data.detection.masks import is_drawable, run_lengths
from lfp_tf.data.detection.records import SourceObject
from lfp_tf.documents import load_json
from lfp_tf.errors import LfpError, printable

_MOST_PIXELS = 2**31


@dataclasses.dataclass(frozen=True)
class Category:
    """A category of a file.

    Attributes:
        id: its number or text, as text.
        name: of the class.
        supercategory: what it belongs to; its own name where the file does not tell.
        is_number: whether the id is a number.
    """

    id: str
    name: str
    supercategory: str
    is_number: bool


@dataclasses.dataclass(frozen=True)
class CocoImage:
    """An image of a file.

    Attributes:
        file_name: as the file has it.
        id: its number or text, as text.
        size: (height, width), or None where the file does not tell.
        objects: of the image; label n is the n-th category, counted from 1.
    """

    file_name: str
    id: str
    size: tuple[int, int] | None
    objects: tuple[SourceObject, ...]


@dataclasses.dataclass(frozen=True)
class CocoFile:
    """What a file holds.

    Attributes:
        path: of the file.
        categories: by ascending id where ids are numbers, else in the file's order.
        images: in the file's order.
        notes: sentences about what is left out.
    """

    path: str
    categories: tuple[Category, ...]
    images: tuple[CocoImage, ...]
    notes: tuple[str, ...]


class _Unusable(ValueError):
    """An entry that is left out; the text says which kind of entries are."""


def read_coco(path: str | os.PathLike) -> CocoFile:
    """Reads a file.

    Raises:
        LfpError: it cannot be used as a whole.
    """
    try:
        content = load_json(path)
    except (OSError, ValueError) as error:
        raise LfpError(f"{path} cannot be read as JSON ({printable(error)}).") from None
    return coco_of(content, path)


def coco_of(content: Any, path: str | os.PathLike) -> CocoFile:
    """What the JSON of a file holds; its annotations are let go as they are read.

    Args:
        content: of the file.
        path: how sentences call it.

    Raises:
        LfpError: it cannot be used as a whole.
    """
    _check_lists(content, path)
    categories = _categories(path, content["categories"])
    left_out = _LeftOut(os.fspath(path))
    images = _images(content["images"], left_out)
    if not images:
        raise LfpError(f"{path} names no image.{left_out.first_sentence()}")
    labels = {category.id: label for label, category in enumerate(categories, 1)}
    objects = _objects(content["annotations"], images, labels, left_out)
    return CocoFile(
        path=os.fspath(path),
        categories=categories,
        images=tuple(
            CocoImage(entry["file_name"], number, _size(entry), tuple(objects[number]))
            for number, entry in images.items()
        ),
        notes=left_out.sentences(),
    )


def relabelled(image: CocoImage, labels: Sequence[int]) -> CocoImage:
    """The image with other labels: label n becomes `labels[n - 1]`."""
    objects = tuple(
        one
        if labels[one.label - 1] == one.label
        else dataclasses.replace(one, label=labels[one.label - 1])
        for one in image.objects
    )
    return dataclasses.replace(image, objects=objects)


class _LeftOut:
    """Counts what is left out by its kind, with the first of each."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._firsts: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def add(self, kind: str, entry: str) -> None:
        """Counts an entry."""
        self._firsts.setdefault(kind, entry)
        self._counts[kind] = self._counts.get(kind, 0) + 1

    def sentences(self) -> tuple[str, ...]:
        """One about each kind."""
        return tuple(
            f"{self._path}: {count} {kind}; left out, first {self._firsts[kind]}."
            for kind, count in self._counts.items()
        )

    def first_sentence(self) -> str:
        """A blank and the first sentence, or an empty text."""
        return "".join(f" {text}" for text in self.sentences()[:1])


def _check_lists(content, path):
    if not isinstance(content, dict):
        raise LfpError(f"{path} is no annotation in COCO's form: it is no dictionary.")
    for key in ("images", "annotations", "categories"):
        if not isinstance(content.get(key), list):
            raise LfpError(f'{path} is no annotation in COCO\'s form: it has no list "{key}".')


def _categories(path, entries):
    categories = {}
    for place, entry in enumerate(entries):
        number = _id(entry.get("id")) if isinstance(entry, dict) else None
        if number is None:
            raise LfpError(f'{path}: category {place} has no "id" that is a number or a text.')
        if number in categories:
            raise LfpError(f"{path} has two categories of the id {printable(number)}.")
        name = str(entry.get("name") or number)
        outer = str(entry.get("supercategory") or name)
        is_number = not isinstance(entry["id"], str)
        categories[number] = Category(number, name, outer, is_number)
    if not categories:
        raise LfpError(f"{path} names no categories, so its classes are unknown.")
    return ordered(list(categories.values()))


def ordered(categories: Sequence[Category]) -> tuple[Category, ...]:
    """By ascending id where all ids are numbers, else as they stand."""
    if all(category.is_number for category in categories):
        return tuple(sorted(categories, key=lambda category: int(category.id)))
    return tuple(categories)


def _images(entries, left_out):
    """{id: entry} of the images that can be used."""
    images = {}
    for place, entry in enumerate(entries):
        number = _id(entry.get("id")) if isinstance(entry, dict) else None
        name = entry.get("file_name") if isinstance(entry, dict) else None
        if number is None or not isinstance(name, str) or not name:
            left_out.add('images without "id" or "file_name"', f"number {place} of the list")
        elif number in images:
            left_out.add("images have the id of an earlier one", f"{printable(name)} ({number})")
        else:
            images[number] = entry
    return images


def _objects(entries, images, labels, left_out):
    """{image id: list of its `SourceObject`s}; entries are let go as they are read."""
    objects, known = {number: [] for number in images}, set()
    sizes = {number: _size(entry) for number, entry in images.items()}
    for place, entry in enumerate(entries):
        entries[place] = None
        try:
            number = _image_of(entry, known, objects)
            objects[number].append(_object(entry, labels, sizes[number]))
        except _Unusable as error:
            left_out.add(str(error), _name_of(entry, place))
    return objects


def _image_of(entry, known, objects):
    if not isinstance(entry, dict):
        raise _Unusable("annotations are no dictionaries")
    own = _id(entry.get("id"))
    if own is not None and own in known:
        raise _Unusable("annotations have the id of an earlier one")
    known.add(own)
    number = _id(entry.get("image_id"))
    if number not in objects:
        raise _Unusable("annotations are of images that the file does not list")
    return number


def _object(entry, labels, size):
    label = labels.get(_id(entry.get("category_id")))
    if label is None:
        raise _Unusable("annotations are of categories that the file does not list")
    polygons, counts = _segmentation(entry.get("segmentation"), size)
    area = entry.get("area")
    return SourceObject(
        box=_box(entry.get("bbox")),
        label=label,
        area=float(area) if _is_number(area) else None,
        is_crowd=_flag(entry, "iscrowd"),
        is_ignored=_flag(entry, "ignore"),
        polygons=polygons,
        counts=counts,
    )


def _box(values):
    if not isinstance(values, list) or len(values) != 4 or not all(map(_is_number, values)):
        raise _Unusable("boxes are not four finite numbers (x, y, width, height)")
    x, y, width, height = map(float, values)
    if width < 0 or height < 0:
        raise _Unusable("boxes have a width or height below 0")
    return x, y, width, height


def _segmentation(value, size) -> tuple[tuple[np.ndarray, ...], np.ndarray | None]:
    """(polygons, run lengths); neither where there is no mask."""
    if not value:
        return (), None
    if isinstance(value, dict):
        return (), _run_lengths(value, size)
    if not isinstance(value, list):
        raise _Unusable("masks are of no known form")
    # Some tools write the points of a single polygon without a list around them.
    parts = [value] if _is_number(value[0]) else value
    return tuple(_polygon(part) for part in parts if part != []), None


def _polygon(part):
    wrong = _Unusable("masks have a polygon that is no list of finite x, y, x, y, ...")
    try:
        # A check number by number in Python would take most of the time of a large file.
        numbers = np.array(part)
    except ValueError:
        raise wrong from None
    is_list = isinstance(part, list) and numbers.ndim == 1 and not numbers.size % 2
    if not is_list or numbers.dtype.kind not in "fiu" or not np.isfinite(numbers).all():
        raise wrong
    polygon = numbers.astype(np.float64).reshape(-1, 2)
    if not is_drawable([polygon]):
        raise _Unusable("masks have a polygon that leads far out of any image")
    return polygon


def _run_lengths(value, size):
    stated = value.get("size")
    is_size = isinstance(stated, list) and len(stated) == 2
    if not is_size or not all(type(side) is int and side > 0 for side in stated):
        raise _Unusable("masks are of no known form")
    try:
        lengths = run_lengths(value.get("counts"))
    except (ValueError, OverflowError):
        raise _Unusable("masks have run lengths that cannot be read") from None
    if int(lengths.sum()) != stated[0] * stated[1] or lengths.max() > _MOST_PIXELS:
        raise _Unusable("masks have run lengths that do not fill their size")
    if size is not None and tuple(stated) != size:
        raise _Unusable("masks are of another size than their image")
    return lengths.astype(np.uint32)


def _size(entry):
    sides = entry.get("height"), entry.get("width")
    if all(_is_number(side) and side >= 1 for side in sides):
        return int(sides[0]), int(sides[1])
    return None


def _flag(entry, key):
    value = entry.get(key, 0)
    return bool(value) if isinstance(value, int | float) else False


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and type(value) is not bool and math.isfinite(value)


def _id(value):
    """An id as text; None where it is neither a number nor a text."""
    if isinstance(value, str):
        return value
    if not _is_number(value):
        return None
    return str(int(value)) if value == int(value) else str(value)


def _name_of(entry, place):
    number = _id(entry.get("id")) if isinstance(entry, dict) else None
    return f"number {place} of the list" if number is None else f"annotation {printable(number)}"
