"""Boxes, polygons and masks of CVAT's own XML ("CVAT for images 1.1").

    annotations.xml                  the objects of all images
    images/NAME.jpg                  images, anywhere below: found by the end of their path

Shapes of one label and one group are one object. Classes: in the order of the task's labels.
Splits: the `subset` of the images, else their folders, else divided by --seed.
Left out: other shapes (points, lines, ellipses, skeletons), images that are not there where others
are; they are counted.
Refused: shapes whose points are no numbers, masks that do not fill their box.
"""

import numpy as np

from lfp_tf.data.datasets.dataset import Asked, Dataset, Source
from lfp_tf.data.datasets.folders import existing_source, files_below
from lfp_tf.data.datasets.found_images import image_finder
from lfp_tf.data.datasets.named_objects import (
    OPTIONS,
    SPLITS,
    NamedImage,
    NamedObject,
    box_between,
    left_out_note,
    named_plan,
    numbers,
    one_image,
    polygons_object,
    split_in,
)
from lfp_tf.data.datasets.xml_file import read_xml, whole_size
from lfp_tf.data.detection.masks import bitmap_counts
from lfp_tf.data.detection.records import SourceObject
from lfp_tf.data.plan import Plan
from lfp_tf.errors import LfpError, printable

NAME = "cvat"
LAYOUT = "annotations.xml as CVAT exports it for images, and the images anywhere below"
_FILE = "annotations.xml"
_SUBSETS = {"train": "train", "val": "val", "validation": "val", "test": "test"}


def plan(source: Source, asked: Asked = None, *, seed: int = 0, val_share: float = 0.2) -> Plan:
    """Lists the images and their objects.

    Args:
        source: the folder.
        asked: the splits to be written.
        seed: divides a set without splits.
        val_share: the share that it holds out.

    Raises:
        LfpError: nothing there, shapes that cannot be used, images that are missing.
    """
    root = existing_source(source, NAME, LAYOUT)
    path = root / _FILE
    if not path.is_file():
        raise LfpError(f"{root} holds no {_FILE}. Expected: {LAYOUT}.")
    annotations, paths = read_xml(path, "annotations"), files_below(root)
    elements, find = list(annotations.iter("image")), image_finder(paths)
    missing = [one.get("name", "") for one in elements if not _found(find, one)]
    images, left_out = [], []
    for element in elements:
        if _found(find, element) or len(missing) == len(elements):
            images.append(_image(path, element, find, left_out))
    names = [label.findtext("name") or "" for label in annotations.iter("label")]
    notes = (
        *left_out_note("annotated images are not there", [printable(name) for name in missing]),
        *left_out_note("shapes are neither boxes nor polygons nor masks", left_out),
    )
    return named_plan(
        NAME,
        root,
        images,
        asked,
        seed=seed,
        val_share=val_share,
        classes=list(dict.fromkeys(filter(None, names))) or None,
        notes=notes,
    )


def _found(find, element):
    return find(element.get("name", ""), ["images"])


def _image(path, element, find, left_out):
    where = f"{path}, image {printable(element.get('name', ''))}"
    name = one_image(_found(find, element), element.get("name", ""), where)
    size = whole_size(element.get("height"), element.get("width"))
    objects, polygons = [], {}
    for place, shape in enumerate(element):
        here, label = f"{where}, shape {place}", shape.get("label", "")
        if shape.tag == "polygon":
            group = shape.get("group_id", "0")
            key = (label, place if group == "0" else f"group {group}")
            polygons.setdefault(key, []).append(_points(shape, here))
        elif shape.tag == "box":
            corners = numbers([shape.get(side) for side in ("xtl", "ytl", "xbr", "ybr")], here)
            objects.append(NamedObject(label, box_between(corners, here)))
        elif shape.tag == "mask" and size is not None:
            objects.append(NamedObject(label, _mask(shape, size, here)))
        elif shape.tag != "tag":
            left_out.append(f"{here} ({printable(shape.tag)})")
    objects += [
        NamedObject(label, polygons_object(parts, where)) for (label, _), parts in polygons.items()
    ]
    split = _SUBSETS.get(element.get("subset", "").lower()) or split_in(name)
    return NamedImage(name, tuple(objects), size, split, where)


def _points(shape, where):
    pairs = [pair.split(",") for pair in shape.get("points", "").split(";")]
    if any(len(pair) != 2 for pair in pairs):
        raise LfpError(f"{where} has no points x,y;x,y;...")
    flat = numbers([value for pair in pairs for value in pair], where)
    return np.reshape(np.array(flat, np.float64), (-1, 2))


def _mask(shape, size, where):
    """Run lengths of the object's box, row after row, zeros first."""
    sides = ("left", "top", "width", "height")
    x, y, width, height = map(int, numbers([shape.get(side) for side in sides], where))
    runs = [int(run) for run in numbers(shape.get("rle", "").split(","), where)]
    if min(x, y, width, height, *runs) < 0 or y + height > size[0] or x + width > size[1]:
        raise LfpError(f"{where} has a mask that leaves the image.")
    if sum(runs) != width * height:
        raise LfpError(f"{where} has run lengths that do not fill its {width}x{height} pixels.")
    part = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)
    bitmap = np.zeros(size, bool)
    bitmap[y : y + height, x : x + width] = part
    return SourceObject((x, y, width, height), 0, counts=bitmap_counts(bitmap))


DATASET = Dataset(
    name=NAME,
    summary="boxes, polygons and masks of CVAT's XML for images",
    layout=LAYOUT,
    splits=SPLITS,
    plan=plan,
    options=OPTIONS,
)
