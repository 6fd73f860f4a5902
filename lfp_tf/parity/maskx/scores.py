"""Cases of MaskX R-CNN's measurement: the splits of COCO's classes, average precision on each."""

import hashlib
import json
from typing import Any

from lfp_tf.parity.golden import Case
from lfp_tf.parity.maskx.words import words_of
from lfp_tf.tasks.detection.metrics import coco_scores
from lfp_tf.tasks.detection.subsets import random_draws, split_labels


def splits(case: Case) -> dict[str, Any]:
    """`splits`: labels of a set A, or all that were drawn in their order."""
    words = words_of(case)
    if words["which"] == "drawn_order":
        text = ";".join(_joined(labels) for labels in random_draws().values())
        return {"sha256": _digest(text)}
    labels = split_labels(words["split"])
    return {"labels": labels, "sha256": _digest(_joined(labels))}


def ap_subsets(case: Case) -> dict[str, Any]:
    """`ap_subsets`: one evaluation, read for all classes, VOC's and the others."""
    words = words_of(case)
    truth, results = (
        json.loads((case.folder / words[name]).read_text()) for name in ("ground_truth", "results")
    )
    names = {category["id"]: place for place, category in enumerate(_sorted(truth), start=1)}
    by_place = {place: label for label, place in names.items()}
    subsets = {
        "all": None,
        "voc": [by_place[place] for place in split_labels("voc")],
        "nonvoc": [by_place[place] for place in split_labels("nonvoc")],
    }
    outputs = {}
    for kind, iou in (("box", "bbox"), ("mask", "segm")):
        scores = coco_scores(truth, results, kind=kind)
        for subset, labels in subsets.items():
            summary = scores.summary(labels)
            values = [summary[metric] for metric in words["metrics"]]
            outputs[f"{iou}_{subset}"] = [words["absent"] if v is None else v for v in values]
    return outputs


def _sorted(truth):
    return sorted(truth["categories"], key=lambda category: category["id"])


def _joined(labels):
    return ",".join(map(str, labels))


def _digest(text):
    return hashlib.sha256(text.encode()).hexdigest()
