"""How well masks fit where the boxes are right: each object's mask, predicted in its true box.

AP of masks falls with boxes and classes that are wrong. This measures the mask head alone, as of
classes whose masks were never learnt.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lfp_tf.data.detection.masks import bitmap_rle, rle_bitmap
from lfp_tf.tasks.detection.coco_results import pasted
from lfp_tf.tasks.detection.prediction import Protocol, masks_in_boxes
from lfp_tf.tasks.traced import traced


@dataclasses.dataclass(frozen=True)
class Judged:
    """An object, and its mask as predicted in its true box.

    Attributes:
        truth: its annotation as a COCO file has it.
        predicted: the same with the predicted mask as "segmentation".
        overlap: IoU of the two masks in the image.
        filled: that of a mask which fills the box, what a network reaches that draws nothing else.
    """

    truth: dict
    predicted: dict
    overlap: float
    filled: float


def masks_in_true_boxes(
    model: Any, protocol: Protocol, image: np.ndarray, truth: Sequence[dict]
) -> list[Judged]:
    """Predicts the masks of an image's objects in their boxes and compares them in the image.

    Crowds and objects without a mask, or with an empty one, are left out.

    Args:
        model: a detector with masks and a `recipe`.
        protocol: how images are scaled.
        image: uint8 [H, W, 3].
        truth: annotations of the image as a COCO file has them.

    Raises:
        LfpError: the network cannot take the image.
    """
    objects = [
        (row, rle_bitmap(row["segmentation"]))
        for row in truth
        if row.get("segmentation") and not row.get("iscrowd", 0)
    ]
    objects = [(row, bitmap) for row, bitmap in objects if bitmap.any()]
    if not objects:
        return []
    boxes = np.array([row["bbox"] for row, _ in objects], np.float32)
    boxes[:, 2:] += boxes[:, :2]
    labels = np.array([row["category_id"] for row, _ in objects], np.int32)
    masks = traced(model, _function, protocol)(image, boxes, labels)
    drawn, filled = (
        pasted({"boxes": boxes, "masks": values, "count": len(objects)}, image.shape[:2])
        for values in (masks, np.ones_like(masks))
    )
    return [
        Judged(
            truth=row,
            predicted=row | {"segmentation": bitmap_rle(mask)},
            overlap=_overlap(mask, bitmap),
            filled=_overlap(box, bitmap),
        )
        for mask, box, (row, bitmap) in zip(drawn, filled, objects, strict=True)
    ]


def class_means(judged: Iterable[Judged], value: str = "overlap") -> dict[int, float]:
    """Gives {label: mean of that value, `overlap` or `filled`} of the classes with an object."""
    by_label: dict[int, list[float]] = {}
    for one in judged:
        by_label.setdefault(one.truth["category_id"], []).append(getattr(one, value))
    return {label: float(np.mean(own)) for label, own in sorted(by_label.items())}


def _function(model, protocol):
    signature = [
        tf.TensorSpec([None, None, 3], tf.uint8),
        tf.TensorSpec([None, 4], tf.float32),
        tf.TensorSpec([None], tf.int32),
    ]
    masks = masks_in_boxes(model, protocol)
    return tf.function(masks, input_signature=signature, autograph=False)


def _overlap(mask, bitmap):
    return float(np.sum(mask & bitmap) / np.sum(mask | bitmap))
