"""PASCAL VOC 2012 segmentation: 21 classes, with the SBD annotations where they are present."""

import functools
import posixpath

from lfp_tf.data.datasets.folders import (
    files_below,
    listed_samples,
    read_list,
    source_folder,
)
from lfp_tf.data.segmentation.records import LabelRule, segmentation_plan, values_problem
from lfp_tf.images.palette import class_table

NAME = "voc"
SUMMARY = "PASCAL VOC 2012: 21 classes, train 1464 (10582 with SBD), val 1449"
LAYOUT = "JPEGImages, SegmentationClass (or SegmentationClassAug) and ImageSets/Segmentation"
SPLITS = ("train", "val")
OPTIONS = {}
NEEDS_SOURCE = True

_AUGMENTED_LISTS = (
    "ImageSets/SegmentationAug/train_aug.txt",
    "ImageSets/Segmentation/train_aug.txt",
    "ImageSets/Segmentation/trainaug.txt",
    "list/train_aug.txt",
    "train_aug.txt",
)
# VOC's own lists, or those of kazuto1011/deeplab-pytorch, which name both files of a pair.
_VAL_LISTS = ("ImageSets/Segmentation/val.txt", "ImageSets/SegmentationAug/val.txt")


def plan(source):
    """The `Plan`: trains on the augmented list where SegmentationClassAug is present.

    Raises:
        LfpError: folders, lists or listed files are missing.
    """
    places = (".", "VOC2012", "VOCdevkit/VOC2012")
    candidates = [(place, ("JPEGImages", path)) for path in _VAL_LISTS for place in places]
    root = source_folder(source, NAME, LAYOUT, *candidates)
    has_augmented = (root / "SegmentationClassAug").is_dir()
    plain = "SegmentationClass" if (root / "SegmentationClass").is_dir() else "SegmentationClassAug"
    val = _read(root, next(path for path in _VAL_LISTS if (root / path).is_file()), plain)
    if has_augmented:
        train, note = _augmented(root, {image for image, _ in val})
    else:
        train = _read(root, "ImageSets/Segmentation/train.txt", plain)
        note = "There is no SegmentationClassAug; train is VOC's own, without SBD."
    splits = {
        "train": listed_samples(root, train, f"the list of {NAME}'s train split"),
        "val": listed_samples(root, val, f"the list of {NAME}'s val split"),
    }
    options = {"train": "train_aug" if has_augmented else "train"}
    return segmentation_plan(
        NAME, class_table(NAME), splits, RULE, options=options, notes=(note,) if note else ()
    )


def _augmented(root, val_images):
    for path in _AUGMENTED_LISTS:
        if (root / path).is_file():
            return _read(root, path, "SegmentationClassAug"), ""
    stems = (posixpath.splitext(path)[0] for path in files_below(root / "SegmentationClassAug"))
    pairs = [_pair_of(stem, "SegmentationClassAug") for stem in stems]
    train = [entry for entry in pairs if entry[0] not in val_images]
    return train, "There is no list train_aug.txt; train is SegmentationClassAug without val."


def _read(root, path, labels):
    """(image, label) of each line: a bare name, or two paths that may begin with a slash."""
    entries = []
    for line in read_list(root / path):
        words = [word.lstrip("/") for word in line.split()]
        if len(words) == 1:
            entries.append(_pair_of(words[0], labels))
        elif words:
            entries.append((words[0], words[1]))
    return entries


def _pair_of(name, labels):
    return f"JPEGImages/{name}.jpg", f"{labels}/{name}.png"


def _hint(wrong, present):
    return "Is it luminance of a palette image? The files must keep their palette's indices."


RULE = LabelRule(
    functools.partial(values_problem, allowed=frozenset(range(21)) | {255}, hint=_hint)
)
