"""Records of detection: one image each, with boxes, classes and masks of its objects.

Everything is stored as the source has it; what training drops or clips is told in `transforms.py`.
"""

import dataclasses
import functools
import hashlib
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from lfp_tf.data.description import read_dataset, task_classes
from lfp_tf.data.detection import objects as keys
from lfp_tf.data.detection.masks import (
    MOST_PIXELS_ROUND,
    bitmap_png,
    bitmap_rle,
    counts_bitmap,
    is_drawable,
    png_bitmap,
    polygons_bitmap,
)
from lfp_tf.data.detection.objects import (
    TASK,
    check_mask_size,
    encoded_image,
    stored_objects,
    stored_size,
    text_of,
)
from lfp_tf.data.detection.sizes import record_sizes
from lfp_tf.data.example import encode_example
from lfp_tf.data.plan import Inspection, Plan, image_bytes, image_features
from lfp_tf.data.records import read_record, record_index
from lfp_tf.data.shards import Encoded
from lfp_tf.errors import LfpError
from lfp_tf.images.decode import MAX_PIXELS, image_size, read_image
from lfp_tf.images.detections import draw_detections
from lfp_tf.images.overlay import side_by_side
from lfp_tf.images.palette import ClassTable, voc_colors


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class SourceObject:
    """An object of an image, as a data set has it.

    Attributes:
        box: x, y, width, height in pixels, counted from 0 at the image's corner.
        label: its class, from 1 on.
        area: square pixels; None takes that of the mask, or without a pixel of one the box's.
        is_crowd: several objects that were not told apart.
        is_ignored: not to be learned.
        polygons: float64 [points, 2] pixels each; together its mask.
        counts: run lengths of its mask (see `masks`); None where it has polygons or no mask.
    """

    box: tuple[float, float, float, float]
    label: int
    area: float | None = None
    is_crowd: bool = False
    is_ignored: bool = False
    polygons: tuple[np.ndarray, ...] = ()
    counts: np.ndarray | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SourceObject) and self.facts() == other.facts()

    def facts(self) -> tuple[Any, ...]:
        """All that the object is, as plain values."""
        parts = (*self.polygons, *([] if self.counts is None else [self.counts]))
        shape = (len(self.polygons), *(part.tobytes() for part in parts))
        return (self.box, self.label, self.area, self.is_crowd, self.is_ignored, *shape)

    @property
    def has_mask(self) -> bool:
        """Whether `bitmap` gives one."""
        return self.counts is not None or bool(self.polygons)

    def bitmap(self, size: tuple[int, int]) -> np.ndarray | None:
        """The mask bool [H, W] in an image of (height, width), or None."""
        if self.counts is not None:
            return counts_bitmap(self.counts, size)
        return polygons_bitmap(self.polygons, size) if self.polygons else None


@dataclasses.dataclass(frozen=True)
class SourceImage:
    """An image and its objects, as a data set has them.

    Attributes:
        image: path of the image.
        name: what the record calls it.
        source_id: what the data set calls it.
        objects: in the data set's order; may be none.
        size: (height, width) that the annotation is for; None where it does not tell.
        where: how sentences call it.
    """

    image: str
    name: str
    source_id: str
    objects: tuple[SourceObject, ...]
    size: tuple[int, int] | None
    where: str


def detection_plan(
    name: str,
    classes: Sequence[str],
    splits: dict[str, list[SourceImage]],
    *,
    options: dict[str, Any] | None = None,
    notes: Sequence[str] = (),
    facts: dict[str, Any] | None = None,
) -> Plan:
    """The `Plan` of a data set of images with objects.

    Args:
        name: of the data set.
        classes: names of the objects' classes; the first is label 1.
        splits: {split: images}.
        options, facts: as of `Plan`.
        notes: alike; behind them stands how many objects have masks, where only some do.
    """
    classes = tuple(classes)
    return Plan(
        name=name,
        table=ClassTable(classes, voc_colors(len(classes) + 1)[1:]),
        splits=splits,
        encode=functools.partial(encode_objects, classes=classes),
        inspect=inspect_image,
        draw=functools.partial(draw_record, classes=classes),
        tasks=(TASK,),
        options=options or {},
        notes=[*notes, *_mask_notes(splits)],
        facts=facts or {},
        finish=_write_sizes,
    )


