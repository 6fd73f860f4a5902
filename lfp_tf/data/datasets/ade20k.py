"""ADE20K's scene parsing benchmark: 150 classes (Zhou et al., CVPR 2017)."""

import functools

from lfp_tf.data.datasets import label_maps
from lfp_tf.data.datasets.folders import pair, source_folder
from lfp_tf.data.segmentation.records import LabelRule, segmentation_plan, values_problem
from lfp_tf.images.palette import class_table

NAME = "ade20k"
SUMMARY = "ADE20K scene parsing (ADEChallengeData2016): 150 classes, train 20210, val 2000"
LAYOUT = "images/{training,validation}/*.jpg and annotations/{training,validation}/*.png"
SPLITS = ("train", "val")
OPTIONS = {}
NEEDS_SOURCE = True

_FOLDERS = {"train": "training", "val": "validation"}
_PARTS = tuple(
    f"{kind}/{folder}" for kind in ("images", "annotations") for folder in _FOLDERS.values()
)


def plan(source):
    """The `Plan`; file value 0 is ignored, k + 1 is class k.

    Raises:
        LfpError: folders are missing, or images and labels do not pair.
    """
    root = source_folder(source, NAME, LAYOUT, (".", _PARTS), ("ADEChallengeData2016", _PARTS))
    splits = {
        split: pair(root / "images" / folder, root / "annotations" / folder)
        for split, folder in _FOLDERS.items()
    }
    return segmentation_plan(NAME, class_table(NAME), splits, RULE)


def _hint(wrong, present):
    if wrong == {255}:
        return "Already reduced by one? The benchmark's own files hold 0 for what is ignored."
    return "Are these the benchmark's annotations, not the full data set's?"


RULE = LabelRule(
    functools.partial(values_problem, allowed=frozenset(range(151)), hint=_hint),
    to_classes=label_maps.ade20k,
)
