"""`report.html`, one page that opens from disk, and `metrics.json`, which holds its numbers."""

import os
import pathlib
from collections.abc import Sequence

import numpy as np

from lfp_tf.evaluation.charts import bars, heat_map
from lfp_tf.evaluation.image_panels import Example
from lfp_tf.evaluation.page import thinned, training_charts, write_page
from lfp_tf.tasks.segmentation.metrics import group_scores, scores

DEFINITIONS = {
    "all": "mean over all classes; one that never occurs counts 0 (hszhao/semseg)",
    "present": "mean over the classes that occur in truth or prediction (TF1 port, DeepLab 2018)",
    "truth": "mean over the classes that occur in the truth (DeepLab v2)",
}


def score_facts(
    confusion: np.ndarray,
    *,
    names: Sequence[str],
    definition: str,
    groups: dict | None = None,
) -> dict:
    """Gives the part of `metrics.json` that a confusion matrix tells.

    Args:
        confusion: whole numbers [C, C], (truth, prediction).
        names: of the classes.
        definition: `all`, `present` or `truth`, the one the experiment publishes.
        groups: what `images.palette.class_groups` gives, or None.

    Returns:
        {"mean_iou_definition", "scores": {definition: {"mIoU", "mAcc", "allAcc", "fwIoU"}},
        "classes": list of {"id", "name", "iou", "accuracy", "pixels"}, "confusion", and where
        there are groups "groups", see `group_scores`}; a class that does not occur has None.
    """
    by_name = {name: scores(confusion, name) for name in DEFINITIONS}
    present = by_name["present"]
    rows = zip(names, present["iou"], present["accuracy"], present["target"], strict=True)
    return {
        "mean_iou_definition": definition,
        "scores": {
            name: {key: values[key] for key in ("mIoU", "mAcc", "allAcc", "fwIoU")}
            for name, values in by_name.items()
        },
        "classes": [
            {"id": number, "name": name, "iou": iou, "accuracy": accuracy, "pixels": pixels}
            for number, (name, iou, accuracy, pixels) in enumerate(rows)
        ],
        "confusion": [[int(value) for value in row] for row in confusion],
        **({"groups": group_scores(confusion, groups)} if groups else {}),
    }


def write_report(
    folder: str | os.PathLike,
    facts: dict,
    *,
    colors: Sequence[Sequence[int]],
    best: Sequence[Example] = (),
    worst: Sequence[Example] = (),
) -> pathlib.Path:
    """Writes `metrics.json` and `report.html`.

    Args:
        folder: where to; made if it is not there.
        facts: what `metrics.json` says, `score_facts` among it, and: "experiment", "dataset",
            "split", "images" (list of {"source", "mIoU", "allAcc"}), "protocol", "seconds",
            "checkpoint"; where known "history" (entries of `history.jsonl`), "config", "versions".
        colors: C colours [r, g, b], 0..255.
        best, worst: images to show.

    Returns:
        The path of `report.html`.
    """
    facts = facts | {"history": thinned(facts.get("history") or [])}
    facts["examples"] = {
        title: [{"source": e.source, "mIoU": e.score} for e in examples]
        for title, examples in (("best", best), ("worst", worst))
    }
    classes = facts["classes"]
    names = [entry["name"] for entry in classes]
    total = sum(entry["pixels"] for entry in classes) or 1
    notes = [
        "" if e["accuracy"] is None
        else f"accuracy {100 * e['accuracy']:.1f}, {100 * e['pixels'] / total:.2f} % of pixels"
        for e in classes
    ]  # fmt: skip
    return write_page(
        folder,
        facts,
        "tasks/segmentation/report.html",
        num_scored=len(facts["images"]),
        unit="images",
        definitions=DEFINITIONS,
        class_chart=bars(names, [entry["iou"] for entry in classes], colors, notes=notes),
        confusion_chart=heat_map(facts["confusion"], names),
        figures=[("Best images", best), ("Worst images", worst)],
        training_charts=training_charts(
            facts["history"],
            {"loss": "loss", "main": "main_loss", "auxiliary": "aux_loss"},
            {"mean IoU": "mean_iou"},
            title="mean IoU on validation, per cent",
        ),
    )
