"""Scoring a detector on a split of records: every image once, then COCO's AP over all."""

import dataclasses
import os
import pathlib
import time
from collections.abc import Iterable, Sequence

import tensorflow as tf
import tf_keras

from lfp_tf.data.description import task_classes
from lfp_tf.data.detection.pipeline import evaluation_batches
from lfp_tf.data.detection.records import read_truth
from lfp_tf.data.ordering import read_batches
from lfp_tf.data.records import record_index
from lfp_tf.errors import LfpError, WorkFailed
from lfp_tf.evaluation.image_panels import Example, Extremes
from lfp_tf.options import Shares
from lfp_tf.progress import Progress
from lfp_tf.tasks.catalog import DETECTION
from lfp_tf.tasks.detection.coco_results import coco_rows
from lfp_tf.tasks.detection.matches import image_score
from lfp_tf.tasks.detection.metrics import CocoScores, coco_scores
from lfp_tf.tasks.detection.prediction import Protocol, array_function
from lfp_tf.tasks.detection.report import drawn_rows, score_facts, write_report
from lfp_tf.tasks.detection.subsets import ClassSets, class_sets
from lfp_tf.tasks.detection.true_boxes import Judged, class_means, masks_in_true_boxes
from lfp_tf.tasks.evaluation_facts import comparable_split, described

KEPT = 6


@dataclasses.dataclass
class Evaluated:
    """The outcome of an evaluation.

    Attributes:
        names: of the classes, as the records call them.
        truth: as a COCO file.
        results: of all images, as COCO's results format; image ids are record numbers.
        scores: {"box" and perhaps "mask": `CocoScores`}.
        images: list of {"source", "score" (see `matches.image_score`), "objects", "detections"}.
        best, worst: lists of `image_panels.Example`, the most extreme first.
        seconds: of the whole, reading included.
        protocol: as it was given.
        sets: of the classes that are told apart, if they are.
        mask_overlaps, filled_overlaps: {label: mean IoU of its masks, and of its boxes filled, with
            the true masks}, if it was measured.
        best_masks, worst_masks: alike, of masks in the true boxes; with sets, of those of set B.
    """

    names: list[str]
    truth: dict
    results: list[dict]
    scores: dict[str, CocoScores]
    images: list[dict]
    best: list[Example]
    worst: list[Example]
    seconds: float
    protocol: Protocol
    sets: ClassSets | None = None
    mask_overlaps: dict[int, float] | None = None
    filled_overlaps: dict[int, float] | None = None
    best_masks: Sequence[Example] = ()
    worst_masks: Sequence[Example] = ()


def evaluate(
    model: tf_keras.Model,
    folder: str | os.PathLike,
    *,
    split: str = "val",
    protocol: Protocol,
    limit: int | None = None,
    progress: Progress | None = None,
    kept: int = KEPT,
    subset: Sequence[str | int] = (),
    true_boxes: bool = False,
) -> Evaluated:
    """Runs a detector over the images of a split.

    Args:
        model: from `recipes.networks`, with weights.
        folder: of the records.
        split: of the records.
        protocol: how images are brought to the network.
        limit: number of images to take, from the first; None takes all.
        progress: updated by one per image.
        kept: best and worst images to keep, of each.
        subset: classes of set A, see `subsets.labels_of`; by themselves those whose masks the
            network learnt.
        true_boxes: whether masks are also predicted in the true boxes.

    Raises:
        LfpError: records that do not fit the network, a class that is none, true boxes for a
            network without masks.
        WorkFailed: the device has not enough memory.
    """
    begin = time.monotonic()
    dataset = comparable_split(model.recipe, folder, split, DETECTION, may_lack_last=True)
    names = list(model.recipe.classes)
    sets = _sets(model.recipe, subset, names[: len(task_classes(dataset, DETECTION.name))])
    if true_boxes and model.masks is None:
        raise LfpError("--true_boxes is for networks with masks, and this one has none.")
    truth = read_truth(folder, split, limit=limit)
    true_rows = _by_image(truth["annotations"])
    drawn_labels = sets.members["B"] if sets else range(1, len(names) + 1)
    extremes, masks = Extremes(kept), Extremes(kept)
    results, images, judged = [], [], []
    for number, source, image, rows in _predicted(model, folder, split, protocol, truth):
        own = true_rows.get(number, [])
        score = image_score(own, rows)
        results += rows
        if true_boxes:
            in_boxes = masks_in_true_boxes(model, protocol, image, own)
            judged += in_boxes
            shown = [one for one in in_boxes if one.truth["category_id"] in drawn_labels]
            _add_masks(masks, source, image, shown, names)
        images.append(
            {"source": source, "score": score, "objects": len(own), "detections": len(rows)}
        )
        if score is not None:
            extremes.add(score, _example(source, score, image, own, rows, names))
        if progress:
            progress.update(1, f"{len(results)} detections")
    kinds = ("box", "mask") if model.recipe.options["masks"] else ("box",)
    return Evaluated(
        names=names,
        truth=truth,
        results=results,
        scores={kind: coco_scores(truth, results, kind=kind) for kind in kinds},
        images=images,
        best=extremes.best(),
        worst=extremes.worst(),
        seconds=time.monotonic() - begin,
        protocol=protocol,
        sets=sets,
        mask_overlaps=class_means(judged) if true_boxes else None,
        filled_overlaps=class_means(judged, "filled") if true_boxes else None,
        best_masks=masks.best(),
        worst_masks=masks.worst(),
    )


