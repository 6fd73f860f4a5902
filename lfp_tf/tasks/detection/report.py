"""What `metrics.json` and `report.html` say of detections: AP by class, curves, images."""

import os
import pathlib
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from lfp_tf.data.detection.masks import rle_bitmap
from lfp_tf.evaluation.charts import bars, lines
from lfp_tf.evaluation.image_panels import Example, image_rows
from lfp_tf.evaluation.page import thinned, training_charts, write_page
from lfp_tf.images.detections import draw_detections
from lfp_tf.tasks.detection.matches import SHOWN_SCORE
from lfp_tf.tasks.detection.metrics import CocoScores

_CURVES = 4  # classes whose precision-recall curves are drawn, those with the most objects
_COLOR = (31, 111, 178)


def score_facts(scores: Mapping[str, CocoScores], truth: dict, *, names: Sequence[str]) -> dict:
    """Gives the part of `metrics.json` that the detections tell.

    Args:
        scores: {"box" and perhaps "mask": what was measured}.
        truth: as a COCO file; its categories are 1..C.
        names: of the C classes, perhaps of further ones behind them.

    Returns:
        {"scores": {kind: COCO's twelve numbers, 0..1 or None}, "classes": list of {"name",
        "objects" (crowds left out), kind: {"AP", "AP50"}}, "curves": {kind: {class: precision at
        recalls 0, 0.01, ... 1 and overlap 0.5}} of the classes with the most objects}.
    """
    objects = Counter(
        row["category_id"] for row in truth["annotations"] if not row.get("iscrowd", 0)
    )
    classes = []
    for label, name in enumerate(names[: len(truth["categories"])], start=1):
        own = {kind: measured.summary([label]) for kind, measured in scores.items()}
        shown = {kind: {key: own[kind][key] for key in ("AP", "AP50")} for kind in own}
        classes.append({"name": name, "objects": objects[label], **shown})
    commonest = [label for label, _ in objects.most_common(_CURVES)]
    return {
        "scores": {kind: measured.summary() for kind, measured in scores.items()},
        "classes": classes,
        "curves": {
            kind: {names[label - 1]: measured.curve(label) for label in commonest}
            for kind, measured in scores.items()
        },
    }


def write_report(
    folder: str | os.PathLike,
    facts: dict,
    *,
    best: Sequence[Example] = (),
    worst: Sequence[Example] = (),
) -> pathlib.Path:
    """Writes `metrics.json` and `report.html`.

    Args:
        folder: where to; made if it is not there.
        facts: what `metrics.json` says, `score_facts` among it.
        best, worst: images to show.

    Returns:
        The path of `report.html`.
    """
    facts = facts | {"history": thinned(facts.get("history") or [])}
    facts["examples"] = {
        title: [{"source": e.source, "score": e.score} for e in examples]
        for title, examples in (("best", best), ("worst", worst))
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
        curve_charts=[_curve_chart(facts["curves"][kind], kind) for kind in kinds],
        shown_score=SHOWN_SCORE,
        figures=[("Best images", best), ("Worst images", worst)],
        training_charts=training_charts(
            facts["history"],
            {"loss": "loss"} | {name: f"loss_{key}" for name, key in _LOSSES.items()},
            {"box AP": "box_ap", "mask AP": "mask_ap"},
            title="AP on validation, per cent",
        ),
    )


_LOSSES = {
    "anchors' class": "rpn_class",
    "boxes' class": "class",
    "masks": "mask",
}


def drawn_rows(
    image: np.ndarray, truth: Sequence[dict], rows: Sequence[dict], names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draws an image's truth and its detections of `SHOWN_SCORE` or more: three small images.

    Args:
        image: uint8 [H, W, 3].
        truth, rows: of this image, as a COCO file and as COCO's results format.
        names: of the classes.
    """
    shown = [row for row in rows if row["score"] >= SHOWN_SCORE]
    panels = [_drawn(image, part, names) for part in (truth, shown)]
    return image_rows(image), image_rows(panels[0]), image_rows(panels[1])


def _drawn(image, rows, names):
    boxes = np.array([row["bbox"] for row in rows], np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    masks = [row.get("segmentation") for row in rows]
    return draw_detections(
        image,
        boxes,
        [row["category_id"] - 1 for row in rows],
        names,
        masks=[rle_bitmap(mask) if mask else None for mask in masks],
    )


def _class_chart(classes, kind):
    notes = [
        "" if e[kind]["AP"] is None
        else f"AP50 {100 * e[kind]['AP50']:.1f}, {e['objects']} objects"
        for e in classes
    ]  # fmt: skip
    names = [entry["name"] for entry in classes]
    values = [entry[kind]["AP"] for entry in classes]
    return bars(names, values, [_COLOR] * len(names), notes=notes)


def _curve_chart(curves, kind):
    series = {
        name: [(place, 100 * value) for place, value in enumerate(curve)]
        for name, curve in curves.items()
        if curve
    }
    if not series:
        return ""
    return lines(series, title=f"precision by {kind} at overlap 0.5, per cent", axis="recall %:")
