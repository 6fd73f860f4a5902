"""How well the detections of a single image fit its objects, to find the best and worst images."""

from collections.abc import Sequence

import numpy as np
from pycocotools import mask as run_lengths

# From this score on a detection is one that a person would be shown.
SHOWN_SCORE = 0.5
_OVERLAP = 0.5


def image_score(truth: Sequence[dict], rows: Sequence[dict]) -> float | None:
    """Gives the F1 of an image: detections of the right class with an overlap of 0.5 or more.

    Detections below `SHOWN_SCORE` do not count, nor do those that lie in a crowd.

    Args:
        truth: annotations of the image as a COCO file has them.
        rows: detections of the image as COCO's results format has them.

    Returns:
        0..1; None where there is nothing to find and nothing was found.
    """
    objects = [row for row in truth if not row.get("iscrowd", 0)]
    crowds = [row for row in truth if row.get("iscrowd", 0)]
    shown = sorted(
        (row for row in rows if row["score"] >= SHOWN_SCORE), key=lambda row: -row["score"]
    )
    shared, in_crowd = _overlaps(shown, objects), _overlaps(shown, crowds)
    taken, num_right, num_counted = set(), 0, 0
    for place, row in enumerate(shown):
        free = [
            other
            for other, annotation in enumerate(objects)
            if other not in taken
            and annotation["category_id"] == row["category_id"]
            and shared[place, other] >= _OVERLAP
        ]
        if free:
            taken.add(max(free, key=lambda other: shared[place, other]))
            num_right += 1
        num_counted += bool(free) or not np.any(in_crowd[place] >= _OVERLAP)
    if not objects and not num_counted:
        return None
    return 2 * num_right / (len(objects) + num_counted)


def _overlaps(rows, annotations):
    if not rows or not annotations:
        return np.zeros((len(rows), len(annotations)))
    own, others = (np.array([row["bbox"] for row in part]) for part in (rows, annotations))
    is_crowd = [int(row.get("iscrowd", 0)) for row in annotations]
    return np.asarray(run_lengths.iou(own, others, is_crowd))
