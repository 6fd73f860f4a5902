"""Records of semantic segmentation: the host's keys, original image bytes, grey label PNGs."""

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from lfp_tf.data.example import encode_example
from lfp_tf.data.plan import Inspection, Plan, image_bytes, image_features
from lfp_tf.data.shards import Encoded, Sample
from lfp_tf.errors import LfpError
from lfp_tf.images.decode import (
    MAX_PIXELS,
    NotLabels,
    encode_png,
    image_size,
    read_image,
    read_labels,
)
from lfp_tf.images.overlay import overlay, side_by_side, with_legend
from lfp_tf.images.palette import ClassTable

TASK = "segmentation"


@dataclasses.dataclass(frozen=True)
class LabelRule:
    """How a data set's label files become classes 0..C-1 and 255 (ignored).

    Every function is picklable: worker processes call it.

    Attributes:
        problem: from a file's values to a sentence's end ("holds the value 34, ..."), or "".
        read: reads a file: integer values [H, W], or colours [H, W, 3].
        to_classes: maps the values to uint8 classes [H, W]; None where they are classes already.
        upsampling: the whole factor by which records are larger than the files.
    """

    problem: Callable[[np.ndarray], str]
    read: Callable[..., np.ndarray] = read_labels
    to_classes: Callable[[np.ndarray], np.ndarray] | None = None
    upsampling: int = 1


def values_rule(
    allowed: Iterable[int],
    *,
    hint: Callable[[set[int], set[int]], str] | None = None,
    read: Callable[..., np.ndarray] = read_labels,
    to_classes: Callable[[np.ndarray], np.ndarray] | None = None,
) -> LabelRule:
    """The `LabelRule` of files that may hold these values and no others.

    Args:
        allowed: the values.
        hint: picklable; from the wrong values and all values of a file to a likely cause, or "".
        read: see `LabelRule`.
        to_classes: see `LabelRule`.
    """
    problem = functools.partial(values_problem, allowed=frozenset(allowed), hint=hint)
    return LabelRule(problem, read, to_classes)


