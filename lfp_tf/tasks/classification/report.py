"""The report of a classifier: top-1 and top-5, bars by class, confusions, mistakes."""

import dataclasses
import os
import pathlib
from collections.abc import Sequence

import markupsafe
import numpy as np

from lfp_tf.evaluation.charts import bars, heat_map
from lfp_tf.evaluation.image_panels import data_uri, image_rows
from lfp_tf.evaluation.page import thinned, training_charts, write_page
from lfp_tf.tasks.classification.metrics import class_scores, most_confused

# Of more classes the best and the worst have bars, and pairs stand in the place of the matrix.
MAX_CLASSES = 40
MAX_PAIRS = 20
MAX_LETTERS = 20
_BAR_COLOR = (31, 111, 178)


@dataclasses.dataclass(frozen=True)
class Mistake:
    """An image of which another class than its own was the most probable.

    Attributes:
        source: file name.
        truth, prediction: classes, by number.
        probability: of the prediction, 0..1.
        image: uint8 [size, size, 3] RGB, the network's input before it was normalised.
    """

    source: str
    truth: int
    prediction: int
    probability: float
    image: np.ndarray

    def address(self) -> str:
        """Gives the image as an address inside the page."""
        return data_uri(image_rows(self.image))


def score_facts(
    truths: Sequence[int] | np.ndarray,
    ranks: Sequence[int] | np.ndarray,
    confusion: np.ndarray,
    *,
    names: Sequence[str],
) -> dict:
    """Gives the part of `metrics.json` that the scores are.

    Args:
        truths, ranks: as of `class_scores`.
        confusion: whole numbers [C, C], (truth, prediction).
        names: of the classes.

    Returns:
        {"scores": {"top1_accuracy", "top1_error", "top5_accuracy", "top5_error",
        "mean_class_accuracy"}, "classes": list of {"id", "name", "top1", "top5", "images"},
        "most_confused": list of {"truth", "prediction" (names), "images"}, and of no more than
        `MAX_CLASSES` classes "confusion", the whole matrix}.
    """
    scores = class_scores(truths, ranks, num_classes=len(names))
    rows = zip(names, scores.pop("top1"), scores.pop("top5"), scores.pop("images"), strict=True)
    facts = {
        "scores": scores,
        "classes": [
            {"id": number, "name": name, "top1": top1, "top5": top5, "images": count}
            for number, (name, top1, top5, count) in enumerate(rows)
        ],
        "most_confused": [
            pair | {key: names[pair[key]] for key in ("truth", "prediction")}
            for pair in most_confused(confusion, MAX_PAIRS)
        ],
    }
    if len(names) <= MAX_CLASSES:
        facts["confusion"] = np.asarray(confusion).tolist()
    return facts


def write_report(
    folder: str | os.PathLike, facts: dict, *, mistakes: Sequence[Mistake] = ()
) -> pathlib.Path:
    """Writes `metrics.json` and `report.html`.

    Args:
        folder: where to; made if it is not there.
        facts: what `metrics.json` says, `score_facts` among it, and: "experiment", "dataset",
            "split", "images" (one entry each), "protocol", "seconds", "checkpoint"; where known
            "history" (entries of `history.jsonl`), "config", "versions".
        mistakes: images to show.

    Returns:
        The path of `report.html`.
    """
    names = [entry["name"] for entry in facts["classes"]]
    short_names = [short_name(name) for name in names]
    facts = facts | {"history": thinned(facts.get("history") or [])}
    facts["mistakes"] = [
        {
            "source": mistake.source,
            "truth": names[mistake.truth],
            "prediction": names[mistake.prediction],
            "probability": mistake.probability,
        }
        for mistake in mistakes
    ]
    return write_page(
        folder,
        facts,
        "tasks/classification/report.html",
        num_scored=len(facts["images"]),
        unit="images",
        names=names,
        class_charts=_class_charts(facts["classes"]),
        confusion_chart="confusion" in facts
        and heat_map(facts["confusion"], short_names, unit="images"),
        mistakes=mistakes,
        training_charts=training_charts(
            facts["history"],
            {"loss": "loss"},
            {"top-1": "accuracy", "top-5": "top5_accuracy"},
            title="accuracy on validation, per cent",
        ),
    )


def short_name(name: str) -> str:
    """Gives the first of a class's synonyms, cut to what a chart has room for.

    >>> short_name("tabby, tabby cat")
    'tabby'
    """
    first = name.split(",")[0]
    return first if len(first) <= MAX_LETTERS else f"{first[: MAX_LETTERS - 1]}\u2026"


def _class_charts(entries) -> list[tuple[str, markupsafe.Markup]]:
    """(title, bars) of all classes, or of the best and the worst where there are too many."""
    if len(entries) <= MAX_CLASSES:
        return [("Top-1 accuracy by class", _bars(entries))]
    known = [entry for entry in entries if entry["top1"] is not None]
    half = min(MAX_CLASSES, len(known)) // 2
    best, worst = (
        sorted(known, key=lambda e, sign=sign: sign * e["top1"])[:half] for sign in (-1, 1)
    )
    return [
        (f"The {half} best classes", _bars(best)),
        (f"The {half} worst classes", _bars(worst)),
    ]


def _bars(entries):
    notes = [
        "" if e["top5"] is None else f"top-5 {100 * e['top5']:.1f}, {e['images']} images"
        for e in entries
    ]
    values = [entry["top1"] for entry in entries]
    names = [short_name(entry["name"]) for entry in entries]
    return bars(names, values, [_BAR_COLOR] * len(entries), notes=notes)
