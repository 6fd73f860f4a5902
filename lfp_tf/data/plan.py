"""What a data set of any task hands over: its samples, and how each is checked and written."""

import dataclasses
import functools
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lfp_tf.data.shards import Encoded
from lfp_tf.images.decode import encode_png, plain_format, read_image
from lfp_tf.images.palette import ClassTable


@dataclasses.dataclass(frozen=True)
class Plan:
    """A data set on disk: what is to be written and how.

    A sample is of the task's own kind (`Sample`, `ImageOfClass`, `Person`, ...); each has a `name`.

    Attributes:
        name: the data set's name.
        table: names and colours of its classes, or names of its joints.
        splits: {split: samples}.
        encode: picklable; a sample to its `Encoded` record.
        inspect: picklable; a sample to its `Inspection`. None where the samples are drawn and
            cannot be wrong.
        draw: from a record's image, uint8 [H, W, 3], and its features to an image that shows both.
        tasks: names of the tasks that the records are for.
        options: what else the records depend on, for `dataset.json`.
        notes: sentences the user should read.
        facts: more entries of `dataset.json`, for these tasks.
        judge: from {split: {class, or 255 for ignored: pixels}} of all samples to a `Judgement`;
            None where there are no label maps.
        finish: from the folder and a split to what the task keeps beside its shards; None where
            it keeps nothing.
    """

    name: str
    table: ClassTable
    splits: dict[str, list[Any]]
    encode: Callable[..., Encoded]
    inspect: Callable[..., "Inspection"] | None
    draw: Callable[[np.ndarray, dict[str, list[Any]]], np.ndarray]
    tasks: tuple[str, ...]
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    notes: Sequence[str] = ()
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    judge: "Callable[[dict[str, dict[int, int]]], Judgement] | None" = None
    finish: Callable[[str | os.PathLike, str], None] | None = None


@dataclasses.dataclass(frozen=True)
class Judgement:
    """What the labels of all samples together show.

    Attributes:
        problems: sentences; with one of these nothing is to be written.
        warnings: sentences the user should read.
    """

    problems: Sequence[str] = ()
    warnings: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class UnknownColors:
    """Colours of one label file that are no class; the census counts them over the whole set.

    Attributes:
        path: of the label file.
        pixels: {colour as text: pixels}.
        classes: path of the list of classes, as sentences call it.
    """

    path: str
    pixels: dict[str, int]
    classes: str


@dataclasses.dataclass(frozen=True)
class Inspection:
    """What is known of a sample before it is written.

    Attributes:
        name: the sample's name.
        digest: SHA-256 of its files.
        problem: a sentence, or an empty text.
        is_broken: the problem is a file that cannot be read: left out, the rest goes on.
        size_bytes: of the image file and its label file.
        label_pixels: {class, or 255 for ignored: pixels}; None without a label map.
        unknown_colors: of its label file; None where every colour is a class, or has none.
    """

    name: str
    digest: str
    problem: str = ""
    is_broken: bool = False
    size_bytes: int = 0
    label_pixels: dict[int, int] | None = None
    unknown_colors: UnknownColors | None = None


def with_max_pixels(plan: Plan, max_pixels: int) -> Plan:
    """The same plan under another limit of an image's pixels; drawn sets have none."""
    if plan.inspect is None:
        return plan
    return dataclasses.replace(
        plan,
        encode=functools.partial(plan.encode, max_pixels=max_pixels),
        inspect=functools.partial(plan.inspect, max_pixels=max_pixels),
    )


def image_features(
    name: str, image: bytes, image_format: str, size: tuple[int, int]
) -> dict[str, Any]:
    """The features that records of every task have.

    Args:
        name: what the record calls the image.
        image: bytes of the image file.
        image_format: `jpeg` or `png`.
        size: (height, width) in pixels.
    """
    return {
        "image/encoded": image,
        "image/format": image_format,
        "image/height": size[0],
        "image/width": size[1],
        "image/filename": name,
    }


def image_bytes(path: str | bytes, max_pixels: int) -> tuple[bytes, str]:
    """The file as it is where every decoder reads it alike, else a PNG of what we read.

    Args:
        path: of the file, or its bytes.
        max_pixels: larger images are refused.

    Returns:
        bytes, and `jpeg` or `png`.
    """
    plain = plain_format(path, max_pixels=max_pixels)
    if not plain:
        return encode_png(read_image(path, max_pixels=max_pixels)), "png"
    if isinstance(path, bytes):
        return path, plain.lower()
    with open(path, "rb") as stream:
        return stream.read(), plain.lower()
