"""Images with boxes and masks, annotated in COCO's JSON: any such set.

    instances_SPLIT.json             the objects of a split, here or in annotations/
    SPLIT/_annotations.coco.json     or as Roboflow has them
    SPLIT.json, ...                  or any other JSON here or in annotations/, a file a split
    images/, SPLIT/, ...             images, anywhere below: found by the end of their path

The first of these forms that is there is read. A year behind the split's name is left out
(`instances_train2017.json` is train); valid and validation are val; a file that names no split,
as `instances_default.json`, is train. `coco_file.py` tells what an entry must have.

Classes: the categories by ascending id, those of all splits together; with --supercategories
these, in the order in which they first occur.
Left out: entries that cannot be used, images whose size is not the annotation's; all are counted.
Refused: images that are missing or found twice; one category id with two names.
"""

import pathlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lfp_tf.data.datasets.dataset import Asked, Dataset, Option, Source
from lfp_tf.data.datasets.folders import (
    NoSamples,
    existing_source,
    files_below,
    folders_in,
    read_splits,
)
from lfp_tf.data.datasets.found_images import image_finder
from lfp_tf.data.detection.coco_file import (
    Category,
    CocoFile,
    ordered,
    read_coco,
    relabelled,
)
from lfp_tf.data.detection.records import SourceImage, detection_plan
from lfp_tf.data.plan import Plan
from lfp_tf.errors import LfpError, first_of, printable

NAME = "coco_json"
LAYOUT = (
    "instances_SPLIT.json (here or in annotations/), or SPLIT/_annotations.coco.json, or SPLIT.json"
    ", and images anywhere below"
)
SPLITS = ("train", "val", "test")
SUPERCATEGORIES = Option("supercategories become the classes", None)

_USUAL = ("train", "val")  # One of these that is missing is told.
_PLACES = (".", "annotations")
_SAME = {"valid": "val", "validation": "val", "training": "train", "default": "train", "": "train"}
_INSTANCES, _ROBOFLOW = "instances_", "_annotations.coco.json"
# Files of COCO that hold something else than boxes of all classes.
_OTHERS = ("person_keypoints_", "captions_", "panoptic_", "stuff_", "image_info_")


def plan(source: Source, asked: Asked = None, *, supercategories: bool = False) -> Plan:
    """Lists the images of the annotations and their objects.

    Args:
        source: the folder.
        asked: the splits to be written.
        supercategories: whether supercategories become the classes.

    Raises:
        LfpError: nothing there, annotations that cannot be used, images that are missing.
    """
    root = existing_source(source, NAME, LAYOUT)
    files = annotation_files(root)
    return plan_of_files(NAME, root, files, asked, supercategories=supercategories)


def plan_of_files(
    name: str,
    root: pathlib.Path,
    files: Mapping[str, pathlib.Path],
    asked: Asked,
    *,
    supercategories: bool = False,
    options: dict[str, Any] | None = None,
) -> Plan:
    """The plan of annotation files whose images lie anywhere below a folder.

    Args:
        name: of the data set.
        root: the folder.
        files: {split: path of its annotations}.
        asked: the splits to be written.
        supercategories: whether supercategories become the classes.
        options: as of `Plan`, besides.

    Raises:
        LfpError: as `plan`.
    """

    def read(split):
        if split not in files:
            raise NoSamples(f"{root} holds no annotations of {split}.")
        return read_coco(files[split])

    contents, notes = read_splits(dict.fromkeys((*_USUAL, *files)), asked, read)
    categories = _joined(contents.values())
    classes = class_names(categories, supercategories=supercategories)
    paths, splits = files_below(root), {}
    for split, content in contents.items():
        labels = _labels(content.categories, categories, classes, supercategories)
        places = [_word_of(files[split]), split, "images"]
        splits[split] = source_images(root, paths, content, labels, places)
    facts = {}
    if not supercategories and all(category.is_number for category in categories):
        facts["category_ids"] = [int(category.id) for category in categories]
    names = [files[split].relative_to(root).as_posix() for split in contents]
    return detection_plan(
        name,
        classes,
        splits,
        options={"annotations": names, "supercategories": supercategories} | (options or {}),
        notes=(*notes, *(note for content in contents.values() for note in content.notes)),
        facts=facts,
    )


