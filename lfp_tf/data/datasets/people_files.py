"""Annotations of people in the forms that are passed around: lists in JSON, arrays in `.h5`.

| form | known by | people |
| --- | --- | --- |
| ours | `joint_names`, then `train` and `val`, or `annotations` | `joints`, `visible` |
| HRNet's | a list with `joints_vis` | `joints`, `center`, `scale` |
| CPM's | a list with `joint_self` | `objpos`, `scale_provided` |
| Newell's | `part` in an `.h5` | `center`, `scale` ready for use |

(`leoxiaobin/deep-high-resolution-net.pytorch`, `shihenw/convolutional-pose-machines-release`,
`princeton-vl/pose-hg-train`.)
"""

import dataclasses
import math
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from lfp_tf.checkpoints.read import read_checkpoint
from lfp_tf.data.datasets.folders import NoSamples, below, inside, read_list
from lfp_tf.data.pose.records import Person
from lfp_tf.documents import load_json
from lfp_tf.errors import LfpError, first_of

_EXTENDED_LSP = "lspet_dataset/"


@dataclasses.dataclass(frozen=True)
class Entry:
    """One person of a file, coordinates as they stand there.

    Attributes:
        image: name of the image.
        joints: J (x, y, annotated).
        center: (x, y) or None.
        scale: number or None.
        head_size: pixels or 0.
        split: `train`, `val`, ..., or None where the file does not tell.
        where: how sentences call it.
    """

    image: str
    joints: tuple[tuple[float, float, int], ...]
    center: tuple[float, float] | None
    scale: float | None
    head_size: float
    split: str | None
    where: str

    def is_of(self, asked: Sequence[str] | None) -> bool:
        """Whether the person's split is asked for; `people_of` takes no split for val."""
        return asked is None or (self.split or "val") in asked

    def with_split(self, split: str) -> "Entry":
        """The same person, of that split."""
        return dataclasses.replace(self, split=split)

    def with_image(self, image: str) -> "Entry":
        """The same person in the image of that name."""
        return dataclasses.replace(self, image=image)

    def with_head_size(self, head_size: float) -> "Entry":
        """The same person with that head size in pixels."""
        return dataclasses.replace(self, head_size=head_size)

    def without_frame(self) -> "Entry":
        """The same person without centre and scale."""
        return dataclasses.replace(self, center=None, scale=None)


def read_json(
    path: pathlib.Path,
    joints: Sequence[str],
    *,
    other_orders: Mapping[int, Sequence[int]] | None = None,
) -> list[Entry]:
    """The `Entry`s of a JSON file of one of the three forms.

    Args:
        path: of the file.
        joints: names of the joints, whose order is given back.
        other_orders: {joints per person: for each of `joints` its place}, for lists without
            `joint_names` that hold another number of joints.

    Raises:
        NoSamples: no people.
        LfpError: no such JSON; the entry is named.
    """
    try:
        content = load_json(path)
    except (OSError, ValueError) as error:
        raise LfpError(f"{path} cannot be read as JSON ({error}).") from None
    orders, lists = {len(joints): range(len(joints))} | dict(other_orders or {}), {None: content}
    if isinstance(content, dict):
        orders = _orders(path, content.get("joint_names"), joints)
        lists = {split: content[split] for split in ("train", "val", "test") if split in content}
        lists = lists or {None: content.get("annotations")}
    entries = []
    for split, people in lists.items():
        if not isinstance(people, list):
            raise LfpError(f"{path} holds no list of people.")
        for number, person in enumerate(people):
            where = f"{path}, {split or 'entry'} {number}"
            try:
                entries.append(_entry(person, orders, split, where))
            except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
                raise LfpError(
                    f"{where} is no person with {len(joints)} joints of a known form ({error!r})."
                ) from None
    if not entries:
        raise NoSamples(f"{path} names no people.")
    return entries


def read_h5(path: pathlib.Path, joints: Sequence[str]) -> list[Entry]:
    """The `Entry`s of Newell's arrays; the image names stand beside, in `SPLIT_images.txt`.

    Raises:
        LfpError: no such file, arrays that are missing or do not go together, no names.
    """
    arrays = read_checkpoint(path)
    shapes = {"part": (len(joints), 2), "center": (2,), "scale": ()}
    count = len(arrays["part"]) if "part" in arrays and arrays["part"].ndim else 0
    for name, shape in shapes.items():
        if name not in arrays or arrays[name].shape != (count, *shape):
            sides = "x".join(map(str, ("people", *shape)))
            raise LfpError(f"{path} has no array {name} of {sides}, as files of this form do.")
    heads = arrays.get("normalize", np.zeros(count))
    if heads.shape != (count,):
        raise LfpError(f"{path} has an array normalize of another length than part.")
    if not count:
        raise NoSamples(f"{path} names no people.")
    names = _image_names(path, arrays, count)
    split = "val" if path.stem.startswith("val") else path.stem
    parts, centers = arrays["part"].tolist(), arrays["center"].tolist()
    scales, heads = arrays["scale"].tolist(), heads.tolist()
    # Their array "visible" is of no use here: a hidden joint is annotated all the same.
    return [
        Entry(
            names[n],
            tuple((x, y, int(x > 0)) for x, y in parts[n]),
            tuple(centers[n]),
            scales[n],
            max(heads[n], 0.0),
            split,
            f"{path}, person {n}",
        )
        for n in range(count)
    ]


