"""COCO-Stuff 164k: 182 classes on the images of COCO 2017 (Caesar et al., CVPR 2018).

    images/train2017/ID.jpg        an image of train
    annotations/train2017/ID.png   its labels
    images/val2017/ID.jpg          an image of val
    annotations/val2017/ID.png     its labels

`cocostuff164k_171` is the same with the 171 classes that images have, numbered through.

Labels: 0-181 are classes, 255 is ignored (`stuffthingmaps_trainval2017.zip`).
Left out: images without labels, and labels whose images were not downloaded, which are counted;
train2017 or val2017 where nothing remains.
Refused: other values, and for 171 classes also those of the eleven others.
"""

import dataclasses

from lfp_tf.data.datasets.dataset import Asked, Dataset, Source
from lfp_tf.data.datasets.folders import pair_present, read_splits, source_folder
from lfp_tf.data.datasets.label_maps import cocostuff_171, cocostuff_supervised
from lfp_tf.data.plan import Plan
from lfp_tf.data.segmentation.records import segmentation_plan, values_rule
from lfp_tf.images.palette import class_table

NAME, NAME_171 = "cocostuff164k", "cocostuff164k_171"
LAYOUT = "images/{train2017,val2017}/ID.jpg and annotations/{train2017,val2017}/ID.png"
SPLITS = ("train", "val")

_FOLDERS = {"train": "train2017", "val": "val2017"}
_PLACES = (".", "cocostuff-164k")
_PARTS = ("images", "annotations")


def plan(source: Source, asked: Asked = None) -> Plan:
    """Pairs the files of `train2017` and `val2017` by their names.

    Raises:
        LfpError: folders are missing, or no image has labels.
    """
    return _plan(source, asked, NAME, RULE)


def plan_171(source: Source, asked: Asked = None) -> Plan:
    """As `plan`, with the annotated classes alone."""
    allowed = {*cocostuff_supervised(), 255}
    rule = values_rule(allowed, hint=_hint_171, to_classes=cocostuff_171)
    return _plan(source, asked, NAME_171, rule)


def _plan(source, asked, name, rule):
    root = source_folder(source, name, LAYOUT, _PARTS, places=_PLACES)
    notes = []

    def read(split):
        samples, left_out = pair_present(*(root / kind / _FOLDERS[split] for kind in _PARTS))
        notes.extend(left_out)
        return samples

    splits, missing = read_splits(SPLITS, asked, read, layout=LAYOUT)
    return segmentation_plan(name, class_table(name), splits, rule, notes=(*notes, *missing))


def _hint(wrong, _):
    if wrong <= {182, 183}:
        return "COCO's stuff_*_pixelmaps? The maps of stuffthingmaps_trainval2017.zip are meant."
    return ""


def _hint_171(wrong, present):
    if max(wrong) < 182:
        return "Classes that no published image has; cocostuff164k keeps them."
    return _hint(wrong, present)


RULE = values_rule({*range(182), 255}, hint=_hint)
DATASET = Dataset(
    name=NAME,
    summary="COCO-Stuff 164k: 182 classes, train 118287, val 5000",
    layout=LAYOUT,
    splits=SPLITS,
    plan=plan,
)
DATASET_171 = dataclasses.replace(
    DATASET,
    name=NAME_171,
    summary="the same without the eleven classes that no image has: 171 classes",
    plan=plan_171,
)
