"""Boxes or polygons in YOLO's text files (Ultralytics, Roboflow, Darknet).

    images/SPLIT/NAME.jpg, labels/SPLIT/NAME.txt    an image and its objects, a line each
    SPLIT/images/NAME.jpg, SPLIT/labels/NAME.txt    or as Roboflow has them
    images/NAME.jpg, labels/NAME.txt                or divided into train and val by --seed
    data.yaml                                       `names`: a list, or numbers with names; or
    classes.txt                                     a name a line

A line is `CLASS X Y WIDTH HEIGHT`, the middle and the sides as shares of the image's, or
`CLASS X Y X Y X Y ...`, a polygon of at least three points likewise. Classes count from 0.
An image without a file, or with an empty one, has no objects.
Left out: files without an image; they are counted.
Refused: other lines; classes that are not named; sets without names.
"""

import pathlib

import numpy as np

from lfp_tf.data.datasets.class_lists import read_classes
from lfp_tf.data.datasets.dataset import Asked, Dataset, Source
from lfp_tf.data.datasets.folders import existing_source, files_below, first_file, read_list
from lfp_tf.data.datasets.named_objects import (
    OPTIONS,
    SPLITS,
    NamedImage,
    NamedObject,
    left_out_note,
    named_plan,
    numbers,
    polygons_object,
    split_in,
)
from lfp_tf.data.detection.records import SourceObject
from lfp_tf.data.plan import Plan
from lfp_tf.documents import parse_yaml
from lfp_tf.errors import LfpError, printable
from lfp_tf.images.decode import image_size

NAME = "yolo"
LAYOUT = (
    "images/SPLIT/*.jpg and labels/SPLIT/*.txt, or SPLIT/images and SPLIT/labels, or images and "
    "labels; and data.yaml or classes.txt with the names of the classes"
)
_BOX_NUMBERS = 4
_LEAST_POINTS = 3
_DESCRIPTIONS = ("data.yaml", "dataset.yaml", "data.yml")


def plan(source: Source, asked: Asked = None, *, seed: int = 0, val_share: float = 0.2) -> Plan:
    """Lists the images and their objects.

    Args:
        source: the folder.
        asked: the splits to be written.
        seed: divides a set without splits.
        val_share: the share that it holds out.

    Raises:
        LfpError: nothing there, names that are missing, a line that cannot be used.
    """
    root = existing_source(source, NAME, LAYOUT)
    names = _names(root)
    paths = [path for path in files_below(root) if "images" in path.split("/")[:-1]]
    labels = {path for path in files_below(root, (".txt",)) if "labels" in path.split("/")[:-1]}
    if not paths or not labels:
        raise LfpError(f"{root} is not laid out as {NAME}. Expected: {LAYOUT}.")
    images, used = [], set()
    for path in paths:
        label = _label_path(path)
        used.add(label)
        images.append(_image(root, path, label if label in labels else None, names))
    notes = left_out_note("files of labels have no image", sorted(labels - used))
    return named_plan(
        NAME, root, images, asked, seed=seed, val_share=val_share, classes=names, notes=notes
    )


def _label_path(image):
    """labels/train/a.txt of images/train/a.jpg: the last `images` is changed."""
    parts = image.split("/")
    place = len(parts) - 2 - parts[-2::-1].index("images")
    parts[place] = "labels"
    return str(pathlib.PurePosixPath("/".join(parts)).with_suffix(".txt"))


def _names(root):
    path = first_file(root, _DESCRIPTIONS)
    if path is None:
        table, _ = read_classes(root, None)
        if table is None:
            raise LfpError(f"{root} has no data.yaml or classes.txt that names its classes.")
        return table.names
    try:
        names = parse_yaml(path.read_text(encoding="utf-8"))["names"]
        if isinstance(names, dict):
            names = [names[number] for number in range(len(names))]
        if not isinstance(names, list) or not names:
            raise ValueError("no list")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LfpError(f"{path} does not list names of classes ({printable(error)}).") from None
    return tuple(map(str, names))


def _image(root, path, label, names):
    where = str(root / (label or path))
    lines = [line for line in read_list(root / label) if line] if label else []
    objects = ()
    if lines:
        try:
            height, width = image_size(str(root / path))
        except LfpError:
            lines = []  # It is named when its pixels are read.
        else:
            scale = np.array([width, height], np.float64)
            objects = tuple(
                _object(line.split(), scale, names, f"{where}, line {number}")
                for number, line in enumerate(lines, 1)
            )
    return NamedImage(path, objects, None, split_in(path), f"{where} ({path})")


def _object(words, scale, names, where):
    values = numbers(words[1:], where)
    if not words[0].isdecimal() or int(words[0]) >= len(names):
        raise LfpError(
            f'{where} has the class "{printable(words[0])}", but {len(names)} classes are named, '
            f"0 to {len(names) - 1}."
        )
    name = names[int(words[0])]
    if len(values) == _BOX_NUMBERS:
        middle, sides = np.reshape(values, (2, 2)) * scale
        if sides.min() < 0:
            raise LfpError(f"{where} has a width or height below 0.")
        (x, y), (width, height) = (middle - sides / 2).tolist(), sides.tolist()
        return NamedObject(name, SourceObject((x, y, width, height), 0))
    if len(values) % 2 or len(values) < 2 * _LEAST_POINTS:
        raise LfpError(
            f"{where} has {len(values)} numbers behind its class; a box has 4, a polygon an even "
            "number from 6 on."
        )
    return NamedObject(name, polygons_object([np.reshape(values, (-1, 2)) * scale], where))


DATASET = Dataset(
    name=NAME,
    summary="boxes or polygons in YOLO's text files",
    layout=LAYOUT,
    splits=SPLITS,
    plan=plan,
    options=OPTIONS,
)