def _mask_notes(splits):
    for split, images in splits.items():
        has_mask = [one.has_mask for image in images for one in image.objects]
        if 0 < sum(has_mask) < len(has_mask):
            yield f"{split}: {sum(has_mask)} of {len(has_mask)} objects have a mask"


def _write_sizes(folder, split):
    record_sizes(record_index(folder, split))


def encode_objects(
    source: SourceImage, *, classes: Sequence[str], max_pixels: int = MAX_PIXELS
) -> Encoded:
    """The record of an image that passed `inspect_image`."""
    image, image_format = image_bytes(source.image, max_pixels)
    size = image_size(source.image, max_pixels=max_pixels)
    features = image_features(source.name, image, image_format, size)
    features |= {"image/source_id": source.source_id} | object_features(
        source.objects, size, classes
    )
    return Encoded(encode_example(features), *size)


def object_features(
    objects: Sequence[SourceObject], size: tuple[int, int], classes: Sequence[str]
) -> dict[str, Any]:
    """The features of an image's objects.

    Args:
        objects: of the image.
        size: (height, width) of the image in pixels.
        classes: names of labels 1, 2, ...
    """
    boxes = np.array([one.box for one in objects], np.float64).reshape(-1, 4)
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
    unit = (corners / np.array([*size[::-1], *size[::-1]])).astype(np.float32)
    bitmaps = [one.bitmap(size) for one in objects]
    features = {key: unit[:, side] for side, key in enumerate(keys.BOX_KEYS)} | {
        keys.LABEL_KEY: [one.label for one in objects],
        keys.TEXT_KEY: [classes[one.label - 1] for one in objects],
        keys.CROWD_KEY: [int(one.is_crowd) for one in objects],
        keys.AREA_KEY: [_area(*pair) for pair in zip(objects, bitmaps, strict=True)],
        keys.MASK_KEY: [b"" if bitmap is None else bitmap_png(bitmap) for bitmap in bitmaps],
    }
    if any(one.is_ignored for one in objects):
        features[keys.IGNORED_KEY] = [int(one.is_ignored) for one in objects]
    polygons = [polygon for one in objects for polygon in one.polygons]
    if polygons:
        features |= {
            keys.XY_KEY: np.concatenate(polygons).ravel().astype(np.float32),
            keys.POINTS_KEY: [len(polygon) for polygon in polygons],
            keys.PARTS_KEY: [len(one.polygons) for one in objects],
        }
    return features


def inspect_image(source: SourceImage, *, max_pixels: int = MAX_PIXELS) -> Inspection:
    """Decodes the image once and compares its size with the annotation's.

    An image that cannot be used is left out.
    """
    try:
        size = read_image(source.image, max_pixels=max_pixels).shape[:2]
        content = pathlib.Path(source.image).read_bytes()
    except (LfpError, OSError) as error:
        return Inspection(source.name, "", str(error), is_broken=True)
    if problem := _size_problem(source, size):
        return Inspection(source.name, "", f"{source.where} {problem}", is_broken=True)
    digest = hashlib.sha256(content)
    for one in source.objects:
        digest.update(repr(one.facts()).encode())
    return Inspection(source.name, digest.hexdigest(), size_bytes=len(content))


def draw_record(
    image: np.ndarray, features: dict[str, list[Any]], *, classes: Sequence[str]
) -> np.ndarray:
    """The image beside itself under its boxes and masks: uint8 [H', W', 3].

    Args:
        image: uint8 [H, W, 3].
        features: of its record.
        classes: names of labels 1, 2, ...
    """
    objects = stored_objects(features, "The record")
    height, width = image.shape[:2]
    drawn = draw_detections(
        image,
        objects.boxes_unit * np.array([width, height, width, height]),
        objects.classes - 1,
        classes,
        masks=[png_bitmap(mask) if mask else None for mask in objects.masks],
    )
    return side_by_side([image, drawn], [text_of(features, "image/filename"), "objects"])