def annotation_files(root: pathlib.Path) -> dict[str, pathlib.Path]:
    """{split: path} of the annotation files below a folder, train before val before test.

    Raises:
        LfpError: there are none, or two are of one split.
    """
    beside = [path for place in _PLACES for path in sorted((root / place).glob("*.json"))]
    candidates = (
        [path for path in beside if path.name.startswith(_INSTANCES)],
        [
            root / name / _ROBOFLOW
            for name in folders_in(root)
            if (root / name / _ROBOFLOW).is_file()
        ],
        [path for path in beside if not path.name.startswith((*_OTHERS, "."))],
    )
    paths = next((some for some in candidates if some), [])
    if not paths:
        raise LfpError(f"{root} holds no annotations. Expected: {LAYOUT}.")
    files = {}
    for path in paths:
        split = _split_of(path)
        if split in files:
            raise LfpError(
                f"{files[split]} and {path} are both of the split {split}; which one is meant? "
                "Move the other one elsewhere."
            )
        files[split] = path
    order = [split for split in SPLITS if split in files]
    return {split: files[split] for split in (*order, *sorted(files.keys() - set(order)))}


def class_names(categories: Sequence[Category], *, supercategories: bool = False) -> list[str]:
    """Names of the classes that categories make, in the order of their labels."""
    if not supercategories:
        return [category.name for category in categories]
    return list(dict.fromkeys(category.supercategory for category in categories))


def _word_of(path):
    """What a file's name, or its folder's, says of the split: `train2017`."""
    if path.name == _ROBOFLOW:
        return path.parent.name
    return path.stem.removeprefix(_INSTANCES)


def _split_of(path):
    word = re.sub(r"[_-]?\d+$", "", _word_of(path).lower())
    for split in (*SPLITS, *_SAME):
        # `annotations_train`, `train_coco`
        if split and split in re.split(r"[^a-z]+", word):
            word = split
    word = _SAME.get(word, word)
    return word if re.fullmatch(r"[a-z0-9_]+", word) else "train"


def _joined(contents: Iterable[CocoFile]) -> tuple[Category, ...]:
    """The categories of all files."""
    joined = {}
    for content in contents:
        for category in content.categories:
            known = joined.setdefault(category.id, category)
            if known.name != category.name:
                raise LfpError(
                    f"{content.path} calls the category {printable(category.id)} "
                    f'"{printable(category.name)}", but another file calls it '
                    f'"{printable(known.name)}".'
                )
    return ordered(list(joined.values()))


def _labels(own, categories, classes, supercategories):
    """For each of a file's categories its label."""
    if supercategories:
        return [classes.index(category.supercategory) + 1 for category in own]
    places = {category.id: label for label, category in enumerate(categories, 1)}
    return [places[category.id] for category in own]


def source_images(
    root: pathlib.Path,
    paths: Sequence[str],
    content: CocoFile,
    labels: Sequence[int],
    places: Sequence[str],
) -> list[SourceImage]:
    """Gives the images of a file with the places of their pixels.

    Args:
        root: the folder.
        paths: of all images below it, relative to it.
        content: of the file.
        labels: for each category of the file its label.
        places: names of folders; images in the first of these come before others of their name.

    Raises:
        LfpError: images that are missing or found twice.
    """
    find = image_finder(paths)
    found = [(image, find(image.file_name, places)) for image in content.images]
    missing = [printable(image.file_name) for image, several in found if not several]
    if missing:
        raise LfpError(
            f"{len(missing)} of the {len(found)} images that {content.path} names are nowhere in "
            f"{root}: {first_of(missing)}."
        )
    for image, several in found:
        if len(several) > 1:
            raise LfpError(
                f"{printable(image.file_name)} of {content.path} may be any of "
                f"{first_of(several)}; which one is meant?"
            )
    return [
        SourceImage(
            image=str(root / several[0]),
            name=several[0],
            source_id=image.id,
            objects=relabelled(image, labels).objects,
            size=image.size,
            where=f"{content.path}, image {printable(image.id)} ({several[0]})",
        )
        for image, several in found
    ]


DATASET = Dataset(
    name=NAME,
    summary="images with boxes and masks, annotated in COCO's JSON",
    layout=LAYOUT,
    splits=SPLITS,
    plan=plan,
    options={"supercategories": SUPERCATEGORIES},
)
