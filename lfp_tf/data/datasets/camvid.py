"""CamVid as the SegNet tutorial reduced it: 11 classes, 360x480 (Brostow et al., 2008)."""

import functools

from lfp_tf.data.datasets.folders import pair, source_folder
from lfp_tf.data.datasets.label_maps import camvid_void
from lfp_tf.data.segmentation.records import LabelRule, segmentation_plan, values_problem
from lfp_tf.images.palette import class_table

NAME = "camvid"
SUMMARY = "CamVid of the SegNet tutorial: 11 classes, train 367, val 101, test 233, 360x480"
LAYOUT = "{train,val,test}/NAME.png (or .jpg) and {train,val,test}annot/NAME.png"
SPLITS = ("train", "val", "test")
OPTIONS = {}
NEEDS_SOURCE = True

_PARTS = tuple(f"{split}{end}" for split in SPLITS for end in ("", "annot"))


def plan(source):
    """The `Plan`; the data set's own class order is kept, 11 (void) is ignored.

    Raises:
        LfpError: folders are missing, or images and labels do not pair.
    """
    root = source_folder(source, NAME, LAYOUT, (".", _PARTS), ("CamVid", _PARTS))
    splits = {split: pair(root / split, root / f"{split}annot") for split in SPLITS}
    return segmentation_plan(NAME, class_table(NAME), splits, RULE)


def _hint(wrong, present):
    if max(wrong) < 32:
        return "The 32 original classes? Only the SegNet tutorial's 11 are read."
    return ""


RULE = LabelRule(
    functools.partial(values_problem, allowed=frozenset(range(12)), hint=_hint),
    to_classes=camvid_void,
)
