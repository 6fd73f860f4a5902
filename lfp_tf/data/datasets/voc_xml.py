"""Boxes in PASCAL VOC's XML, as VOC itself, LabelImg and Roboflow write them.

    Annotations/NAME.xml             the objects of an image; or anywhere below
    JPEGImages/NAME.jpg              images, anywhere below: the file's <filename>, or its own name
    ImageSets/Main/SPLIT.txt         the names of a split, if they are there

Corners of the files are counted from 1 and belong to the box: 1 to 10 is a box of 10 pixels at 0.
Splits: those of the lists; without lists those of the folders; without any divided by --seed.
Objects marked `difficult` are scored but not learned. Masks: none.
Left out: files that no list names; they are counted.
Refused: images that are missing; corners that are no numbers; lists of files that are not there.
"""

import pathlib

from lfp_tf.data.datasets.dataset import Asked, Dataset, Source
from lfp_tf.data.datasets.folders import existing_source, files_below, read_list
from lfp_tf.data.datasets.found_images import image_finder, paths_by
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
    split_in,
)
from lfp_tf.data.datasets.xml_file import read_xml, whole_size
from lfp_tf.data.detection.records import SourceObject
from lfp_tf.data.plan import Plan
from lfp_tf.errors import LfpError, first_of

NAME = "voc_xml"
LAYOUT = "Annotations/*.xml and JPEGImages/*.jpg, or .xml files and images anywhere below"
_LISTS = "ImageSets/Main"


def plan(source: Source, asked: Asked = None, *, seed: int = 0, val_share: float = 0.2) -> Plan:
    """Lists the images and their boxes.

    Args:
        source: the folder.
        asked: the splits to be written.
        seed: divides a set without splits.
        val_share: the share that it holds out.

    Raises:
        LfpError: nothing there, a file that cannot be used, images that are missing.
    """
    root = existing_source(source, NAME, LAYOUT)
    files = files_below(root, (".xml",))
    if not files:
        raise LfpError(f"{root} holds no .xml files. Expected: {LAYOUT}.")
    paths = files_below(root)
    find, by_stem = image_finder(paths), paths_by(paths, _stem)
    listed = _listed(root, files)
    unlisted = [path for path in files if listed and path not in listed]
    images = [
        _image(root, path, find, by_stem, listed[path] if listed else split_in(path))
        for path in files
        if path not in unlisted
    ]
    notes = left_out_note("annotations are in no list", unlisted)
    return named_plan(NAME, root, images, asked, seed=seed, val_share=val_share, notes=notes)


def _listed(root, files) -> dict[str, str]:
    """{path of an annotation: its split}, empty without lists."""
    by_stem = {_stem(path): path for path in files}
    splits = {}
    for split in SPLITS:
        path = root / _LISTS / f"{split}.txt"
        names = [line.split()[0] for line in read_list(path) if line] if path.is_file() else []
        missing = [name for name in names if name not in by_stem]
        if missing:
            raise LfpError(
                f"{len(missing)} of the {len(names)} names in {path} have no .xml: "
                f"{first_of(missing)}."
            )
        for name in names:
            splits.setdefault(by_stem[name], split)
    return splits


def _stem(path):
    return pathlib.PurePosixPath(path).stem


def _image(root, path, find, by_stem, split):
    where = str(root / path)
    element = read_xml(where, "annotation")
    own = by_stem.get(_stem(path), ())
    file_name = (element.findtext("filename") or "").strip()
    # Files that were renamed still bear the old name inside.
    places = places_beside(path)
    named = file_name if find(file_name, places) or not own else own[0]
    name = one_image(find(named, places), named, where)
    size = whole_size(element.findtext("size/height"), element.findtext("size/width"))
    objects = [_object(one, f"{where}, object {n}") for n, one in enumerate(element.iter("object"))]
    return NamedImage(name, tuple(objects), size, split, f"{where} ({name})")


def _object(element, where):
    name = (element.findtext("name") or "").strip()
    if not name:
        raise LfpError(f"{where} has no name.")
    corners = [element.findtext(f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")]
    x1, y1, x2, y2 = numbers(corners, where)
    box = box_between((x1 - 1, y1 - 1, x2, y2), where).box
    is_difficult = (element.findtext("difficult") or "0").strip() == "1"
    return NamedObject(name, SourceObject(box, 0, is_ignored=is_difficult))


DATASET = Dataset(
    name=NAME,
    summary="boxes in PASCAL VOC's XML (VOC, LabelImg, Roboflow)",
    layout=LAYOUT,
    splits=SPLITS,
    plan=plan,
    options=OPTIONS,
)