def read_truth(
    folder: str | os.PathLike, split: str, *, limit: int | None = None
) -> dict[str, list[dict[str, Any]]]:
    """The objects of a split as a COCO dictionary, for scores; no image is decoded.

    Nothing is left out: crowds, objects without a mask and images without objects are there.

    Args:
        folder: of the records.
        split: which of them.
        limit: only the first so many images; None takes all.

    Returns:
        {"images": of {id (number of the record, from 0), height, width, file_name, source_id},
        "annotations": of {id (from 1), image_id, category_id (label), bbox (x, y, width, height),
        area, iscrowd, segmentation (compressed run lengths; missing where there is no mask)},
        "categories": of {id, name}}.

    Raises:
        LfpError: no such records, or one is damaged or not as it must be; it is named.
    """
    index = record_index(folder, split)
    images, annotations, texts = [], [], {}
    for number in range(min(len(index), len(index) if limit is None else limit)):
        record, where = read_record(index, number), index.where(number)
        objects = stored_objects(record, where)
        image = encoded_image(record, where)
        size = stored_size(record) or image_size(image)
        images.append(
            {
                "id": number,
                "height": size[0],
                "width": size[1],
                "file_name": text_of(record, "image/filename"),
                "source_id": text_of(record, "image/source_id"),
            }
        )
        for annotation in _annotations(objects, record.get(keys.AREA_KEY), size, where):
            ids = {"id": len(annotations) + 1, "image_id": number}
            annotations.append(ids | annotation)
        texts |= dict(zip(objects.classes.tolist(), objects.texts, strict=False))
    return {
        "images": images,
        "annotations": annotations,
        "categories": _categories(folder, texts, annotations),
    }


def _area(one, bitmap):
    if one.area is not None:
        return float(one.area)
    pixels = 0 if bitmap is None else bitmap.sum()
    return float(pixels or one.box[2] * one.box[3])


def _size_problem(source, size):
    if source.size is not None and source.size != size:
        return (
            f"is {size[0]}x{size[1]} (height x width), but its annotation is for "
            f"{source.size[0]}x{source.size[1]}."
        )
    lengths = [int(one.counts.sum()) for one in source.objects if one.counts is not None]
    wrong = [length for length in lengths if length != size[0] * size[1]]
    if wrong:
        return f"is {size[0]}x{size[1]} (height x width), but a mask of it has {wrong[0]} pixels."
    if not all(is_drawable(one.polygons) for one in source.objects):
        return "has a polygon that leads far out of it."
    if not all(abs(side) <= MOST_PIXELS_ROUND for one in source.objects for side in one.box):
        return "has a box that leads far out of it."
    return ""


def _annotations(objects, areas, size, where):
    height, width = size
    boxes = objects.boxes_unit.astype(np.float64) * [width, height, width, height]
    for number, (x1, y1, x2, y2) in enumerate(boxes.tolist()):
        annotation = {
            "category_id": int(objects.classes[number]),
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "iscrowd": int(objects.is_crowd[number]),
        }
        area = (x2 - x1) * (y2 - y1)
        if objects.masks and objects.masks[number]:
            bitmap = _bitmap(objects.masks[number], size, where)
            annotation["segmentation"] = bitmap_rle(bitmap)
            area = float(bitmap.sum()) or area
        yield annotation | {"area": float(areas[number]) if areas else area}


def _bitmap(mask, size, where):
    try:
        bitmap = png_bitmap(mask)
    except LfpError as error:
        raise LfpError(f'{where}, "{keys.MASK_KEY}": {error}') from None
    check_mask_size(bitmap.shape, size, where)
    return bitmap


def _categories(folder, texts, annotations):
    """Categories by `dataset.json`; without one by the names that records tell."""
    if (pathlib.Path(folder) / "dataset.json").exists():
        names = dict(enumerate(task_classes(read_dataset(folder), TASK), 1))
    else:
        names = {label: text.decode(errors="replace") for label, text in texts.items()}
    present = {annotation["category_id"] for annotation in annotations}
    return [{"id": n, "name": names.get(n, f"class {n}")} for n in sorted(present | names.keys())]
