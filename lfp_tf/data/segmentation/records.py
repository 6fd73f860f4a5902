"""Records of semantic segmentation: the host's keys, original image bytes, grey label PNGs."""

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from lfp_tf.data.example import encode_example
from lfp_tf.data.label_shares import judge_labels
from lfp_tf.data.plan import (
    Inspection,
    Judgement,
    Plan,
    UnknownColors,
    image_bytes,
    image_features,
)
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
_TURNED = (
    "Its sides are swapped: the image is turned by its EXIF orientation, which the label does not "
    "know; turn the label too."
)


@dataclasses.dataclass(frozen=True)
class LabelRule:
    """How a data set's label files become classes 0..C-1 and 255 (ignored).

    Every function is picklable: worker processes call it.

    Attributes:
        problem: from a file's values to a sentence's end ("holds the value 34, ..."), or "".
        read: reads a file: integer values [H, W], or colours [H, W, 3].
        to_classes: maps the values to uint8 classes [H, W]; None where they are classes already.
        size: (height, width) that images (bilinear) and labels (nearest) are resized to; None
            leaves them as the files are.
        code: text that changes with what colours of files mean; files without are not affected.
        unknown_colors: from a file's values and its path to the colours that are no class.
    """

    problem: Callable[[np.ndarray], str]
    read: Callable[..., np.ndarray] = read_labels
    to_classes: Callable[[np.ndarray], np.ndarray] | None = None
    size: tuple[int, int] | None = None
    code: str = ""
    unknown_colors: Callable[[np.ndarray, str], UnknownColors | None] | None = None


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
    judge: Callable[[dict[str, dict[int, int]]], Judgement] | None = None,
) -> Plan:
    """The `Plan` of a data set of image and label files under one `LabelRule`.

    Args:
        name, table, splits, options, notes: as of `Plan`.
        rule: of every label file.
        judge: as of `Plan`; None takes `judge_labels`.
    """
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
        judge=judge or functools.partial(judge_labels, table=table),
    )


def encode_sample(sample: Sample, *, rule: LabelRule, max_pixels: int = MAX_PIXELS) -> Encoded:
    """The record of a sample that passed `inspect_sample`."""
    if rule.size is None:
        image, image_format = image_bytes(sample.image, max_pixels)
        height, width = image_size(sample.image, max_pixels=max_pixels)
    else:
        image = read_image(sample.image, max_pixels=max_pixels)
        pixels = _resized(image, rule.size, Image.Resampling.BILINEAR)
        image, image_format = encode_png(pixels), "png"
        height, width = pixels.shape[:2]
    labels = None if sample.label is None else read_classes(sample.label, rule, max_pixels)
    if labels is not None and rule.size is not None:
        labels = _resized(labels, rule.size, Image.Resampling.NEAREST)
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
        counts = _pixels(labels)
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
    return classes_of(rule.read(path, max_pixels=max_pixels), rule)


def classes_of(values: np.ndarray, rule: LabelRule) -> np.ndarray:
    """The classes uint8 [H, W], 255 ignored, of what a label file holds."""
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
    inspection = Inspection(sample.name, digest.hexdigest(), size_bytes=size_bytes)
    if sample.label is None:
        return inspection
    try:
        values = rule.read(sample.label, max_pixels=max_pixels)
    except LfpError as error:
        is_broken = not isinstance(error, NotLabels)
        return dataclasses.replace(inspection, problem=str(error), is_broken=is_broken)
    if problem := _label_problem(sample, values, size, rule):
        return dataclasses.replace(inspection, problem=problem)
    unknown = rule.unknown_colors and rule.unknown_colors(values, sample.label)
    if unknown:
        return dataclasses.replace(inspection, unknown_colors=unknown)
    if rule.code and values.ndim == 3:
        digest.update(rule.code.encode())
    pixels = _pixels(classes_of(values, rule))
    return dataclasses.replace(inspection, digest=digest.hexdigest(), label_pixels=pixels)


def _label_problem(sample, values, size, rule):
    """A sentence about the values [H, W] of a label file, or an empty text."""
    if values.shape[:2] != size:
        text = (
            f"{sample.label} is {values.shape[0]}x{values.shape[1]} (height x width), "
            f"but its image {sample.image} is {size[0]}x{size[1]}."
        )
        return f"{text} {_TURNED}" if values.shape[:2] == size[::-1] else text
    problem = rule.problem(values)
    return f"{sample.label} {problem}" if problem else ""


def _pixels(labels):
    """{class, or 255 for ignored: pixels} of uint8 [H, W]."""
    counts = np.bincount(labels.ravel(), minlength=1)
    return {int(value): int(counts[value]) for value in np.flatnonzero(counts)}


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


def _resized(image, size, resampling):
    return np.array(Image.fromarray(image).resize(size[::-1], resampling))