def people_of(
    entries: Iterable[Entry],
    root: pathlib.Path,
    *,
    asked: Sequence[str] | None = None,
    adjust: Callable[..., tuple[tuple[float, float], float]] | None = None,
    box: str = "image",
) -> dict[str, list[Person]]:
    """Entries as people, divided by split.

    Args:
        entries: of all splits.
        root: folder of the images.
        asked: the splits to take; None takes all.
        adjust: from (centre, scale) as annotated to what a crop is made of; None keeps them.
        box: see `Person`; used where an entry has no centre.

    Raises:
        LfpError: a name that leads out of the folder, or images that are missing; all are
            counted, the first few named.
    """
    people, numbers = {}, {}
    for entry in entries:
        center, scale = entry.center, entry.scale
        if center is not None and adjust:
            center, scale = adjust(center, scale)
        number = numbers[entry.image] = numbers.get(entry.image, -1) + 1
        if not entry.is_of(asked):
            continue
        person = Person(
            image=inside(root, entry.image, entry.where),
            image_name=below(root, entry.image, entry.where),
            number=number,
            joints=entry.joints,
            center=center,
            scale=scale,
            head_size=entry.head_size,
            where=f"{entry.where} ({entry.image})",
            box=box,
        )
        people.setdefault(entry.split or "val", []).append(person)
    splits = {split: people[split] for split in ("train", "val", "test") if split in people}
    _check_images(splits, root)
    return splits


def _check_images(splits, folder):
    images = dict.fromkeys(person.image for people in splits.values() for person in people)
    missing = [path for path in images if not pathlib.Path(path).is_file()]
    if missing:
        raise LfpError(
            f"{len(missing)} of the {len(images)} annotated images are not in {folder}: "
            f"{first_of(missing)}."
        )


def _entry(person, orders, split, where):
    if "joint_self" in person:
        return _cpm_entry(person, orders, where)
    points = person["joints"]
    flags = person["visible"] if "visible" in person else person["joints_vis"]
    order = _order(points, orders, where)
    joints = [(*map(float, points[n]), int(bool(flags[n]))) for n in order]
    # HRNet's people without an annotated joint have no centre either.
    center = _point(person["center"]) if "center" in person else None
    return Entry(
        image=str(person["image"] if "image" in person else person["file_name"]),
        joints=_pairs(joints),
        center=center,
        scale=float(person["scale"]) if center else None,
        head_size=float(person.get("head_size", 0.0)),
        split=split,
        where=where,
    )


def _cpm_entry(person, orders, where):
    image, points = str(person["img_paths"]), person["joint_self"]
    # The third number: 0 occluded, 1 visible, 2 outside the image or not annotated. LSP's extended
    # set has no mark of its own for hidden joints: there 0 is not annotated.
    least = 1 if image.startswith(_EXTENDED_LSP) else 0
    joints = [
        (float(x), float(y), int(least <= flag < 2 and (x > 0 or y > 0)))
        for x, y, flag in (points[n] for n in _order(points, orders, where))
    ]
    return Entry(
        image=image,
        joints=_pairs(joints),
        center=_point(person["objpos"]),
        scale=float(person["scale_provided"]),
        head_size=0.0,
        split="val" if person["isValidation"] else "train",
        where=where,
    )


def _point(values):
    x, y = map(float, values)
    return x, y


def _pairs(joints):
    """Joints whose points are two numbers; those that are not annotated may say anything."""
    return tuple(
        (x, y, known) if known and math.isfinite(x) and math.isfinite(y) else (0.0, 0.0, 0)
        for x, y, known in joints
    )


def _order(points, orders, where):
    """For each of our joints its place among a person's points."""
    if len(points) not in orders:
        counts = " or ".join(map(str, orders))
        raise LfpError(f"{where} is no person with {counts} joints, but one with {len(points)}.")
    return orders[len(points)]


def _orders(path, names, joints):
    """{joints in a file: for each of our joints its place there}."""
    names = [str(name) for name in names] if isinstance(names, list) else []
    missing = [joint for joint in joints if joint not in names]
    if missing:
        raise LfpError(f"{path} has no joint {missing[0]} in its joint_names; it has {names}.")
    return {len(names): [names.index(joint) for joint in joints]}


def _image_names(path, arrays, count):
    beside = path.with_name(f"{path.stem}_images.txt")
    if beside.is_file():
        names = [line for line in read_list(beside) if line]
    elif "imgname" in arrays and arrays["imgname"].ndim == 2:
        codes = arrays["imgname"].astype(int).tolist()
        names = ["".join(map(chr, filter(None, row))) for row in codes]
    else:
        raise LfpError(f"{path} needs {beside.name} beside it, an image's name for every person.")
    if len(names) != count:
        raise LfpError(f"{beside} names {len(names)} images, but {path} has {count} people.")
    return names
