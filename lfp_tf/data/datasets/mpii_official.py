"""MPII's own annotations, `mpii_human_pose_v1_u12_1.mat`: structures inside structures.

`RELEASE.annolist(i)` is an image: `image.name` and people in `annorect`, each with `x1 y1 x2 y2`
(the head), `scale`, `objpos` and `annopoints.point` (`x`, `y`, `id` from 0); `img_train(i)` says
whether it is of the training set, the others have no joints.
"""

import pathlib
from collections.abc import Sequence

import numpy as np

from lfp_tf.data.datasets.matlab_tree import read_matlab_tree
from lfp_tf.data.datasets.people_files import Entry
from lfp_tf.errors import LfpError

VARIABLE = "RELEASE"
HEAD_SHARE = 0.6
_HEAD = ("x1", "y1", "x2", "y2")


def read_official(path: pathlib.Path, joints: Sequence[str]) -> tuple[list[Entry], int]:
    """The `Entry`s of people with joints, of training images.

    Args:
        path: of the file.
        joints: the joints' names; their numbers are the file's ids.

    Returns:
        Entries without split, and the number of people that have no joints, or no place.

    Raises:
        LfpError: the file is not of this form.
    """
    try:
        (release,) = read_matlab_tree(path, VARIABLE)
        images = release["annolist"]
        is_train = np.ravel(release["img_train"]).astype(bool).tolist()
        if len(is_train) != len(images):
            raise ValueError("annolist and img_train differ in length")
    except (KeyError, TypeError, ValueError) as error:
        raise LfpError(f"{path} is not MPII's file of annotations ({error!r}).") from None
    entries, num_without = [], 0
    for number, image in enumerate(images):
        if not is_train[number]:
            continue
        where = f"{path}, image {number + 1}"
        try:
            people = [_entry(image, p, joints, where) for p in image["annorect"] or []]
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise LfpError(f"{where} is not annotated as MPII's are ({error!r}).") from None
        entries += filter(None, people)
        num_without += people.count(None)
    if not entries:
        raise LfpError(f"{path} names no people with joints.")
    return entries, num_without


def _entry(image, person, joints, where):
    """None for a person of whom only the head is known."""
    place, annotated = _only(person.get("objpos")), _only(person.get("annopoints"))
    if not place or not annotated or person.get("scale") is None:
        return None
    points = [(0.0, 0.0, 0)] * len(joints)
    for point in annotated["point"] or []:
        points[int(point["id"])] = (float(point["x"]), float(point["y"]), 1)
    corners = [float(person[name]) for name in _HEAD if person.get(name) is not None]
    head = 0.0
    if len(corners) == len(_HEAD):
        head = HEAD_SHARE * float(np.hypot(corners[2] - corners[0], corners[3] - corners[1]))
    return Entry(
        image=str(image["image"][0]["name"]),
        joints=tuple(points),
        center=(float(place["x"]), float(place["y"])),
        scale=float(person["scale"]),
        head_size=head,
        split=None,
        where=where,
    )


def _only(structures):
    """The single element of a structure array; None where it is empty."""
    return structures[0] if structures else None
