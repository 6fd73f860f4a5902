"""COCO-Stuff 10k v1.1: 182 classes, labels in MATLAB files (Caesar et al., CVPR 2018).

    imageLists/train.txt   lines ID: the images of train
    imageLists/test.txt    lines ID: the images of test
    images/ID.jpg          an image
    annotations/ID.mat     its labels, the matrix S

`cocostuff10k_171` is the same with the 171 classes that images have, numbered through.

Labels: 0 is ignored, k + 1 is class k.
Left out: images in neither list; blank lines of a list, which are noted; a split whose list is
missing or empty.
Refused: a list that names an image twice; listed files that are missing; values above 182, and for
171 classes also those of the eleven others; files of MATLAB 7.3 (v1.0).
"""

import collections
import dataclasses

from lfp_tf.data.datasets.dataset import Asked, Dataset, Source
from lfp_tf.data.datasets.folders import (
    NoSamples,
    listed_samples,
    read_list,
    read_splits,
    source_folder,
)
from lfp_tf.data.datasets.label_maps import cocostuff_171, cocostuff_ids, cocostuff_supervised
from lfp_tf.data.datasets.matlab_labels import read_matlab_labels
from lfp_tf.data.plan import Plan
from lfp_tf.data.segmentation.records import segmentation_plan, values_rule
from lfp_tf.errors import LfpError, first_of
from lfp_tf.images.palette import class_table

NAME, NAME_171 = "cocostuff10k", "cocostuff10k_171"
LAYOUT = "imageLists/{train,test}.txt, images/ID.jpg and annotations/ID.mat"
SPLITS = ("train", "test")

_PLACES = (".", "cocostuff-10k-v1.1", "cocostuff-10k")
_PARTS = ("imageLists", "images", "annotations")


def plan(source: Source, asked: Asked = None) -> Plan:
    """Pairs the files of the lists, of which one may be missing.

    Raises:
        LfpError: folders, lists or listed files are missing, or a list names an image twice.
    """
    return _plan(source, asked, NAME, RULE)


def plan_171(source: Source, asked: Asked = None) -> Plan:
    """As `plan`, with the annotated classes alone."""
    allowed = {0} | {label + 1 for label in cocostuff_supervised()}
    rule = values_rule(
        allowed, hint=_hint_171, read=read_matlab_labels, to_classes=_annotated_classes
    )
    return _plan(source, asked, NAME_171, rule)


def _plan(source, asked, name, rule):
    root = source_folder(source, name, LAYOUT, _PARTS, places=_PLACES)
    ids, notes = {}, []

    def read(split):
        path = root / "imageLists" / f"{split}.txt"
        if not path.is_file():
            raise NoSamples(f"There is no list {path}.")
        ids[split], note = _ids(path)
        samples = listed_samples(root, map(_pair_of, ids[split]), str(path))
        notes.extend(note)
        return samples

    splits, missing = read_splits(SPLITS, asked, read, layout=LAYOUT)
    both = sorted(set(ids.get("train", ())) & set(ids.get("test", ())))
    if both:
        notes.append(f"{len(both)} images are in train.txt and in test.txt: {first_of(both)}.")
    return segmentation_plan(name, class_table(name), splits, rule, notes=(*notes, *missing))


def _ids(path):
    """A list's ids, and sentences about lines that hold none."""
    lines = read_list(path)
    ids = [line for line in lines if line]
    twice = sorted(number for number, count in collections.Counter(ids).items() if count > 1)
    if twice:
        raise LfpError(
            f"{path} names {len(twice)} images twice: {first_of(twice)}; leave one line of each."
        )
    num_blank = len(lines) - len(ids)
    return ids, [f"{path} has {num_blank} blank lines, which are skipped."] if num_blank else []


def _pair_of(number):
    return f"images/{number}.jpg", f"annotations/{number}.mat"


def _annotated_classes(values):
    return cocostuff_171(cocostuff_ids(values))


def _hint(wrong, _):
    if wrong == {183}:
        return "Are these v1.0's files, where 1 is unlabelled? Take v1.1."
    return ""


def _hint_171(wrong, _):
    if min(wrong) > 0 and max(wrong) < 183:
        return "Classes that no published image has; cocostuff10k keeps them."
    return ""


RULE = values_rule(range(183), hint=_hint, read=read_matlab_labels, to_classes=cocostuff_ids)
DATASET = Dataset(
    name=NAME,
    summary="COCO-Stuff 10k v1.1: 182 classes, train 9000, test 1000",
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