def segmentation_plan(
    name: str,
    table: ClassTable,
    splits: dict[str, list[Sample]],
    rule: LabelRule,
    *,
    options: dict[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> Plan:
    """The `Plan` of a data set of image and label files under one `LabelRule`."""
    return Plan(
        name=name,
        table=table,
        splits=splits,
        encode=functools.partial(encode_sample, rule=rule),
        inspect=functools.partial(inspect_sample, rule=rule),
        draw=functools.partial(draw_labels, table=table),
        tasks=(TASK,),
        options=options or {},
        notes=notes,
    )


def encode_sample(sample: Sample, *, rule: LabelRule, max_pixels: int = MAX_PIXELS) -> Encoded:
    """The record of a sample that passed `inspect_sample`."""
    if rule.upsampling == 1:
        image, image_format = image_bytes(sample.image, max_pixels)
        height, width = image_size(sample.image, max_pixels=max_pixels)
    else:
        pixels = _enlarged(read_image(sample.image, max_pixels=max_pixels), rule.upsampling)
        image, image_format = encode_png(pixels), "png"
        height, width = pixels.shape[:2]
    labels = None if sample.label is None else read_classes(sample.label, rule, max_pixels)
    if labels is not None and rule.upsampling > 1:
        labels = labels.repeat(rule.upsampling, axis=0).repeat(rule.upsampling, axis=1)
    return encoded_scene(sample.name, image, image_format, (height, width), labels)


def encoded_scene(
    name: str,
    image: bytes,
    image_format: str,
    size: tuple[int, int],
    labels: np.ndarray | None,
    extra: dict[str, Any] | None = None,
) -> Encoded:
    """The record of an image file's bytes and its classes.

    Args:
        name: `image/filename`.
        image: bytes of the image file.
        image_format: `jpeg` or `png`.
        size: (height, width).
        labels: uint8 [H, W] of classes, 255 ignored; or None.
        extra: more features, for other tasks.
    """
    features, counts = image_features(name, image, image_format, size), None
    if labels is not None:
        features["image/segmentation/class/encoded"] = encode_png(labels)
        features["image/segmentation/class/format"] = "png"
        values, pixels = np.unique(labels, return_counts=True)
        counts = dict(zip(values.tolist(), pixels.tolist(), strict=True))
    return Encoded(encode_example(features | (extra or {})), *size, label_pixels=counts)


def draw_labels(
    image: np.ndarray, features: dict[str, list[Any]], *, table: ClassTable
) -> np.ndarray:
    """The image beside itself under its labels and their legend.

    Args:
        image: uint8 [H, W, 3].
        features: of its record.
        table: names and colours of the classes.

    Returns:
        uint8 [H', W', 3]; the image alone where the record has no labels.
    """
    if "image/segmentation/class/encoded" not in features:
        return image
    labels = read_labels(features["image/segmentation/class/encoded"][0])
    mixed = with_legend(overlay(image, labels, table), labels, table)
    return side_by_side([image, mixed], [features["image/filename"][0].decode(), "labels"])


def read_classes(path: str, rule: LabelRule, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """A label file's classes: uint8 [H, W], 255 ignored."""
    values = rule.read(path, max_pixels=max_pixels)
    return (rule.to_classes(values) if rule.to_classes else values).astype(np.uint8)


def inspect_sample(sample: Sample, *, rule: LabelRule, max_pixels: int = MAX_PIXELS) -> Inspection:
    """Decodes a sample's files once and compares them."""
    digest, size_bytes = hashlib.sha256(), 0
    try:
        for path in filter(None, (sample.image, sample.label)):
            with open(path, "rb") as stream:
                content = stream.read()
            digest.update(hashlib.sha256(content).digest())
            size_bytes += len(content)
        size = read_image(sample.image, max_pixels=max_pixels).shape[:2]
    except (LfpError, OSError) as error:
        return Inspection(sample.name, "", str(error), is_broken=True)
    problem, is_broken = "", False
    if sample.label is not None:
        problem, is_broken = _label_problem(sample, size, rule, max_pixels)
    return Inspection(sample.name, digest.hexdigest(), problem, is_broken, size_bytes)


def _label_problem(sample, size, rule, max_pixels):
    try:
        values = rule.read(sample.label, max_pixels=max_pixels)
    except LfpError as error:
        return str(error), not isinstance(error, NotLabels)
    if values.shape[:2] != size:
        return (
            f"{sample.label} is {values.shape[0]}x{values.shape[1]} (height x width), "
            f"but its image {sample.image} is {size[0]}x{size[1]}.",
            False,
        )
    problem = rule.problem(values)
    return (f"{sample.label} {problem}" if problem else ""), False


def values_problem(
    values: np.ndarray,
    *,
    allowed: frozenset[int],
    hint: Callable[[set[int], set[int]], str] | None = None,
) -> str:
    """The end of a sentence about values that are not allowed, or an empty text.

    Args:
        values: integer [H, W].
        allowed: the values a file may hold.
        hint: see `values_rule`.
    """
    present = set(np.unique(values).tolist())
    wrong = sorted(present - allowed)
    if not wrong:
        return ""
    shown = ", ".join(str(value) for value in wrong[:5]) + (", ..." if len(wrong) > 5 else "")
    cause = hint(set(wrong), present) if hint else ""
    noun = "values" if len(wrong) > 1 else "value"
    text = f"holds the {noun} {shown}, but {describe_values(allowed)} are expected."
    return f"{text} {cause}" if cause else text


def describe_values(values: Iterable[int]) -> str:
    """A set of whole numbers as runs: `0-18 and 255`."""
    runs = []
    for value in sorted(values):
        if runs and value == runs[-1][1] + 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    texts = [str(low) if low == high else f"{low}-{high}" for low, high in runs]
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def _enlarged(image, factor):
    height, width = image.shape[:2]
    size = (width * factor, height * factor)
    return np.array(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
