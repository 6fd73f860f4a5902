"""`report.html`, one page that opens from disk, and `metrics.json`, which holds its numbers."""

import html
import pathlib

import yaml

from lfp_tf.evaluation.report_charts import bars, heat_map, lines
from lfp_tf.evaluation.report_pictures import data_uri
from lfp_tf.evaluation.scores import group_scores, scores
from lfp_tf.files import write_json, write_text

MAX_POINTS = 500
DEFINITIONS = {
    "all": "mean over all classes; one that never occurs counts 0 (hszhao/semseg)",
    "present": "mean over the classes that occur in truth or prediction (TF1 port, DeepLab 2018)",
    "truth": "mean over the classes that occur in the truth (DeepLab v2)",
}
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 1080px; margin: 2em auto; padding: 0 1em;
 color: #222; background: #fff } h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin-top: 2em }
table { border-collapse: collapse } td, th { padding: .2em .8em .2em 0; text-align: left;
 border-bottom: 1px solid #ddd } .big { font-size: 2em; font-weight: 600 } .pale { fill: #777;
 color: #777 } svg { font: 12px system-ui, sans-serif; max-width: 100%; height: auto }
figure { display: inline-block; margin: 0 1em 1em 0 } figure img { margin-right: 4px;
 max-width: 32%; image-rendering: pixelated } figcaption { font-size: .85em } pre { background:
 #f5f5f5; padding: 1em; overflow: auto; font-size: .8em; max-height: 30em }
"""


def score_facts(confusion, *, names, definition, groups=None):
    """The part of `metrics.json` that a confusion matrix gives.

    Args:
        confusion: whole numbers [C, C], (truth, prediction).
        names: of the classes.
        definition: `all`, `present` or `truth`, the one the experiment publishes.
        groups: what `pictures.palette.class_groups` gives, or None.

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


def thinned(history):
    """A run's history with no more than about `MAX_POINTS` losses; evaluations are all kept."""
    losses = [entry for entry in history if "loss" in entry]
    step = -(-len(losses) // MAX_POINTS) or 1
    kept = {id(entry) for entry in losses[::step] + losses[-1:]}
    return [entry for entry in history if "loss" not in entry or id(entry) in kept]


def write_report(folder, facts, *, colors, best=(), worst=()):
    """Writes `metrics.json` and `report.html`.

    Args:
        folder: where to; made if it is not there.
        facts: what `metrics.json` holds, `score_facts` among it, and: "experiment", "dataset",
            "split", "pictures" (list of {"source", "mIoU", "allAcc"}), "protocol", "seconds",
            "checkpoint"; where known "history" (entries of `history.jsonl`), "config", "versions".
        colors: list of [r, g, b], by class.
        best, worst: lists of `report_pictures.Example`.

    Returns:
        The path of `report.html`.
    """
    folder = pathlib.Path(folder)
    facts = facts | {"history": thinned(facts.get("history") or [])}
    facts["examples"] = {
        title: [{"source": e.source, "mIoU": e.score} for e in examples]
        for title, examples in (("best", best), ("worst", worst))
    }
    write_json(folder / "metrics.json", facts)
    sections = [
        _head(facts),
        _groups(facts.get("groups") or {}),
        _classes(facts, colors),
        "<h2>Confusion matrix</h2><p>Rows: truth. Columns: prediction. Numbers: per cent of the "
        "truth's pixels.</p>" + heat_map(facts["confusion"], _names(facts)),
        _examples("Best pictures", best),
        _examples("Worst pictures", worst),
        _curves(facts["history"]),
        _configuration(facts),
    ]
    title = html.escape(f"{facts['experiment']} on {facts['dataset']} {facts['split']}")
    write_text(
        folder / "report.html",
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>\n"
        + "\n".join(section for section in sections if section)
        + "\n</body></html>\n",
    )
    return folder / "report.html"


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
    protocol = _words(facts["protocol"])
    count = len(facts["pictures"])
    return (
        f'<p><span class="big">{100 * facts["scores"][own]["mIoU"]:.2f}</span> mean IoU '
        f"({own}) over {count} pictures</p>"
        + _table(["", "IoU %", "accuracy %", "pixels %", "weighted IoU %", "definition"], rows)
        + f"<p>Protocol: {html.escape(protocol)}. Checkpoint: "
        f"{html.escape(str(facts.get('checkpoint')))}. {facts['seconds']:.0f} s, "
        f"{count / max(facts['seconds'], 1e-9):.2f} pictures/s.</p>"
    )


def _words(values):
    """`name value, other (inner value)` of nested plain values."""
    return ", ".join(
        f"{name} ({_words(value)})" if isinstance(value, dict) else f"{name} {value}"
        for name, value in values.items()
    )


def _groups(levels):
    """A table of each level of groups."""
    head = ["", "classes in truth", "mean IoU of them %", "IoU as one class %", "pixels of truth"]
    text = ""
    for level, found in levels.items():
        entries = found["groups"]
        rows = [
            [e["name"], e["classes"], _percent(e["mIoU"]), _percent(e["merged_iou"]), e["pixels"]]
            for e in entries
        ]
        text += (
            f"<h2>By {html.escape(level)}</h2><p>{_percent(found['mIoU'])} mean IoU of the groups "
            f"as classes, {_percent(found['allAcc'])} % of the pixels in the right group.</p>"
            + _table(head, rows)
        )
    return text


def _percent(share):
    return "" if share is None else f"{100 * share:.2f}"


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


def _examples(title, examples):
    if not examples:
        return ""
    figures = [
        "<figure>"
        + "".join(
            f'<img src="{data_uri(picture)}" alt="{what}">'
            for what, picture in (
                ("picture", example.picture),
                ("truth", example.truth),
                ("ours", example.prediction),
            )
        )
        + f"<figcaption>{html.escape(example.source)}: {100 * example.score:.1f} "
        "(picture, truth, ours)</figcaption></figure>"
        for example in examples
    ]
    return f"<h2>{title}</h2>" + "".join(figures)


def _curves(history):
    losses = {
        name: [(e["step"], e[key]) for e in history if e.get(key, 0) > 0]
        for name, key in (("loss", "loss"), ("main", "main_loss"), ("auxiliary", "aux_loss"))
    }
    ious = [(e["step"], 100 * e["mean_iou"]) for e in history if "mean_iou" in e]
    charts = []
    losses = {name: curve for name, curve in losses.items() if curve}
    if losses:
        charts.append(lines(losses, title="training loss (logarithmic)", log=True))
    if ious:
        charts.append(lines({"mean IoU": ious}, title="mean IoU on validation, per cent"))
    return "<h2>Training</h2>" + "".join(charts) if charts else ""


def _configuration(facts):
    text = ""
    if facts.get("config"):
        shown = yaml.safe_dump(facts["config"], sort_keys=False, default_flow_style=None)
        text += f"<h2>Configuration</h2><pre>{html.escape(shown)}</pre>"
    if facts.get("versions"):
        text += "<h2>Versions</h2>" + _table(["", ""], [list(i) for i in facts["versions"].items()])
    return text


def _table(head, rows):
    def line(cells, tag):
        return "<tr>" + "".join(f"<{tag}>{html.escape(str(c))}</{tag}>" for c in cells) + "</tr>"

    return f"<table>{line(head, 'th')}{''.join(line(row, 'td') for row in rows)}</table>"
