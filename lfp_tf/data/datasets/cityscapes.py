"""Cityscapes: 19 classes of street scenes, 1024x2048 (Cordts et al., CVPR 2016)."""

import functools

from lfp_tf.data.census import first_of
from lfp_tf.data.datasets.folders import files_below, source_folder
from lfp_tf.data.datasets.label_maps import cityscapes_label_ids
from lfp_tf.data.segmentation.records import LabelRule, segmentation_plan, values_problem
from lfp_tf.data.shards import Sample
from lfp_tf.errors import LfpError
from lfp_tf.images.palette import class_table

NAME = "cityscapes"
SUMMARY = "Cityscapes fine annotations: 19 classes, train 2975, val 500, 1024x2048"
LAYOUT = "leftImg8bit/{train,val}/CITY/*_leftImg8bit.png and gtFine/{train,val}/CITY/*.png"
SPLITS = ("train", "val")
OPTIONS = {}
NEEDS_SOURCE = True

_IMAGE_END = "_leftImg8bit.png"
_TRAIN_IDS_END = "_gtFine_labelTrainIds.png"
_LABEL_IDS_END = "_gtFine_labelIds.png"
_TRAIN_IDS = frozenset(range(19)) | {255}
_LABEL_IDS = frozenset(range(34))


def plan(source):
    """The `Plan`: train ids where every image has them, else label ids mapped to them.

    Raises:
        LfpError: folders or labels are missing; the first few are named.
    """
    root = source_folder(source, NAME, LAYOUT, (".", ("leftImg8bit", "gtFine")))
    names = {split: _names(root, split) for split in SPLITS}
    if not any(names.values()):
        raise LfpError(f"{root / 'leftImg8bit'} holds no *{_IMAGE_END}. Expected: {LAYOUT}.")
    splits = {split: found for split, found in names.items() if found}
    end = _TRAIN_IDS_END
    if _missing(root, splits, end):
        end = _LABEL_IDS_END
    missing = _missing(root, splits, end)
    if missing:
        raise LfpError(
            f"{len(missing)} images of {NAME} have neither *{_TRAIN_IDS_END} nor "
            f"*{_LABEL_IDS_END}: {first_of(missing)}."
        )
    samples = {
        split: [_sample(root, split, name, end) for name in found]
        for split, found in splits.items()
    }
    options = {"labels": "trainIds" if end == _TRAIN_IDS_END else "labelIds"}
    rule = TRAIN_ID_RULE if end == _TRAIN_IDS_END else LABEL_ID_RULE
    return segmentation_plan(NAME, class_table(NAME), samples, rule, options=options)


def _names(root, split):
    """CITY/CITY_SSSSSS_FFFFFF of a split's images."""
    found = files_below(root / "leftImg8bit" / split, (".png",))
    return [path[: -len(_IMAGE_END)] for path in found if path.endswith(_IMAGE_END)]


def _missing(root, splits, end):
    return [
        name
        for split, names in splits.items()
        for name in names
        if not (root / "gtFine" / split / f"{name}{end}").is_file()
    ]


def _sample(root, split, name, end):
    image = root / "leftImg8bit" / split / f"{name}{_IMAGE_END}"
    return Sample(str(image), str(root / "gtFine" / split / f"{name}{end}"), name)


def _hint(wrong, present):
    if max(wrong) <= 33:
        return "Label ids instead of train ids? Remove these files to have *_labelIds.png mapped."
    return ""


TRAIN_ID_RULE = LabelRule(functools.partial(values_problem, allowed=_TRAIN_IDS, hint=_hint))
LABEL_ID_RULE = LabelRule(
    functools.partial(values_problem, allowed=_LABEL_IDS), to_classes=cityscapes_label_ids
)
