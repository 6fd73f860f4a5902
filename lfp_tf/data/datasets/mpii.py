"""MPII Human Pose: 16 joints, several people per image (Andriluka et al., CVPR 2014).

    images/NAME.jpg                  an image
    train.h5, valid.h5               its people as princeton-vl/pose-hg-train has them, with
    train_images.txt, ...            the images' names, a line per person
    train.json, valid.json           or as HRNet has them, see `people_files.py`, and
    gt_valid.mat                     the heads of valid.json's people, the unit of PCKh
    mpii_annotations.json            or as CPM has them
    annotations.json                 or our own list of people
    mpii_human_pose_v1_u12_1.mat     or the official file, see `mpii_official.py`

The first of these that is there is read; it may stand in `annot/`, with images/ beside or above.

Splits: those of the files; the official file has no val, so images are held out by --seed.
Centre and scale: those of `.h5` files as they are; others are the official ones and are made ready
as Newell's files have them: 15 pixels further down per unit of scale, and a quarter larger.
Left out: people without a usable annotation, each named (`person_problem`).
Refused: images that are missing; annotations of no known form.
"""

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from lfp_tf.data.datasets.dataset import Asked, Dataset, Source, share, whole_number
from lfp_tf.data.datasets.folders import existing_source, read_splits, split_by_seed
from lfp_tf.data.datasets.matlab_tree import read_matlab_numbers
from lfp_tf.data.datasets.mpii_official import HEAD_SHARE, read_official
from lfp_tf.data.datasets.people_files import Entry, people_of, read_h5, read_json
from lfp_tf.data.plan import Plan
from lfp_tf.data.pose.records import pose_plan
from lfp_tf.data.shards import Sample
from lfp_tf.errors import LfpError
from lfp_tf.images.skeleton import JOINTS

NAME = "mpii"
LAYOUT = (
    "images/*.jpg and, beside it or in annot/, train.h5 and valid.h5 with their *_images.txt, or "
    "train.json and valid.json, mpii_annotations.json, annotations.json, or the official .mat"
)
SPLITS = ("train", "val")

_PLACES = (".", "annot", "annotations", "mpii", "mpii_human_pose_v1_u12_2")
_FORMS = (
    (read_h5, ("train.h5", "valid.h5")),
    (read_json, ("train.json", "valid.json")),
    (read_json, ("mpii_annotations.json",)),
    (read_json, ("annotations.json",)),
    (read_official, ("mpii_human_pose_v1_u12_1.mat",)),
)
_SPLIT_OF = {"train": "train", "valid": "val"}
_HEADS = "gt_valid.mat"
_PERSON_MARGIN = 1.25
_PIXELS_DOWN = 15.0


def plan(source: Source, asked: Asked = None, *, seed: int = 0, val_share: float = 0.1) -> Plan:
    """Lists the people of the annotations; a person is a record.

    Args:
        source: the folder.
        asked: the splits to be written.
        seed: divides the images of the official `.mat`, which has no val of its own.
        val_share: the share of them so held out.

    Raises:
        LfpError: nothing there, annotations of no known form, images that are missing.
    """
    root = existing_source(source, NAME, LAYOUT)
    people = read_annotations(root, asked, seed=seed, val_share=val_share)
    splits = people_of(people.entries, people.images, asked=asked, adjust=people.adjust)
    return pose_plan(NAME, JOINTS[NAME], splits, options=people.options, notes=people.notes)


@dataclasses.dataclass(frozen=True)
class Annotations:
    """What a folder of MPII holds.

    Attributes:
        entries: its people.
        images: the folder that their images' names start from.
        adjust: as of `people_of`.
        options, notes: as of `Plan`.
    """

    entries: list[Entry]
    images: pathlib.Path
    adjust: Callable[..., tuple[tuple[float, float], float]] | None
    options: dict[str, Any]
    notes: tuple[str, ...]


def read_annotations(
    root: pathlib.Path, asked: Asked, *, seed: int = 0, val_share: float = 0.1
) -> Annotations:
    """Reads the first form of annotations that a folder has; arguments and errors as of `plan`."""
    read, paths = _annotations(root)
    options: dict = {"annotations": [path.name for path in paths]}
    if any(map(_has_heads_beside, paths)):
        options["annotations"].append(_HEADS)
    if read is read_official:
        entries, notes = _divided(paths[0], seed, val_share)
        options |= {"seed": seed, "val_share": val_share}
    else:
        entries, notes = _of_files(read, _asked_paths(paths, asked))
    notes += _without_head(entry for entry in entries if entry.is_of(asked))
    adjust = None if read is read_h5 else ready
    return Annotations(entries, _images(root, paths[0]), adjust, options, notes)


