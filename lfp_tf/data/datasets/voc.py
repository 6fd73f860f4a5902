"""PASCAL VOC 2012 segmentation: 21 classes, with the SBD annotations where they are present.

    JPEGImages/NAME.jpg                       an image
    SegmentationClass/NAME.png                its labels
    SegmentationClassAug/NAME.png             SBD's labels, which make train larger
    ImageSets/Segmentation/{train,val}.txt    lines NAME, or IMAGE LABEL as kazuto1011 lists them
    ImageSets/Segmentation/train_aug.txt      the larger train; it may stand elsewhere, see below

Labels: 0-20 are classes, 255 is ignored; palette images are read as their indices.
Left out: images in no list; a split whose list is missing or empty. train is VOC's own where
SegmentationClassAug is missing, and all of SegmentationClassAug but val where its list is missing;
both are noted.
Refused: listed files that are missing; other values.
"""

import posixpath

from lfp_tf.data.datasets.dataset import Asked, Dataset, Source
from lfp_tf.data.datasets.folders import (
    NoSamples,
    asked_of,
    files_below,
    first_file,
    listed_samples,
    read_list,
    read_splits,
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
_LISTS = (*_VAL_LISTS, *_AUGMENTED_LISTS, _TRAIN_LIST)
_PLACES = (".", "VOC2012", "VOCdevkit/VOC2012")


def plan(source: Source, asked: Asked = None) -> Plan:
    """Pairs the files of the lists; train is the augmented list where its labels are present.

    Raises:
        LfpError: folders, lists or listed files are missing.
    """
    lists = _VAL_LISTS if asked_of(SPLITS, asked) == ["val"] else _LISTS
    root = source_folder(source, NAME, LAYOUT, ("JPEGImages", lists), places=_PLACES)
    has_augmented = (root / "SegmentationClassAug").is_dir()
    notes = []

    def read(split):
        pairs, note = _val(root), []
        if split == "train":
            pairs, note = _augmented(root, pairs) if has_augmented else _train(root)
        elif not pairs:
            raise NoSamples(f"{root} has no list {' or '.join(_VAL_LISTS)} that names images.")
        samples = listed_samples(root, pairs, f"the list of {NAME}'s {split} split")
        notes.extend(note)
        return samples

    splits, missing = read_splits(SPLITS, asked, read, layout=LAYOUT)
    options = {"train": "train_aug" if has_augmented else "train"}
    return segmentation_plan(
        NAME, class_table(NAME), splits, RULE, options=options, notes=(*notes, *missing)
    )


def _val(root):
    """Pairs of val; none where it has no list, or an empty one."""
    path = first_file(root, _VAL_LISTS)
    return _pairs(path, _plain_labels(root)) if path else []


def _train(root):
    """Pairs of VOC's own train, and what to say about them."""
    if not (root / _TRAIN_LIST).is_file():
        raise NoSamples(f"There is no list {root / _TRAIN_LIST}.")
    note = "There is no SegmentationClassAug; train is VOC's own, without SBD."
    return _pairs(root / _TRAIN_LIST, _plain_labels(root)), [note]


def _augmented(root, val_pairs):
    """Pairs of the larger train, and what to say about them."""
    path = first_file(root, _AUGMENTED_LISTS)
    if path:
        return _pairs(path, "SegmentationClassAug"), []
    val_images = {image for image, _ in val_pairs}
    stems = (posixpath.splitext(path)[0] for path in files_below(root / "SegmentationClassAug"))
    pairs = [_pair_of(stem, "SegmentationClassAug") for stem in stems]
    train = [(image, label) for image, label in pairs if image not in val_images]
    without = " without val" if val_images else ", of which nothing is val"
    return train, [f"There is no list train_aug.txt; train is SegmentationClassAug{without}."]


def _plain_labels(root):
    """The folder of VOC's own labels; SBD's holds them too."""
    name = "SegmentationClass"
    return name if (root / name).is_dir() else f"{name}Aug"


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
