"""The report of a classifier: top-1 and top-5, bars by class, what was taken for what, mistakes."""

import dataclasses
import html

import numpy as np

from lfp_tf.evaluation.charts import bars, heat_map
from lfp_tf.evaluation.image_panels import data_uri, image_rows
from lfp_tf.evaluation.page import (
    big,
    configuration,
    curves,
    origin,
    page,
    page_title,
    percent,
    table,
    thinned,
    write_page,
)
from lfp_tf.tasks.classification.metrics import class_scores, most_confused

# Above it, bars are those of the ends alone, and pairs stand in for the matrix.
MAX_CLASSES = 40
MAX_PAIRS = 20
MAX_LETTERS = 20
_BAR_COLOR = (31, 111, 178)


@dataclasses.dataclass(frozen=True)
class Mistake:
    """An image of which another class than its own was the most probable.

    Attributes:
        source: file name.
        truth, guess: classes, by number.
        probability: of the guess, 0..1.
        image: uint8 [size, size, 3], what the network saw.
    """

    source: str
    truth: int
    guess: int
    probability: float
    image: np.ndarray


def score_facts(truths, ranks, confusion, *, names):
    """The part of `metrics.json` that the scores are.

    Args:
        truths, ranks: as of `class_scores`.
        confusion: whole numbers [C, C], (truth, the class that was named).
        names: of the classes.

    Returns:
        {"scores": {"top1_accuracy", "top1_error", "top5_accuracy", "top5_error",
        "mean_class_accuracy"}, "classes": list of {"id", "name", "top1", "top5", "images"},
        "confusions": list of {"truth", "guess" (names), "images"}, and of no more than
        `MAX_CLASSES` classes "confusion", the whole matrix}.
    """
    found = class_scores(truths, ranks, num_classes=len(names))
    rows = zip(names, found.pop("top1"), found.pop("top5"), found.pop("images"), strict=True)
    facts = {
        "scores": found,
        "classes": [
            {"id": number, "name": name, "top1": top1, "top5": top5, "images": count}
            for number, (name, top1, top5, count) in enumerate(rows)
        ],
        "confusions": [
            pair | {"truth": names[pair["truth"]], "guess": names[pair["guess"]]}
            for pair in most_confused(confusion, MAX_PAIRS)
        ],
    }
    if len(names) <= MAX_CLASSES:
        facts["confusion"] = np.asarray(confusion).tolist()
    return facts


def write_report(folder, facts, *, mistakes=()):
    """Writes `metrics.json` and `report.html`.

    Args:
        folder: where to; made if it is not there.
        facts: what `metrics.json` holds, `score_facts` among it, and: "experiment", "dataset",
            "split", "images" (one entry each), "protocol", "seconds", "checkpoint"; where known
            "history" (entries of `history.jsonl`), "config", "versions".
        mistakes: list of `Mistake`.

    Returns:
        The path of `report.html`.
    """
    names = [entry["name"] for entry in facts["classes"]]
    facts = facts | {"history": thinned(facts.get("history") or [])}
    facts["mistakes"] = [
        {
            "source": mistake.source,
            "truth": names[mistake.truth],
            "guess": names[mistake.guess],
            "probability": mistake.probability,
        }
        for mistake in mistakes
    ]
    sections = [
        _head(facts),
        _classes(facts["classes"]),
        _confusion(facts, names),
        _mistakes(mistakes, names),
        curves(
            facts["history"],
            {"loss": "loss"},
            {"top-1": "accuracy", "top-5": "top5_accuracy"},
            title="accuracy on validation, per cent",
        ),
        configuration(facts),
    ]
    return write_page(folder, facts, page(page_title(facts), sections))


def short_name(name):
    """The first of a class's synonyms, cut to what a chart has room for.

    >>> short_name("tabby, tabby cat")
    'tabby'
    """
    first = name.split(",")[0]
    return first if len(first) <= MAX_LETTERS else f"{first[: MAX_LETTERS - 1]}\u2026"


def _head(facts):
    scores, count = facts["scores"], len(facts["images"])
    rows = [
        [name, percent(scores[f"{key}_accuracy"]), percent(scores[f"{key}_error"])]
        for name, key in (("top-1", "top1"), ("top-5", "top5"))
    ]
    mean = scores["mean_class_accuracy"]
    rows.append(
        ["top-1, mean of the classes", percent(mean), percent(None if mean is None else 1.0 - mean)]
    )
    return (
        big(percent(scores["top1_accuracy"]), f"top-1 accuracy over {count} images")
        + table(["", "accuracy %", "error %"], rows)
        + origin(facts, count)
    )


def _classes(entries):
    """Bars of all classes, or of the best and the worst where there are too many."""
    if len(entries) <= MAX_CLASSES:
        return "<h2>Top-1 accuracy by class</h2>" + _bars(entries)
    known = [entry for entry in entries if entry["top1"] is not None]
    half = min(MAX_CLASSES, len(known)) // 2
    best, worst = (
        sorted(known, key=lambda e, sign=sign: sign * e["top1"])[:half] for sign in (-1, 1)
    )
    return (
        f"<h2>The {half} best classes</h2>{_bars(best)}"
        f"<h2>The {half} worst classes</h2>{_bars(worst)}"
    )


def _bars(entries):
    notes = [
        "" if e["top5"] is None else f"top-5 {100 * e['top5']:.1f}, {e['images']} images"
        for e in entries
    ]
    values = [entry["top1"] for entry in entries]
    names = [short_name(entry["name"]) for entry in entries]
    return bars(names, values, [_BAR_COLOR] * len(entries), notes=notes)


def _confusion(facts, names):
    text = ""
    if "confusion" in facts:
        text = (
            "<h2>Confusion matrix</h2><p>Rows: truth. Columns: the class that was named. Numbers: "
            "per cent of the truth's images.</p>"
            + heat_map(facts["confusion"], [short_name(name) for name in names], unit="images")
        )
    if facts["confusions"]:
        rows = [[p["truth"], p["guess"], p["images"]] for p in facts["confusions"]]
        text += "<h2>Most confused</h2>" + table(["truth", "named", "images"], rows)
    return text


def _mistakes(mistakes, names):
    if not mistakes:
        return ""
    shown = [
        f'<figure><img src="{data_uri(image_rows(m.image))}" alt="image" '
        'style="max-width: 100%">'
        f"<figcaption>{html.escape(m.source)}<br>truth: {html.escape(names[m.truth])}<br>"
        f"named: {html.escape(names[m.guess])}, {100 * m.probability:.1f} %</figcaption></figure>"
        for m in mistakes
    ]
    return "<h2>The most certain mistakes</h2>" + "".join(shown)
