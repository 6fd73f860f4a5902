"""Polygons and boxes drawn with labelme: a JSON beside each image.

    NAME.json, NAME.jpg              anywhere below; the image is `imagePath`, or has the same name

Shapes: polygons; rectangles, which are boxes without a mask; masks of its AI tools. Shapes of one
label and one group are one object. Splits: those of the folders, else divided by --seed.
Left out: other shapes (points, lines, circles) and other JSON files; they are counted.
Refused: images that are missing; shapes whose points are no numbers.
"""

import base64
import binascii
import pathlib

import numpy as np

from lfp_tf.data.datasets.dataset import Asked, Dataset, Source
from lfp_tf.data.datasets.folders import existing_source, files_below
from lfp_tf.data.datasets.found_images import image_finder, paths_by, without_suffix
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
    places_beside,
    polygons_object,
    split_in,
)
from lfp_tf.data.detection.masks import bitmap_counts, png_bitmap
from lfp_tf.data.detection.records import SourceObject
from lfp_tf.data.plan import Plan
from lfp_tf.documents import load_json
from lfp_tf.errors import LfpError, printable

NAME = "labelme"
LAYOUT = "images with labelme's NAME.json beside them, in folders train and val or not"
_POLYGON, _RECTANGLE, _MASK = "polygon", "rectangle", "mask"


def plan(source: Source, asked: Asked = None, *, seed: int = 0, val_share: float = 0.2) -> Plan:
    """Lists the images and their objects.

    Args:
        source: the folder.
        asked: the splits to be written.
        seed: divides a set without splits.
        val_share: the share that it holds out.

    Raises:
        LfpError: nothing there, a file that cannot be used, images that are missing.
    """
    root = existing_source(source, NAME, LAYOUT)
    images, others, left_out = [], [], []
    paths = files_below(root)
    find, beside = image_finder(paths), paths_by(paths, without_suffix)
    for path in files_below(root, (".json",)):
        content = _content(root / path)
        if content is None:
            others.append(path)
        else:
            images.append(_image(root, path, content, find, beside, left_out))
    if not images:
        raise LfpError(f"{root} holds no JSON of labelme. Expected: {LAYOUT}.")
    notes = (
        *left_out_note("JSON files are not labelme's", others),
        *left_out_note("shapes are neither polygons nor boxes nor masks", left_out),
    )
    return named_plan(NAME, root, images, asked, seed=seed, val_share=val_share, notes=notes)


def _content(path):
    """The dictionary of labelme's file; None of another JSON."""
    try:
        content = load_json(path)
    except (OSError, ValueError) as error:
        raise LfpError(f"{path} cannot be read as JSON ({printable(error)}).") from None
    is_ours = isinstance(content, dict) and isinstance(content.get("shapes"), list)
    return content if is_ours else None


def _image(root, path, content, find, beside, left_out):
    where = str(root / path)
    named = str(content.get("imagePath") or "") or pathlib.PurePosixPath(path).stem
    own = beside.get(without_suffix(path), ())
    name = own[0] if len(own) == 1 else one_image(find(named, places_beside(path)), named, where)
    sides = content.get("imageHeight"), content.get("imageWidth")
    size = (sides[0], sides[1]) if all(type(side) is int and side > 0 for side in sides) else None
    objects = _objects(content["shapes"], size, where, left_out)
    return NamedImage(name, tuple(objects), size, split_in(path), f"{where} ({name})")


def _objects(shapes, size, where, left_out):
    objects, polygons = [], {}
    for place, shape in enumerate(shapes):
        here = f"{where}, shape {place}"
        if not isinstance(shape, dict) or not isinstance(shape.get("label"), str):
            raise LfpError(f"{here} has no label.")
        kind, points = shape.get("shape_type") or _POLYGON, _points(shape, here)
        if kind == _POLYGON:
            group = shape.get("group_id")
            key = (shape["label"], place if group is None else f"group {group}")
            polygons.setdefault(key, []).append(points)
        elif kind == _RECTANGLE and len(points) > 1:
            corners = [*points.min(axis=0).tolist(), *points.max(axis=0).tolist()]
            objects.append(NamedObject(shape["label"], box_between(corners, here)))
        elif kind == _MASK and len(points) and size is not None:
            objects.append(NamedObject(shape["label"], _mask(shape, points, size, here)))
        else:
            left_out.append(f"{here} ({printable(kind)})")
    return objects + [
        NamedObject(label, polygons_object(parts, where)) for (label, _), parts in polygons.items()
    ]


def _points(shape, where):
    points = shape.get("points")
    if not isinstance(points, list) or not all(
        isinstance(point, list) and len(point) == 2 for point in points
    ):
        raise LfpError(f"{where} has no points [x, y].")
    flat = numbers([value for point in points for value in point], where)
    return np.reshape(np.array(flat, np.float64), (-1, 2))


def _mask(shape, points, size, where):
    """A PNG of the object's box, whose upper left corner is the first point."""
    try:
        part = png_bitmap(base64.b64decode(shape["mask"], validate=True))
    except (KeyError, TypeError, binascii.Error, LfpError) as error:
        raise LfpError(f"{where} has a mask that cannot be read ({printable(error)}).") from None
    x, y = points[0].astype(int).tolist()
    bitmap = np.zeros(size, bool)
    height, width = part.shape
    if min(x, y) < 0 or y + height > size[0] or x + width > size[1]:
        raise LfpError(f"{where} has a mask that leaves the image.")
    bitmap[y : y + height, x : x + width] = part
    return SourceObject((x, y, width, height), 0, counts=bitmap_counts(bitmap))


DATASET = Dataset(
    name=NAME,
    summary="polygons and boxes drawn with labelme",
    layout=LAYOUT,
    splits=SPLITS,
    plan=plan,
    options=OPTIONS,
)
