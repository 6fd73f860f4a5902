"""What readers of annotation tools share: objects with the names of their classes, splits, plans.

Splits are what a set says itself, or what folders say: `train`, `val` (`valid`, `validation`) or
`test` anywhere in a path. A set without any is divided into train and val by --seed.
Classes are those of `classes.txt`, or what the set lists, or the names that occur, sorted.
"""

import dataclasses
import math
import pathlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from lfp_tf.data.datasets.class_lists import read_classes
from lfp_tf.data.datasets.dataset import Asked, Option, share, whole_number
from lfp_tf.data.datasets.folders import NoSamples, read_splits, split_by_seed
from lfp_tf.data.detection.records import SourceImage, SourceObject, detection_plan
from lfp_tf.data.plan import Plan
from lfp_tf.errors import LfpError, first_of, nearest, printable

SPLITS = ("train", "val", "test")
_SPLIT_OF = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_LARGEST = 1e9
_USUAL = ("train", "val")  # One of these that is missing is told.
OPTIONS: dict[str, Option] = {
    "seed": whole_number("another division into train and val (default 0)"),
    "val_share": share("the share that --seed holds out (default 0.2)"),
}


@dataclasses.dataclass(frozen=True)
class NamedObject:
    """An object and the name of its class.

    Attributes:
        name: of the class.
        object: the object; its label is not known yet.
    """

    name: str
    object: SourceObject


@dataclasses.dataclass(frozen=True)
class NamedImage:
    """An image of a set.

    Attributes:
        name: path of the image, relative to the set's folder.
        objects: of the image.
        size: (height, width) that the annotation is for, or None.
        split: which it belongs to; None where nothing tells.
        where: how sentences call it.
    """

    name: str
    objects: tuple[NamedObject, ...]
    size: tuple[int, int] | None
    split: str | None
    where: str


def named_plan(
    name: str,
    root: pathlib.Path,
    images: Sequence[NamedImage],
    asked: Asked,
    *,
    seed: int,
    val_share: float,
    classes: Sequence[str] | None = None,
    notes: Sequence[str] = (),
) -> Plan:
    """The plan of a set whose objects have class names.

    Args:
        name: of the data set.
        root: its folder.
        images: of all splits.
        asked: the splits to be written.
        seed, val_share: divide a set without splits.
        classes: names in the set's own order; None takes those that occur.
        notes: as of `Plan`.

    Raises:
        LfpError: no image, some images with and some without a split, a class that is not listed.
    """
    if not images:
        raise LfpError(f"{root} holds no annotated images.")
    divided, options = _divided(root, images, seed, val_share)

    def read(split):
        if not divided.get(split):
            raise NoSamples(f"{root} holds no annotated images of {split}.")
        return divided[split]

    splits, missing = read_splits(dict.fromkeys((*_USUAL, *divided)), asked, read)
    table, _ = read_classes(root, None)
    listed = table.names if table else classes
    # Of all splits, so that a class has one label whatever is asked for.
    names = tuple(listed) if listed else tuple(sorted({o.name for i in images for o in i.objects}))
    if not names:
        raise LfpError(f"{root} has no object in any image, so its classes are unknown.")
    return detection_plan(
        name,
        names,
        {split: [_source(root, image, names) for image in some] for split, some in splits.items()},
        options=options,
        notes=(*missing, *notes),
    )


def split_in(path: str) -> str | None:
    """The split that a path's folders name, or None.

    >>> split_in("images/valid/a.jpg"), split_in("train.jpg")
    ('val', None)
    """
    return next((_SPLIT_OF[part] for part in path.split("/")[:-1] if part in _SPLIT_OF), None)


def one_image(paths: Sequence[str], file_name: str, where: str) -> str:
    """The path of the image that an annotation names.

    Args:
        paths: those that it may mean, of `image_finder`.
        file_name: as the annotation has it.
        where: how sentences call the annotation.

    Raises:
        LfpError: there is none, or there are several.
    """
    if len(paths) == 1:
        return paths[0]
    if not paths:
        raise LfpError(f"{where} is of {printable(file_name)}, which is nowhere below the folder.")
    raise LfpError(
        f"{where} is of {printable(file_name)}, which may be any of {first_of(paths)}; which one "
        "is meant?"
    )


def places_beside(annotation: str) -> list[str]:
    """Folders whose images `image_finder` prefers for an annotation: its own, or of its split."""
    return [*reversed(annotation.split("/")[:-1]), "images", "JPEGImages"]


def numbers(texts: Iterable[Any], where: str) -> list[float]:
    """Numbers of texts, as images have them.

    Raises:
        LfpError: one is none, or larger than any image.
    """
    values = []
    for text in texts:
        try:
            values.append(float(text))
        except (TypeError, ValueError):
            values.append(math.nan)
        if not abs(values[-1]) <= _LARGEST:  # NaN is not either.
            raise LfpError(f'{where} has "{printable(text)}" where a number belongs.')
    return values


def box_between(corners: Sequence[float], where: str) -> SourceObject:
    """An object with a box and without a mask.

    Args:
        corners: x1, y1, x2, y2 in pixels.
        where: how sentences call it.

    Raises:
        LfpError: the second corner lies before the first.
    """
    x1, y1, x2, y2 = corners
    if x2 < x1 or y2 < y1:
        raise LfpError(f"{where} has a box from ({x1:g}, {y1:g}) to ({x2:g}, {y2:g}).")
    return SourceObject((x1, y1, x2 - x1, y2 - y1), 0)


def polygons_object(polygons: Sequence[np.ndarray], where: str) -> SourceObject:
    """An object of polygons [points, 2], with the box around them.

    Raises:
        LfpError: they have no point.
    """
    points = np.concatenate([*polygons, np.zeros((0, 2))])
    if not len(points):
        raise LfpError(f"{where} has a polygon without points.")
    x1, y1 = points.min(axis=0).tolist()
    x2, y2 = points.max(axis=0).tolist()
    return SourceObject((x1, y1, x2 - x1, y2 - y1), 0, polygons=tuple(polygons))


def left_out_note(what: str, names: Sequence[str]) -> tuple[str, ...]:
    """A sentence about things that are left out; none without names."""
    if not names:
        return ()
    return (f"{len(names)} {what}; left out: {first_of(sorted(names))}.",)


def _divided(root, images, seed, val_share):
    """({split: images}, what the records depend on besides)."""
    without = [image for image in images if image.split is None]
    if len(without) == len(images):
        return split_by_seed(images, seed=seed, share=val_share), {
            "seed": seed,
            "val_share": val_share,
        }
    if without:
        raise LfpError(
            f"{len(without)} of {len(images)} annotated images in {root} belong to no split, "
            f"the others do: {first_of(image.name for image in without)}."
        )
    present = {image.split for image in images}
    order = [split for split in SPLITS if split in present]
    return {
        split: [image for image in images if image.split == split]
        for split in (*order, *sorted(present - set(order)))
    }, {}


def _source(root, image, names):
    labels = {name: label for label, name in enumerate(names, 1)}
    for one in image.objects:
        if one.name not in labels:
            raise LfpError(
                f'{image.where} has an object of the class "{printable(one.name)}", which is not '
                f"listed.{nearest(one.name, names)}"
            )
    return SourceImage(
        image=str(root / image.name),
        name=image.name,
        source_id=image.name,
        objects=tuple(
            dataclasses.replace(one.object, label=labels[one.name]) for one in image.objects
        ),
        size=image.size,
        where=image.where,
    )
