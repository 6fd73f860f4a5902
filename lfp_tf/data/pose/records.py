"""Records of poses: one person each, with the whole image, its joints and where it stands."""

import dataclasses
import functools
import hashlib
import json
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from lfp_tf.data.example import encode_example
from lfp_tf.data.plan import Inspection, Plan, image_bytes, image_features
from lfp_tf.data.shards import Encoded
from lfp_tf.errors import LfpError
from lfp_tf.images.decode import MAX_PIXELS, image_size, read_image
from lfp_tf.images.palette import ClassTable
from lfp_tf.images.skeleton import draw_skeletons, flip_order

TASK = "pose"
# Annotated joints lie a little outside of some images; further out they are mistakes.
OUTSIDE_SHARE = 0.1
BOX_MARGIN = 1.25


@dataclasses.dataclass(frozen=True)
class Person:
    """A person in an image, as a data set has it.

    Attributes:
        image: path of the image.
        image_name: what the record calls it.
        number: which person of the image it is, from 0.
        joints: tuple of J (x, y, annotated) in pixels of the image; the third is 1 or 0.
        center: (x, y) of the crop's middle, or None: the image's, or that of the joints' box.
        scale: side of the crop over 200 pixels, or None likewise.
        head_size: pixels, the unit of PCKh; 0 where it is unknown.
        where: how sentences call it.
        box: what stands in for a missing centre and scale: `image` or `joints`.
    """

    image: str
    image_name: str
    number: int
    joints: tuple[tuple[float, float, int], ...]
    center: tuple[float, float] | None
    scale: float | None
    head_size: float
    where: str
    box: str = "image"

    @property
    def name(self) -> str:
        """Tells the people of one image apart."""
        return f"{self.image_name}_{self.number}" if self.number else self.image_name

    def frame(self, height: int, width: int) -> tuple[tuple[float, float], float]:
        """(centre (x, y), scale) in an image of that size."""
        if self.center is not None and self.scale is not None:
            return self.center, self.scale
        if self.box == "image":
            return (width / 2, height / 2), max(height, width) / 200
        points = np.array([joint[:2] for joint in self.joints if joint[2]])
        low, high = points.min(axis=0), points.max(axis=0)
        side = max(float((high - low).max()) * BOX_MARGIN, 1.0)
        x, y = ((low + high) / 2).tolist()
        return (x, y), side / 200


def pose_plan(
    name: str,
    joints: Sequence[str],
    splits: dict[str, list[Person]],
    *,
    options: dict[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> Plan:
    """The `Plan` of a data set of people.

    Args:
        name: of the data set.
        joints: the joints' names, in the order of each `Person`.
        splits: {split: people}.
        options, notes: as of `Plan`.
    """
    return Plan(
        name=name,
        table=ClassTable(tuple(joints), np.zeros((0, 3), np.uint8)),
        splits=splits,
        encode=encode_person,
        inspect=functools.partial(inspect_person, joints=tuple(joints)),
        draw=functools.partial(_drawn, joints=tuple(joints)),
        tasks=(TASK,),
        options=options or {},
        notes=notes,
        facts={"flip_order": flip_order(joints)},
    )


def encode_person(person: Person, *, max_pixels: int = MAX_PIXELS) -> Encoded:
    """The record of a person that passed `inspect_person`."""
    image, image_format = image_bytes(person.image, max_pixels)
    size = image_size(person.image, max_pixels=max_pixels)
    center, scale = person.frame(*size)
    keypoints = [
        (float(x), float(y), 1.0) if is_known else (0.0, 0.0, 0.0)
        for x, y, is_known in person.joints
    ]
    features = image_features(person.image_name, image, image_format, size) | {
        "person/keypoints": [value for joint in keypoints for value in joint],
        "person/center": [float(value) for value in center],
        "person/scale": float(scale),
        "person/head_size": float(person.head_size),
        "person/number": person.number,
    }
    return Encoded(encode_example(features), *size)


def inspect_person(
    person: Person, *, joints: Sequence[str], max_pixels: int = MAX_PIXELS
) -> Inspection:
    """Decodes the image once and checks the annotation.

    A person that cannot be used is left out, like an image that cannot be read.
    """
    try:
        size = read_image(person.image, max_pixels=max_pixels).shape[:2]
        content = pathlib.Path(person.image).read_bytes()
    except (LfpError, OSError) as error:
        return Inspection(person.name, "", str(error), is_broken=True)
    if problem := person_problem(person, size, joints):
        return Inspection(person.name, "", f"{person.where} {problem}", is_broken=True)
    annotation = [person.joints, person.center, person.scale, person.head_size, person.box]
    digest = hashlib.sha256(content + json.dumps(annotation).encode()).hexdigest()
    return Inspection(person.name, digest, size_bytes=len(content))


def person_problem(person: Person, size: tuple[int, int], joints: Sequence[str]) -> str:
    """The end of a sentence about an annotation that cannot be used, or an empty text.

    Args:
        person: as annotated.
        size: (height, width) of its image.
        joints: the joints' names.
    """
    named = zip(joints, person.joints, strict=True)
    known = [(name, x, y) for name, (x, y, is_known) in named if is_known]
    if not known:
        return "has no person: no joint is annotated."
    height, width = size
    margin = OUTSIDE_SHARE * max(size)
    for name, x, y in known:
        is_near = -margin <= x <= width + margin and -margin <= y <= height + margin
        if not is_near:  # NaN is not near either.
            return (
                f"has the joint {name} at ({x:g}, {y:g}), outside its image of "
                f"{width}x{height} (width x height)."
            )
    (x, y), scale = person.frame(height, width)
    if not (0 < scale * 200 < 20 * max(size) and np.isfinite([x, y]).all()):
        return f"has the centre ({x:g}, {y:g}) and the scale {scale:g}, which show nothing of it."
    return ""


def _drawn(image, features, *, joints):
    keypoints = np.reshape(features["person/keypoints"], (len(joints), 3))
    return draw_skeletons(image, [keypoints], joints)
