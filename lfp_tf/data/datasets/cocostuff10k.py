"""COCO-Stuff 10k v1.1: 182 classes, labels in MATLAB files (Caesar et al., CVPR 2018)."""

import collections
import functools

from lfp_tf.data.census import first_of
from lfp_tf.data.datasets.folders import listed_samples, read_list, source_folder
from lfp_tf.data.datasets.label_maps import cocostuff_ids
from lfp_tf.data.datasets.matlab_labels import read_matlab_labels
from lfp_tf.data.segmentation.records import LabelRule, segmentation_plan, values_problem
from lfp_tf.errors import LfpError
from lfp_tf.images.palette import class_table

NAME = "cocostuff10k"
SUMMARY = "COCO-Stuff 10k v1.1: 182 classes, train 9000, test 1000"
LAYOUT = "imageLists/{train,test}.txt, images/ID.jpg and annotations/ID.mat"
SPLITS = ("train", "test")
OPTIONS = {}
NEEDS_SOURCE = True

_PLACES = (".", "cocostuff-10k-v1.1", "cocostuff-10k")
_PARTS = ("imageLists", "images", "annotations")


def plan(source):
    """The `Plan`; file value 0 is ignored, k + 1 is class k.

    Raises:
        LfpError: folders, lists or listed files are missing, or a list names an image twice.
    """
    return plan_of(source, NAME, RULE)


def plan_of(source, name, rule):
    """`plan` under another name with its class table, and another rule for the labels."""
    root = source_folder(source, name, LAYOUT, *((place, _PARTS) for place in _PLACES))
    lists = {split: root / "imageLists" / f"{split}.txt" for split in SPLITS}
    lists = {split: path for split, path in lists.items() if path.is_file()}
    if not lists:
        raise LfpError(f"{root / 'imageLists'} has no train.txt and no test.txt.")
    ids, notes = {}, []
    for split, path in lists.items():
        ids[split], note = _ids(path)
        notes += note
    both = sorted(set(ids.get("train", ())) & set(ids.get("test", ())))
    if both:
        notes.append(f"{len(both)} images are in train.txt and in test.txt: {first_of(both)}.")
    splits = {
        split: listed_samples(root, map(_files, found), str(lists[split]))
        for split, found in ids.items()
    }
    return segmentation_plan(name, class_table(name), splits, rule, notes=tuple(notes))


def _ids(path):
    """A list's ids, and sentences about lines that hold none."""
    lines = read_list(path)
    ids = [line for line in lines if line]
    twice = sorted(number for number, count in collections.Counter(ids).items() if count > 1)
    if twice:
        raise LfpError(
            f"{path} names {len(twice)} images twice: {first_of(twice)}; leave one line of each."
        )
    blank = len(lines) - len(ids)
    return ids, [f"{path} has {blank} blank lines, which are skipped."] if blank else []


def _files(number):
    return f"images/{number}.jpg", f"annotations/{number}.mat"


def _hint(wrong, present):
    if wrong == {183}:
        return "Are these v1.0's files, where 1 is unlabelled? Take v1.1."
    return ""


RULE = LabelRule(
    functools.partial(values_problem, allowed=frozenset(range(183)), hint=_hint),
    read=read_matlab_labels,
    to_classes=cocostuff_ids,
)
