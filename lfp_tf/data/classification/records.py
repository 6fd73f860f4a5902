"""Records of classification: an image's bytes and its class, from files or from other records."""

import dataclasses
import functools
import hashlib
import pathlib
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from lfp_tf.data import tfrecord
from lfp_tf.data.example import decode_example, encode_example
from lfp_tf.data.plan import Inspection, Plan, image_bytes, image_features
from lfp_tf.data.shards import Encoded
from lfp_tf.errors import LfpError
from lfp_tf.images.decode import MAX_PIXELS, image_size, read_image
from lfp_tf.images.overlay import side_by_side
from lfp_tf.images.palette import ClassTable

TASK = "classification"
LABEL, NAME, SYNSET = "image/class/label", "image/class/text", "image/class/synset"


class ClassSample(Protocol):
    """What a data set of classes hands over: `ImageOfClass` or `RecordOfClass`."""

    @property
    def image(self) -> str:
        """How sentences call it."""
        ...

    @property
    def name(self) -> str:
        """What the record calls it."""
        ...

    def read(self) -> tuple[bytes, int]:
        """(the image's bytes, the class)."""
        ...


@dataclasses.dataclass(frozen=True)
class ImageOfClass:
    """An image file and its class.

    Attributes:
        image: its path.
        label: its class, 0..C-1.
        name: what the record calls it.
    """

    image: str
    label: int
    name: str

    def read(self) -> tuple[bytes, int]:
        """(the file's bytes, the class)."""
        try:
            return pathlib.Path(self.image).read_bytes(), self.label
        except OSError as error:
            raise LfpError(f"{self.image} cannot be read ({error.strerror}).") from None


@dataclasses.dataclass(frozen=True)
class RecordOfClass:
    """A record of TFRecords that others wrote.

    Attributes:
        path: the shard.
        offset, length: where its payload lies.
        number: which record of the shard it is.
        label_offset: what the record's class counts from.
    """

    path: str
    offset: int
    length: int
    number: int
    label_offset: int

    @property
    def image(self) -> str:
        """How sentences call it."""
        return f"{self.path}, record {self.number}"

    @property
    def name(self) -> str:
        """What the new record calls it."""
        return f"{pathlib.PurePath(self.path).name}/{self.number}"

    def read(self) -> tuple[bytes, int]:
        """(the image's bytes, the class)."""
        payload = tfrecord.payload_at(self.path, self.offset, self.length, number=self.number)
        features = decode_example(payload)
        for key in ("image/encoded", LABEL):
            if len(features.get(key, [])) != 1:
                raise LfpError(f'{self.image} has no single "{key}"; is it of classification?')
        content, label = features["image/encoded"][0], features[LABEL][0]
        if not isinstance(content, bytes) or not isinstance(label, int):
            raise LfpError(f"{self.image} has no image and whole number as its class.")
        return content, label - self.label_offset


def classification_plan(
    name: str,
    classes: Sequence[str],
    synsets: Sequence[str],
    splits: dict[str, list[ClassSample]],
    *,
    options: dict[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> Plan:
    """The `Plan` of a data set of images with one class each.

    Args:
        name: of the data set.
        classes: their names.
        synsets: WordNet ids, or what else tells the classes apart.
        splits: {split: samples}.
        options, notes: as of `Plan`.
    """
    table = ClassTable(tuple(classes), np.zeros((0, 3), np.uint8))
    return Plan(
        name=name,
        table=table,
        splits=splits,
        encode=functools.partial(encode_image, classes=tuple(classes), synsets=tuple(synsets)),
        inspect=functools.partial(inspect_image, num_classes=len(table)),
        draw=_drawn,
        tasks=(TASK,),
        options=options or {},
        notes=notes,
        facts={"synsets": list(synsets)},
    )


def encode_image(
    sample: ClassSample,
    *,
    classes: Sequence[str],
    synsets: Sequence[str],
    max_pixels: int = MAX_PIXELS,
) -> Encoded:
    """The record of a sample that passed `inspect_image`."""
    content, label = sample.read()
    image, image_format = image_bytes(content, max_pixels)
    size = image_size(image, max_pixels=max_pixels)
    features = image_features(sample.name, image, image_format, size)
    features |= {LABEL: label, NAME: classes[label], SYNSET: synsets[label]}
    return Encoded(encode_example(features), *size)


def inspect_image(
    sample: ClassSample, *, num_classes: int, max_pixels: int = MAX_PIXELS
) -> Inspection:
    """Decodes an image once and checks its class."""
    try:
        content, label = sample.read()
        read_image(content, max_pixels=max_pixels)
    except LfpError as error:
        text = str(error)
        if text.startswith("The image "):
            text = f"{sample.image} {text.removeprefix('The image ')}"
        if sample.image not in text:
            text = f"{sample.image}: {text}"
        return Inspection(sample.name, "", text, is_broken=True)
    digest = hashlib.sha256(content + str(label).encode()).hexdigest()
    problem = _class_problem(sample, label, num_classes)
    return Inspection(sample.name, digest, problem, size_bytes=len(content))


def _class_problem(sample, label, num_classes):
    if 0 <= label < num_classes:
        return ""
    offset = getattr(sample, "label_offset", 0)
    expected = f"{offset}-{num_classes - 1 + offset}"
    hint = ""
    if label == num_classes and not offset:
        hint = " Do the labels count from 1? Then add --label_offset 1."
    if label == -1 and offset:
        hint = " Do the labels count from 0? Then leave --label_offset out."
    return f"{sample.image} has the class {label + offset}, but {expected} are expected.{hint}"


def _drawn(image, features):
    return side_by_side([image], [features[NAME][0].decode()])
