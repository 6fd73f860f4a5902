"""Joints of people by name: which lie left and right, which are joined, and how they are drawn."""

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageDraw

_LEGS_AND_HIPS = ("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle")
_ARMS = (
    *("right_wrist", "right_elbow", "right_shoulder"),
    *("left_shoulder", "left_elbow", "left_wrist"),
)
# In the data sets' own order.
JOINTS = {
    "mpii": (*_LEGS_AND_HIPS, "pelvis", "thorax", "upper_neck", "head_top", *_ARMS),
    "lsp": (*_LEGS_AND_HIPS, *_ARMS, "neck", "head_top"),
}
# Pairs that are joined by a line where a set has both.
_LIMBS = (
    ("right_ankle", "right_knee"),
    ("right_knee", "right_hip"),
    ("left_ankle", "left_knee"),
    ("left_knee", "left_hip"),
    ("right_wrist", "right_elbow"),
    ("right_elbow", "right_shoulder"),
    ("left_wrist", "left_elbow"),
    ("left_elbow", "left_shoulder"),
    ("right_hip", "pelvis"),
    ("left_hip", "pelvis"),
    ("pelvis", "thorax"),
    ("right_shoulder", "thorax"),
    ("left_shoulder", "thorax"),
    ("thorax", "upper_neck"),
    ("upper_neck", "head_top"),
    ("right_shoulder", "neck"),
    ("left_shoulder", "neck"),
    ("neck", "head_top"),
)
_WITHOUT_PELVIS = (
    ("right_hip", "left_hip"),
    ("right_shoulder", "right_hip"),
    ("left_shoulder", "left_hip"),
)
RIGHT, LEFT, MIDDLE = (230, 80, 60), (60, 120, 230), (70, 180, 90)
_PIXELS_PER_WIDTH = 120  # a line is one pixel wide for so many of the image's longer side


def flip_order(names: Iterable[str]) -> list[int]:
    """Gives for each joint the one that it becomes in a mirror.

    >>> flip_order(["left_hip", "neck", "right_hip"])
    [2, 1, 0]

    Args:
        names: the joints' names; `left_x` and `right_x` change places, others stay.
    """
    names = list(names)
    return [
        names.index(_other_side(name)) if _other_side(name) in names else joint
        for joint, name in enumerate(names)
    ]


def limbs(names: Iterable[str]) -> list[tuple[int, int]]:
    """Lists the pairs of joint numbers that a drawing joins."""
    names = list(names)
    pairs = _LIMBS if "pelvis" in names else (*_LIMBS, *_WITHOUT_PELVIS)
    return [(names.index(a), names.index(b)) for a, b in pairs if a in names and b in names]


def draw_skeletons(
    image: np.ndarray,
    people: Iterable[np.ndarray],
    names: Sequence[str],
    *,
    least_score: float = 0.0,
) -> np.ndarray:
    """Draws people's limbs and joints: right ones red, left ones blue, the others green.

    Args:
        image: uint8 [H, W, 3]; it is not changed.
        people: [J, 3] (x, y in pixels, score) each; a joint whose score is not above
            `least_score`, or that is not finite, is left out with its limbs.
        names: J names.
        least_score: see above.

    Returns:
        uint8 [H, W, 3].
    """
    names, sheet = list(names), Image.fromarray(np.asarray(image, np.uint8))
    pen, width = ImageDraw.Draw(sheet), max(1, round(max(sheet.size) / _PIXELS_PER_WIDTH))
    for person in people:
        person = np.asarray(person, np.float64)
        is_shown = np.isfinite(person).all(axis=1) & (person[:, 2] > least_score)
        for first, last in limbs(names):
            if is_shown[first] and is_shown[last]:
                ends = [tuple(person[joint, :2]) for joint in (first, last)]
                pen.line(ends, fill=joint_color(names[first], names[last]), width=width)
        for joint in np.flatnonzero(is_shown):
            x, y = person[joint, :2]
            box = [x - width, y - width, x + width, y + width]
            pen.ellipse(box, fill=joint_color(names[joint]), outline=(255, 255, 255))
    return np.array(sheet)


def _other_side(name):
    for side, other in (("left_", "right_"), ("right_", "left_")):
        if name.startswith(side):
            return other + name.removeprefix(side)
    return name


def joint_color(*names: str) -> tuple[int, int, int]:
    """Gives the colour of a joint, or of a limb by both ends: red right, blue left, else green."""
    sides = {name.partition("_")[0] for name in names} & {"right", "left"}
    return {"right": RIGHT, "left": LEFT}[sides.pop()] if len(sides) == 1 else MIDDLE
