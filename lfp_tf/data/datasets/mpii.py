"""MPII Human Pose: 16 joints, several people an image (Andriluka et al., CVPR 2014)."""

import pathlib

from lfp_tf.data.census import first_of
from lfp_tf.data.datasets.folders import split_by_seed
from lfp_tf.data.datasets.mpii_official import read_official
from lfp_tf.data.datasets.options import share, whole_number
from lfp_tf.data.datasets.people_files import people_of, read_h5, read_json
from lfp_tf.data.pose.records import pose_plan
from lfp_tf.data.shards import Sample
from lfp_tf.errors import LfpError
from lfp_tf.images.skeleton import JOINTS

NAME = "mpii"
SUMMARY = "MPII Human Pose: 16 joints, train 22246, val 2958 people"
LAYOUT = (
    "images/*.jpg and, beside it or in annot/, train.h5 and valid.h5 with their *_images.txt, or "
    "train.json and valid.json, mpii_annotations.json, annotations.json, or the official .mat"
)
SPLITS = ("train", "val")
OPTIONS = {
    "seed": whole_number("divides the official .mat, which has no val (default 0)"),
    "val_share": share("the share of its images so held out (default 0.1)"),
}
NEEDS_SOURCE = True

_PLACES = (".", "annot", "annotations", "mpii", "mpii_human_pose_v1_u12_2")
_FORMS = (
    (read_h5, ("train.h5", "valid.h5")),
    (read_json, ("train.json", "valid.json")),
    (read_json, ("mpii_annotations.json",)),
    (read_json, ("annotations.json",)),
    (read_official, ("mpii_human_pose_v1_u12_1.mat",)),
)
_PERSON_MARGIN = 1.25
_DOWN = 15.0


def plan(source, *, seed=0, val_share=0.1):
    """The `Plan`: one record a person.

    Centre and scale but for those of `.h5` files are the official ones and are made ready as
    Newell's files have them: 15 pixels further down per unit of scale, and a quarter larger.

    Args:
        source: the folder.
        seed, val_share: divide the images of the official `.mat`, which has no val of its own.

    Raises:
        LfpError: nothing there, annotations of no known form, images that are missing.
    """
    if source is None:
        raise LfpError(f"{NAME} needs --source DIR, the folder that holds {LAYOUT}.")
    root = pathlib.Path(source)
    if not root.is_dir():
        raise LfpError(f"There is no folder {root}; --source is the folder that holds {LAYOUT}.")
    read, paths = _annotations(root)
    options = {"annotations": [path.name for path in paths]}
    if read is read_official:
        entries, notes = _divided(paths[0], seed, val_share)
        options |= {"seed": seed, "val_share": val_share}
    else:
        entries, notes = _of_files(read, paths), ()
    images = _images(root, paths[0])
    adjust = None if read is read_h5 else ready
    splits = people_of(entries, images, adjust=adjust)
    check_images(splits, images)
    return pose_plan(NAME, JOINTS[NAME], splits, options=options, notes=notes)


def _of_files(read, paths):
    """The people of a file, or of one a split."""
    entries = []
    for path in paths:
        found = read(path, JOINTS[NAME])
        if path.stem in ("train", "valid"):
            split = "train" if path.stem == "train" else "val"
            found = [entry.with_split(split) for entry in found]
        entries += found
    return entries


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


def ready(center, scale):
    """The official centre and scale as crops take them: (966, 340), 4 give (966, 400), 5."""
    return (center[0], center[1] + _DOWN * scale), _PERSON_MARGIN * scale


def check_images(splits, folder):
    """Refuses annotations whose images are missing; all are counted, the first few named."""
    images = dict.fromkeys(person.image for people in splits.values() for person in people)
    missing = [path for path in images if not pathlib.Path(path).is_file()]
    if missing:
        raise LfpError(
            f"{len(missing)} of the {len(images)} annotated images are not in {folder}: "
            f"{first_of(missing)}."
        )


def _annotations(root):
    for read, names in _FORMS:
        for place in _PLACES:
            found = [root / place / name for name in names if (root / place / name).is_file()]
            if found:
                return read, found
    raise LfpError(f"{root} is not laid out as {NAME}. Expected: {LAYOUT}.")


def _images(root, annotations):
    for place in (root, annotations.parent, annotations.parent.parent):
        if (place / "images").is_dir():
            return place / "images"
    raise LfpError(f"{root} has no folder images with the images. Expected: {LAYOUT}.")
