"""`report.html`, one page that opens from disk, and `metrics.json`, which holds its numbers."""

import html

from lfp_tf.evaluation.charts import bars, heat_map
from lfp_tf.evaluation.page import (
    big,
    configuration,
    curves,
    figures,
    origin,
    page,
    page_title,
    percent,
    table,
    thinned,
    write_page,
)
from lfp_tf.tasks.segmentation.metrics import group_scores, scores

DEFINITIONS = {
    "all": "mean over all classes; one that never occurs counts 0 (hszhao/semseg)",
    "present": "mean over the classes that occur in truth or prediction (TF1 port, DeepLab 2018)",
    "truth": "mean over the classes that occur in the truth (DeepLab v2)",
}


def score_facts(confusion, *, names, definition, groups=None):
    """The part of `metrics.json` that a confusion matrix gives.

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
            name: {key: found[key] for key in ("mIoU", "mAcc", "allAcc", "fwIoU")}
            for name, found in by_name.items()
        },
        "classes": [
            {"id": number, "name": name, "iou": iou, "accuracy": accuracy, "pixels": pixels}
            for number, (name, iou, accuracy, pixels) in enumerate(rows)
        ],
        "confusion": [[int(value) for value in row] for row in confusion],
        **({"groups": group_scores(confusion, groups)} if groups else {}),
    }


def write_report(folder, facts, *, colors, best=(), worst=()):
    """Writes `metrics.json` and `report.html`.

    Args:
        folder: where to; made if it is not there.
        facts: what `metrics.json` holds, `score_facts` among it, and: "experiment", "dataset",
            "split", "images" (list of {"source", "mIoU", "allAcc"}), "protocol", "seconds",
            "checkpoint"; where known "history" (entries of `history.jsonl`), "config", "versions".
        colors: list of [r, g, b], by class.
        best, worst: lists of `image_panels.Example`.

    Returns:
        The path of `report.html`.
    """
    facts = facts | {"history": thinned(facts.get("history") or [])}
    facts["examples"] = {
        title: [{"source": e.source, "mIoU": e.score} for e in examples]
        for title, examples in (("best", best), ("worst", worst))
    }
    sections = [
        _head(facts),
        _groups(facts.get("groups") or {}),
        _classes(facts, colors),
        "<h2>Confusion matrix</h2><p>Rows: truth. Columns: prediction. Numbers: per cent of the "
        "truth's pixels.</p>" + heat_map(facts["confusion"], _names(facts)),
        figures("Best images", best),
        figures("Worst images", worst),
        _curves(facts["history"]),
        configuration(facts),
    ]
    return write_page(folder, facts, page(page_title(facts), sections))


def _names(facts):
    return [entry["name"] for entry in facts["classes"]]


def _head(facts):
    own = facts["mean_iou_definition"]
    rows = [
        [
            f"mean IoU ({name})",
            f"{100 * facts['scores'][name]['mIoU']:.2f}",
            f"{100 * facts['scores'][name]['mAcc']:.2f}",
            f"{100 * facts['scores'][name]['allAcc']:.2f}",
            f"{100 * facts['scores'][name]['fwIoU']:.2f}",
            about,
        ]
        for name, about in DEFINITIONS.items()
    ]
    count = len(facts["images"])
    return (
        big(percent(facts["scores"][own]["mIoU"]), f"mean IoU ({own}) over {count} images")
        + table(["", "IoU %", "accuracy %", "pixels %", "weighted IoU %", "definition"], rows)
        + origin(facts, count)
    )


def _groups(levels):
    """A table of each level of groups."""
    head = ["", "classes in truth", "mean IoU of them %", "IoU as one class %", "pixels of truth"]
    text = ""
    for level, found in levels.items():
        entries = found["groups"]
        rows = [
            [e["name"], e["classes"], percent(e["mIoU"]), percent(e["merged_iou"]), e["pixels"]]
            for e in entries
        ]
        text += (
            f"<h2>By {html.escape(level)}</h2><p>{percent(found['mIoU'])} mean IoU of the groups "
            f"as classes, {percent(found['allAcc'])} % of the pixels in the right group.</p>"
            + table(head, rows)
        )
    return text


def _classes(facts, colors):
    entries = facts["classes"]
    total = sum(entry["pixels"] for entry in entries) or 1
    notes = [
        "" if e["accuracy"] is None
        else f"acc. {100 * e['accuracy']:.1f}, {100 * e['pixels'] / total:.2f} % of pixels"
        for e in entries
    ]  # fmt: skip
    values = [entry["iou"] for entry in entries]
    return "<h2>IoU by class</h2>" + bars(_names(facts), values, colors, notes=notes)


def _curves(history):
    losses = {"loss": "loss", "main": "main_loss", "auxiliary": "aux_loss"}
    title = "mean IoU on validation, per cent"
    return curves(history, losses, {"mean IoU": "mean_iou"}, title=title)