def report(
    folder: str | os.PathLike,
    model: tf_keras.Model,
    evaluated: Evaluated,
    *,
    records: str | os.PathLike,
    split: str,
    checkpoint: str | os.PathLike,
    history: Iterable[dict] = (),
) -> tuple[pathlib.Path, dict]:
    """Writes `metrics.json` and `report.html` of an evaluation.

    Args:
        folder: where to.
        model: what was evaluated.
        evaluated: of `evaluate`.
        records, split: as given to `evaluate`.
        checkpoint: what the page calls the weights.
        history: entries of the run's `history.jsonl`.

    Returns:
        (path of the page, what `metrics.json` says but for examples and the thinned history).
    """
    scores = score_facts(
        evaluated.scores,
        evaluated.truth,
        names=evaluated.names,
        sets=evaluated.sets,
        mask_overlaps=evaluated.mask_overlaps,
        filled_overlaps=evaluated.filled_overlaps,
    )
    facts = described(
        model.recipe,
        scores | {"images": evaluated.images},
        protocol=evaluated.protocol.describe(),
        split=split,
        records=records,
        checkpoint=checkpoint,
        seconds=evaluated.seconds,
        history=history,
    )
    path = write_report(
        folder,
        facts,
        best=evaluated.best,
        worst=evaluated.worst,
        best_masks=evaluated.best_masks,
        worst_masks=evaluated.worst_masks,
    )
    return path, facts


def _add_masks(extremes: Extremes, source, image, shown: Sequence[Judged], names):
    """Considers the mask of each object; what lies around it is drawn with it."""
    for one in shown:
        draw = _example(
            source, one.overlap, image, [one.truth], [one.predicted], names, one.truth["bbox"]
        )
        extremes.add(one.overlap, draw)


def _example(source, score, image, truth, rows, names, around=None):
    """A function that draws it."""
    return lambda: Example(source, score, *drawn_rows(image, truth, rows, names, around=around))


def _sets(recipe, subset, names):
    if subset:
        return class_sets(subset, names, where="--subset")
    words = recipe.evaluation.get("mask_classes", ())
    return class_sets(words, names, where="task.mask_classes")


def _predicted(model, folder, split, protocol, truth):
    """(number, source, image uint8 [H, W, 3], COCO's rows) of the truth's images, in order."""
    detect, count = array_function(model, protocol), len(truth["images"])
    batches = evaluation_batches(record_index(folder, split), shares=Shares(1)).take(count)
    for batch in read_batches(batches):
        image, number = batch["images"][0].numpy(), int(batch["numbers"][0])
        try:
            rows = coco_rows(detect(image), number, image.shape[:2])
        except tf.errors.ResourceExhaustedError as error:
            raise WorkFailed(
                "The device has not enough memory for an image of this size; lower "
                "--short_side, or end what else uses its memory."
            ) from error
        yield number, batch["sources"][0].numpy().decode(), image, rows


def _by_image(annotations):
    rows: dict[int, list[dict]] = {}
    for annotation in annotations:
        rows.setdefault(annotation["image_id"], []).append(annotation)
    return rows
