"""COCO's average precision and recall by pycocotools, over all classes or any subset of them."""

import contextlib
import dataclasses
import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

KINDS = {"box": "bbox", "mask": "segm"}
_AREAS = {"": 0, "s": 1, "m": 2, "l": 3}
_LIMITS = (1, 10, 100)
SUMMARY = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")


@dataclasses.dataclass(frozen=True)
class CocoScores:
    """What COCOeval measured for one kind of overlap, all classes apart.

    Attributes:
        precision: [T, R, K, A, M]: overlap thresholds 0.5 to 0.95, recalls 0 to 1 in hundredths,
            classes, areas (all, small, medium, large), detections an image (1, 10, 100); -1 where
            a class has no object.
        recall: [T, K, A, M], likewise.
        labels: the K classes' numbers, ascending.
    """

    precision: np.ndarray
    recall: np.ndarray
    labels: tuple[int, ...]

    def summary(self, labels: Iterable[int] | None = None) -> dict[str, float | None]:
        """Gives the twelve numbers of COCO, 0..1; None where no class has an object of that size.

        COCO judges classes one by one, so the mean over a subset equals what an evaluation of a
        file with that subset's objects alone gives.

        Args:
            labels: of the classes that count; None takes all.
        """
        columns = self._columns(labels)
        precision, recall = self.precision[:, :, columns], self.recall[:, columns]
        values = [_mean(precision[..., 0, 2])]
        values += [_mean(precision[threshold, ..., 0, 2]) for threshold in (0, 5)]
        values += [_mean(precision[..., _AREAS[size], 2]) for size in "sml"]
        values += [_mean(recall[..., 0, limit]) for limit in range(len(_LIMITS))]
        values += [_mean(recall[..., _AREAS[size], 2]) for size in "sml"]
        return dict(zip(SUMMARY, values, strict=True))

    def curve(self, label: int, *, threshold: float = 0.5) -> list[float] | None:
        """Gives a class's precision at the recalls 0, 0.01, ..., 1; None without any object.

        Args:
            label: of the class.
            threshold: overlap from which on a detection is right: 0.5, 0.55, ..., 0.95.
        """
        row = round((threshold - 0.5) / 0.05)
        values = self.precision[row, :, self.labels.index(label), 0, 2]
        return None if values.min() < 0 else values.tolist()

    def _columns(self, labels):
        if labels is None:
            return list(range(len(self.labels)))
        return [self.labels.index(label) for label in labels]


def coco_scores(truth: dict, results: Sequence[dict], *, kind: str) -> CocoScores:
    """Scores detections as `COCOeval` does.

    Where masks are scored, an object without one counts neither way: nor do detections in its box.

    Args:
        truth: as a COCO file: "images", "annotations", "categories"; areas decide what is small.
        results: dictionaries of "image_id", "category_id", "score" and "bbox" (x, y, width,
            height) or "segmentation" (run lengths), as `kind` needs.
        kind: `box` or `mask`.
    """
    if kind == "mask":
        truth = truth | {"annotations": [_with_mask(row) for row in truth["annotations"]]}
    # Pycocotools prints what it does.
    with contextlib.redirect_stdout(io.StringIO()):
        iou: Any = KINDS[kind]
        evaluation = COCOeval(_indexed(truth), _detections(truth, results, kind), iou)
        evaluation.evaluate()
        evaluation.accumulate()
    labels = tuple(int(label) for label in evaluation.params.catIds)
    return CocoScores(evaluation.eval["precision"], evaluation.eval["recall"], labels)


def _with_mask(row):
    """The annotation; without a mask it is made a crowd that fills its box."""
    if row.get("segmentation"):
        return row
    x, y, width, height = row["bbox"]
    corners = [x, y, x + width, y, x + width, y + height, x, y + height]
    return row | {"iscrowd": 1, "segmentation": [corners]}


def _indexed(content):
    coco = COCO()
    coco.dataset = content
    coco.createIndex()
    return coco


def _detections(truth, results, kind):
    """The results as a `COCO`; `loadRes` takes areas of boxes for masks that come with a box."""
    key = KINDS["box"] if kind == "box" else "segmentation"
    common = ("image_id", "category_id", "score", key)
    rows: Any = [{name: row[name] for name in common} for row in results]
    if not rows:
        # `loadRes` needs a first one.
        empty = {"images": truth["images"], "categories": truth["categories"], "annotations": []}
        return _indexed(empty)
    return _indexed(truth).loadRes(rows)


def _mean(values):
    known = values[values > -1]
    return float(known.mean()) if known.size else None
