"""COCO-Stuff 164k: 182 classes on the images of COCO 2017 (Caesar et al., CVPR 2018)."""

import functools

from lfp_tf.data.datasets.folders import pair, source_folder
from lfp_tf.data.segmentation.records import LabelRule, segmentation_plan, values_problem
from lfp_tf.errors import LfpError
from lfp_tf.images.palette import class_table

NAME = "cocostuff164k"
SUMMARY = "COCO-Stuff 164k: 182 classes, train 118287, val 5000"
LAYOUT = "images/{train2017,val2017}/ID.jpg and annotations/{train2017,val2017}/ID.png"
SPLITS = ("train", "val")
OPTIONS = {}
NEEDS_SOURCE = True

_FOLDERS = {"train": "train2017", "val": "val2017"}
_PLACES = (".", "cocostuff-164k")
_PARTS = ("images", "annotations")


def plan(source):
    """The `Plan`: of train2017 and val2017 what is there; values are classes, 255 is ignored.

    Raises:
        LfpError: folders are missing, or images and labels do not pair.
    """
    return plan_of(source, NAME, RULE)


def plan_of(source, name, rule):
    """`plan` under another name with its class table, and another rule for the labels."""
    root = source_folder(source, name, LAYOUT, *((place, _PARTS) for place in _PLACES))
    splits = {
        split: pair(root / "images" / folder, root / "annotations" / folder)
        for split, folder in _FOLDERS.items()
        if (root / "images" / folder).is_dir()
    }
    if not splits:
        raise LfpError(f"{root / 'images'} holds no train2017 and no val2017. Expected: {LAYOUT}.")
    return segmentation_plan(name, class_table(name), splits, rule)


def hint(wrong, present):
    """Where values that are no classes of this set may come from."""
    if wrong <= {182, 183}:
        return "COCO's stuff_*_pixelmaps? The maps of stuffthingmaps_trainval2017.zip are meant."
    return ""


RULE = LabelRule(
    functools.partial(values_problem, allowed=frozenset(range(182)) | {255}, hint=hint)
)
