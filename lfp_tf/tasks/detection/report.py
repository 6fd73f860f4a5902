"""What `metrics.json` and `report.html` say of detections: AP by class, curves, images."""

import math
import os
import pathlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lfp_tf.data.detection.masks import rle_bitmap
from lfp_tf.evaluation.charts import bars, lines
from lfp_tf.evaluation.image_panels import MAX_SIDE_PIXELS, Example
from lfp_tf.evaluation.page import thinned, training_charts, write_page
from lfp_tf.images.detections import draw_detections
from lfp_tf.images.geometry import resize_labels, resize_long_side
from lfp_tf.tasks.detection.matches import SHOWN_SCORE
from lfp_tf.tasks.detection.metrics import CocoScores
from lfp_tf.tasks.detection.subsets import ClassSets

_CURVES = 4  # classes whose precision-recall curves are drawn, those with the most objects
_COLOR = (31, 111, 178)
_SET_COLORS = {"A": _COLOR, "B": (200, 110, 30)}


def score_facts(
    scores: Mapping[str, CocoScores],
    truth: dict,
    *,
    names: Sequence[str],
    sets: ClassSets | None = None,
    mask_overlaps: Mapping[int, float] | None = None,
    filled_overlaps: Mapping[int, float] | None = None,
) -> dict:
    """Gives the part of `metrics.json` that the detections tell.

    Args:
        scores: {"box" and perhaps "mask": what was measured}.
        truth: as a COCO file; its categories are 1..C.
        names: of the C classes, perhaps of further ones behind them.
        sets: of the classes that are told apart.
        mask_overlaps: {label: mean IoU of its masks in the true boxes}.
        filled_overlaps: the same of the boxes themselves, filled.

    Returns:
        {"scores": {kind: COCO's twelve numbers, 0..1 or None}, "classes": list of {"name",
        "objects" (crowds left out), kind: {"AP", "AP50"}}, "curves": {kind: {class: precision at
        recalls 0, 0.01, ... 1 and overlap 0.5}} of the classes with the most objects}. With sets
        also {"sets": {"A" and "B": {"name", "classes", "scores": {kind: the twelve numbers}}}}, and
        "set" of each class. With overlaps also {"mask_iou": {"all", "A", "B": mean over classes,
        0..1 or None}}, "filled_box_iou" alike, and "mask_iou" of each class.
    """
    objects = Counter(
        row["category_id"] for row in truth["annotations"] if not row.get("iscrowd", 0)
    )
    classes = []
    for label, name in enumerate(names[: len(truth["categories"])], start=1):
        own = {kind: measured.summary([label]) for kind, measured in scores.items()}
        shown = {kind: {key: own[kind][key] for key in ("AP", "AP50")} for kind in own}
        classes.append({"name": name, "objects": objects[label], **shown})
    more: dict[str, Any] = {}
    if sets:
        more["sets"] = {part: _of_set(part, sets, scores, names) for part in sets.members}
        for part, labels in sets.members.items():
            for label in labels:
                classes[label - 1]["set"] = part
    if mask_overlaps is not None:
        for label, entry in enumerate(classes, start=1):
            entry["mask_iou"] = mask_overlaps.get(label)
        members = {"all": range(1, len(names) + 1)} | (sets.members if sets else {})
        for key, values in (("mask_iou", mask_overlaps), ("filled_box_iou", filled_overlaps)):
            more[key] = {part: _mean(values or {}, own) for part, own in members.items()}
    commonest = [label for label, _ in objects.most_common(_CURVES)]
    return {
        "scores": {kind: measured.summary() for kind, measured in scores.items()},
        "classes": classes,
        "curves": {
            kind: {names[label - 1]: measured.curve(label) for label in commonest}
            for kind, measured in scores.items()
        },
        **more,
    }


def _of_set(part, sets, scores, names):
    labels = sets.members[part]
    return {
        "name": sets.name if part == "A" else f"all but {sets.name}",
        "classes": [names[label - 1] for label in labels],
        "scores": {kind: measured.summary(labels) for kind, measured in scores.items()},
    }


def _mean(values: Mapping[int, float], labels: Iterable[int]) -> float | None:
    """The mean over the labels that have a value; None where none has."""
    known = [values[label] for label in labels if label in values]
    return float(np.mean(known)) if known else None


