"""Detections as COCO's results format has them: boxes x, y, width, height and masks as run lengths.

Letters: N detections, S cells of a mask a side, H x W pixels.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lfp_tf.data.detection.masks import bitmap_rle
from lfp_tf.ops.detection.paste import paste_masks

# Pixels of pasted masks that exist at a time.
_PASTED_PIXELS = 1 << 24
# From the edges of a box to its last pixels.
_LAST_PIXEL = np.array([0, 0, 1, 1], np.float32)


def coco_rows(
    detections: Mapping[str, Any], image_id: int | str, size: Sequence[int]
) -> list[dict]:
    """Lists the detections of an image.

    Args:
        detections: what `prediction.detector` gives, as arrays: "boxes" [N, 4] (x1, y1, x2, y2,
            edges in pixels), "scores", "labels", "count", and perhaps "masks" [N, S, S].
        image_id: of the image.
        size: (height, width) in pixels.

    Returns:
        Dictionaries of plain values: "image_id", "category_id" (label), "score", "bbox", and with
        masks "segmentation" {"size", "counts" (text)}.
    """
    count = int(detections["count"])
    boxes = np.asarray(detections["boxes"][:count], np.float64)
    sides = boxes[:, 2:] - boxes[:, :2]
    rows: list[dict[str, Any]] = [
        {
            "image_id": image_id,
            "category_id": int(label),
            "score": float(score),
            "bbox": [*map(float, box[:2]), *map(float, side)],
        }
        for label, score, box, side in zip(
            detections["labels"][:count], detections["scores"][:count], boxes, sides, strict=True
        )
    ]
    if "masks" in detections:
        for row, mask in zip(rows, pasted(detections, size), strict=True):
            row["segmentation"] = bitmap_rle(mask)
    return rows


def pasted(detections: Mapping[str, Any], size: Sequence[int]) -> Iterator[np.ndarray]:
    """Draws the masks of detections at their places, one after the other.

    Args:
        detections: as of `coco_rows`.
        size: (height, width) in pixels.

    Yields:
        bool [H, W].
    """
    count = int(detections["count"])
    block = max(1, _PASTED_PIXELS // max(1, int(size[0]) * int(size[1])))
    for begin in range(0, count, block):
        part = slice(begin, min(begin + block, count))
        boxes = np.asarray(detections["boxes"][part], np.float32) - _LAST_PIXEL
        masks = np.asarray(detections["masks"][part])
        yield from paste_masks(masks, boxes, (int(size[0]), int(size[1]))).numpy()
