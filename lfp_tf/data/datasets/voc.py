"""PASCAL VOC 2012 segmentation: 21 classes, with the SBD annotations where they are present.

    JPEGImages/NAME.jpg                       an image
    SegmentationClass/NAME.png                its labels
    SegmentationClassAug/NAME.png             SBD's labels, which make train larger
    ImageSets/Segmentation/{train,val}.txt    lines NAME, or IMAGE LABEL as kazuto1011 lists them
    ImageSets/Segmentation/train_aug.txt      the larger train; it may stand elsewhere, see below

Labels: 0-20 are classes, 255 is ignored; palette images are read as their indices.
Left out: images in no list. train is VOC's own where SegmentationClassAug is missing, and all of
SegmentationClassAug but val where its list is missing; both are noted.
Refused: listed files that are missing; other values.
"""

import posixpath

from lfp_tf.data.datasets.dataset import Asked, Dataset, Source
from lfp_tf.data.datasets.folders import (
    asked_of,
    files_below,
    first_file,
    listed_samples,
    read_list,
    source_folder,
)
from lfp_tf.data.plan import Plan
from lfp_tf.data.segmentation.records import segmentation_plan, values_rule
from lfp_tf.images.palette import class_table

NAME = "voc"
LAYOUT = "JPEGImages, SegmentationClass (or SegmentationClassAug) and ImageSets/Segmentation"
SPLITS = ("train", "val")

_AUGMENTED_LISTS = (
    "ImageSets/SegmentationAug/train_aug.txt",
    "ImageSets/Segmentation/train_aug.txt",
    "ImageSets/Segmentation/trainaug.txt",
    "list/train_aug.txt",
    "train_aug.txt",
)
# VOC's own lists, or those of kazuto1011/deeplab-pytorch, which name both files of a pair.
_VAL_LISTS = ("ImageSets/Segmentation/val.txt", "ImageSets/SegmentationAug/val.txt")
_TRAIN_LIST = "ImageSets/Segmentation/train.txt"
_PLACES = (".", "VOC2012", "VOCdevkit/VOC2012")


def plan(source: Source, asked: Asked = None) -> Plan:
    """Pairs the files of the lists; train is the augmented list where its labels are present.

    Raises:
        LfpError: folders, lists or listed files are missing.
    """
    names = asked_of(SPLITS, asked)
    lists = _VAL_LISTS if "val" in names else (*_VAL_LISTS, *_AUGMENTED_LISTS, _TRAIN_LIST)
    root = source_folder(source, NAME, LAYOUT, ("JPEGImages", lists), places=_PLACES)
    has_augmented = (root / "SegmentationClassAug").is_dir()
    has_plain = (root / "SegmentationClass").is_dir()
    labels = "SegmentationClass" if has_plain else "SegmentationClassAug"
    val_list = first_file(root, _VAL_LISTS)
    val = _pairs(val_list, labels) if val_list else []
    notes = []
    if "train" not in names:
        train = []
    elif has_augmented:
        train, notes = _augmented(root, {image for image, _ in val})
    else:
        train = _pairs(root / _TRAIN_LIST, labels)
        notes = ["There is no SegmentationClassAug; train is VOC's own, without SBD."]
    splits = {
        split: listed_samples(root, pairs, f"the list of {NAME}'s {split} split")
        for split, pairs in (("train", train), ("val", val))
        if split in names
    }
    options = {"train": "train_aug" if has_augmented else "train"}
    return segmentation_plan(
        NAME, class_table(NAME), splits, RULE, options=options, notes=tuple(notes)
    )


def _augmented(root, val_images):
    """Pairs of the larger train, and what to say about them."""
    path = first_file(root, _AUGMENTED_LISTS)
    if path:
        return _pairs(path, "SegmentationClassAug"), []
    stems = (posixpath.splitext(path)[0] for path in files_below(root / "SegmentationClassAug"))
    pairs = [_pair_of(stem, "SegmentationClassAug") for stem in stems]
    train = [(image, label) for image, label in pairs if image not in val_images]
    return train, ["There is no list train_aug.txt; train is SegmentationClassAug without val."]


def _pairs(path, labels):
    """(image, label) of each line: a bare name, or two paths that may begin with a slash."""
    pairs = []
    for line in read_list(path):
        words = [word.lstrip("/") for word in line.split()]
        if len(words) == 1:
            pairs.append(_pair_of(words[0], labels))
        elif words:
            pairs.append((words[0], words[1]))
    return pairs


def _pair_of(name, labels):
    return f"JPEGImages/{name}.jpg", f"{labels}/{name}.png"


def _hint(*_):
    return "Is it luminance of a palette image? The files must keep their palette's indices."


RULE = values_rule({*range(21), 255}, hint=_hint)
DATASET = Dataset(
    name=NAME,
    summary="PASCAL VOC 2012: 21 classes, train 1464 (10582 with SBD), val 1449",
    layout=LAYOUT,
    splits=SPLITS,
    plan=plan,
)