def ready(center: tuple[float, float], scale: float) -> tuple[tuple[float, float], float]:
    """The official centre and scale as crops take them: (966, 340), 4 give (966, 400), 5."""
    return (center[0], center[1] + _PIXELS_DOWN * scale), _PERSON_MARGIN * scale


def _annotations(root):
    """The reader of the first form of annotations that is there, and its files."""
    for read, names in _FORMS:
        for place in _PLACES:
            paths = [root / place / name for name in names if (root / place / name).is_file()]
            if paths:
                return read, paths
    raise LfpError(f"{root} is not laid out as {NAME}. Expected: {LAYOUT}.")


def _images(root, annotations):
    for place in (root, annotations.parent, annotations.parent.parent):
        if (place / "images").is_dir():
            return place / "images"
    raise LfpError(f"{root} has no folder images with the images. Expected: {LAYOUT}.")


def _asked_paths(paths, asked):
    """The files of the splits that are asked for; all where that leaves none."""
    left_out = [path for path in paths if _SPLIT_OF.get(path.stem, "") not in ("", *(asked or ()))]
    return [path for path in paths if asked is None or path not in left_out] or paths


def _of_files(read, paths):
    """The people of a file for all splits, or of one per split, and what to say."""
    by_split = {_SPLIT_OF.get(path.stem) or path.stem: path for path in paths}
    notes = []

    def read_split(split):
        entries, note = _of_file(read, by_split[split])
        notes.extend(note)
        return entries

    entries, missing = read_splits(by_split, None, read_split)
    return [entry for of_split in entries.values() for entry in of_split], (*notes, *missing)


def _of_file(read, path):
    """The people of one file, and what to say."""
    entries = read(path, JOINTS[NAME])
    if path.stem in _SPLIT_OF:
        entries = [entry.with_split(_SPLIT_OF[path.stem]) for entry in entries]
    if not _has_heads_beside(path):
        return entries, ()
    heads = path.with_name(_HEADS)
    sizes = _head_sizes(heads, len(entries))
    entries = [e.with_head_size(size) for e, size in zip(entries, sizes, strict=True)]
    return entries, (f"Head sizes of val are those of {_HEADS}.",)


def _has_heads_beside(path):
    return path.name == "valid.json" and path.with_name(_HEADS).is_file()


def _head_sizes(path, count):
    """The unit of PCKh of each person of valid.json: 0.6 of the diagonal of its head's box."""
    corners = read_matlab_numbers(path, "headboxes_src")
    if corners.shape != (2, 2, count):
        sides = "x".join(map(str, corners.shape))
        raise LfpError(
            f"{path} holds headboxes_src of {sides}, not 2x2x{count}, a head for every person of "
            "valid.json."
        )
    return (HEAD_SHARE * np.hypot(*(corners[1] - corners[0]))).tolist()


def _without_head(entries):
    """A sentence about people of val whose head size is unknown."""
    val = [entry for entry in entries if entry.split == "val"]
    num_without = sum(not entry.head_size > 0 for entry in val)
    if not num_without:
        return ()
    return (
        f"{num_without} of {len(val)} people of val have no head size, without which PCKh does not "
        f"score them; {_HEADS} beside valid.json has them.",
    )


def _divided(path, seed, val_share):
    """The people of the official file, those of one image in one split, and what to say."""
    entries, num_without = read_official(path, JOINTS[NAME])
    names = sorted({entry.image for entry in entries})
    divided = split_by_seed(
        [Sample(name, None, name) for name in names], seed=seed, share=val_share
    )
    splits = {sample.name: split for split, samples in divided.items() for sample in samples}
    notes = ["The official file has no val; images are held out by --seed, not the usual 2958."]
    if num_without:
        notes.append(f"{num_without} people of it have no joints or no place; they are left out.")
    return [entry.with_split(splits[entry.image]) for entry in entries], tuple(notes)


DATASET = Dataset(
    name=NAME,
    summary="MPII Human Pose: 16 joints, train 22246, val 2958 people",
    layout=LAYOUT,
    splits=SPLITS,
    plan=plan,
    options={
        "seed": whole_number("divides the official .mat, which has no val (default 0)"),
        "val_share": share("the share of its images so held out (default 0.1)"),
    },
)