def write_report(
    folder: str | os.PathLike,
    facts: dict,
    *,
    best: Sequence[Example] = (),
    worst: Sequence[Example] = (),
    best_masks: Sequence[Example] = (),
    worst_masks: Sequence[Example] = (),
) -> pathlib.Path:
    """Writes `metrics.json` and `report.html`.

    Args:
        folder: where to; made if it is not there.
        facts: what `metrics.json` says, `score_facts` among it.
        best, worst: images to show.
        best_masks, worst_masks: alike, of masks in the true boxes.

    Returns:
        The path of `report.html`.
    """
    facts = facts | {"history": thinned(facts.get("history") or [])}
    examples = {"best": best, "worst": worst}
    figures = [("Best images", best), ("Worst images", worst)]
    if "mask_iou" in facts:
        whose = "Set B's masks" if "sets" in facts else "Masks"
        examples |= {"best_masks": best_masks, "worst_masks": worst_masks}
        figures += [
            (f"{whose} in the true boxes: the best", best_masks),
            (f"{whose} in the true boxes: the worst", worst_masks),
        ]
    facts["examples"] = {
        name: [{"source": e.source, "score": e.score} for e in shown]
        for name, shown in examples.items()
    }
    kinds = list(facts["scores"])
    return write_page(
        folder,
        facts,
        "tasks/detection/report.html",
        num_scored=len(facts["images"]),
        unit="images",
        kinds=kinds,
        class_charts=[(kind, _class_chart(facts["classes"], kind)) for kind in kinds],
        overlap_chart=_overlap_chart(facts["classes"]) if "mask_iou" in facts else "",
        curve_charts=[_curve_chart(facts["curves"][kind], kind) for kind in kinds],
        shown_score=SHOWN_SCORE,
        figures=figures,
        training_charts=training_charts(
            facts["history"],
            {"loss": "loss"} | {name: f"loss_{key}" for name, key in _LOSSES.items()},
            _APS,
            title="AP on validation, per cent",
        ),
    )


_LOSSES = {
    "anchors' class": "rpn_class",
    "boxes' class": "class",
    "masks": "mask",
}
_APS = {
    "box AP": "box_ap",
    "mask AP": "mask_ap",
    "mask AP, set A": "mask_ap_a",
    "mask AP, set B": "mask_ap_b",
}


def drawn_rows(
    image: np.ndarray,
    truth: Sequence[dict],
    rows: Sequence[dict],
    names: Sequence[str],
    *,
    around: Sequence[float] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draws an image's truth and its detections of `SHOWN_SCORE` or more: three small images.

    Args:
        image: uint8 [H, W, 3].
        truth, rows: of this image, as a COCO file and as COCO's results format; rows without a
            score are all drawn.
        names: of the classes.
        around: a box (x, y, width, height): only it and what lies around it is drawn, and large.

    Returns:
        The image, the truth and the detections, no side above `MAX_SIDE_PIXELS`.
    """
    shown = [row for row in rows if row.get("score", 1.0) >= SHOWN_SCORE]
    view, long_side = _view(image.shape[:2], around)
    plain = resize_long_side(image[view], long_side)
    return plain, _drawn(plain, view, truth, names), _drawn(plain, view, shown, names)


def _view(size, around):
    """(slices of the rows and columns that are drawn, the longer side in pixels of the drawing)."""
    if around is None:
        return (slice(0, size[0]), slice(0, size[1])), min(max(size), MAX_SIDE_PIXELS)
    x, y, width, height = around
    margin = max(width, height, 2) / 2  # a box of no size is seen, too
    sides = ((y, height, size[0]), (x, width, size[1]))
    view = tuple(
        slice(max(0, math.floor(start - margin)), min(limit, math.ceil(start + length + margin)))
        for start, length, limit in sides
    )
    return view, MAX_SIDE_PIXELS


def _drawn(plain, view, rows, names):
    """The rows drawn over `plain`, which is the view at the size of the drawing."""
    high, wide = (part.stop - part.start for part in view)
    scale = np.array([plain.shape[1] / wide, plain.shape[0] / high] * 2)
    boxes = np.array([row["bbox"] for row in rows], np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    masks = [row.get("segmentation") for row in rows]
    return draw_detections(
        plain,
        (boxes - [view[1].start, view[0].start] * 2) * scale,
        [row["category_id"] - 1 for row in rows],
        names,
        masks=[
            resize_labels(rle_bitmap(mask)[view], plain.shape[:2]) if mask else None
            for mask in masks
        ],
    )


def _class_chart(classes, kind):
    notes = [
        "" if e[kind]["AP"] is None
        else f"AP50 {100 * e[kind]['AP50']:.1f}, {e['objects']} objects"
        for e in classes
    ]  # fmt: skip
    values = [entry[kind]["AP"] for entry in classes]
    return bars([entry["name"] for entry in classes], values, _colors(classes), notes=notes)


def _overlap_chart(classes):
    values = [entry["mask_iou"] for entry in classes]
    return bars([entry["name"] for entry in classes], values, _colors(classes))


def _colors(classes):
    return [_SET_COLORS.get(entry.get("set"), _COLOR) for entry in classes]


def _curve_chart(curves, kind):
    series = {
        name: [(place, 100 * value) for place, value in enumerate(curve)]
        for name, curve in curves.items()
        if curve
    }
    if not series:
        return ""
    return lines(series, title=f"precision by {kind} at overlap 0.5, per cent", axis="recall %:")
