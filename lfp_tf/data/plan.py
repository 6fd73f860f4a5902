"""What a data set of any task hands over: its samples, and how each is checked and written."""

import dataclasses
import functools
from collections.abc import Callable

from lfp_tf.images.decode import encode_png, plain_format, read_image
from lfp_tf.images.palette import ClassTable


@dataclasses.dataclass(frozen=True)
class Plan:
    """A data set as found on disk: what is to be written and how.

    Attributes:
        name: the data set's name.
        table: its `ClassTable`.
        splits: {split: list of samples}.
        encode: picklable; a sample to its `Encoded` record.
        inspect: picklable; a sample to its `Inspection`, as `census.check` takes it. None where
            the samples are drawn and cannot be wrong.
        draw: from a record's image, its features and the class table to the image that
            shows them.
        tasks: names of the tasks that the records are for.
        options: what else the records depend on, for `dataset.json`.
        notes: sentences the user should read.
        facts: what `dataset.json` tells besides, for these tasks.
    """

    name: str
    table: ClassTable
    splits: dict
    encode: Callable
    inspect: Callable | None
    draw: Callable
    tasks: tuple
    options: dict = dataclasses.field(default_factory=dict)
    notes: tuple = ()
    facts: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Inspection:
    """What is known of a sample before it is written.

    Attributes:
        name: the sample's name.
        digest: SHA-256 of its files.
        problem: a sentence, or an empty text.
        is_broken: the problem is a file that cannot be read: left out, the rest goes on.
        size_bytes: of the image file and its label file.
    """

    name: str
    digest: str
    problem: str = ""
    is_broken: bool = False
    size_bytes: int = 0


def with_max_pixels(plan, max_pixels):
    """The same plan under another limit of an image's pixels; drawn sets have none."""
    if plan.inspect is None:
        return plan
    return dataclasses.replace(
        plan,
        encode=functools.partial(plan.encode, max_pixels=max_pixels),
        inspect=functools.partial(plan.inspect, max_pixels=max_pixels),
    )


def image_features(name, image, image_format, size):
    """The features that records of every task have, see `encoded_scene`."""
    return {
        "image/encoded": image,
        "image/format": image_format,
        "image/height": size[0],
        "image/width": size[1],
        "image/filename": name,
    }


def image_bytes(path, max_pixels):
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
