"""Scoring a network on a split of records by a protocol, one picture in memory at a time."""

import dataclasses
import heapq
import time

import numpy as np
import tensorflow as tf

from lfp_tf.data.pipelines.segmentation import evaluation_batches
from lfp_tf.data.records import read_dataset, record_index
from lfp_tf.errors import LfpError, WorkFailed
from lfp_tf.evaluation.facts import describe_protocol, versions
from lfp_tf.evaluation.report import score_facts, write_report
from lfp_tf.evaluation.report_pictures import Example
from lfp_tf.evaluation.scores import confusion_matrix_numpy, scores
from lfp_tf.ops.preprocessing import preprocessing
from lfp_tf.pictures.palette import ClassTable
from lfp_tf.tasks.prediction import predictor

KEPT = 4


@dataclasses.dataclass
class Evaluated:
    """What an evaluation found.

    Attributes:
        confusion: int64 [C, C], (truth, prediction), over all pictures.
        pictures: list of {"source", "mIoU" (mean over the classes of that picture), "allAcc"};
            both None where no pixel is labelled.
        best, worst: lists of `report_pictures.Example`, the most extreme first.
        seconds: of the whole, reading included.
    """

    confusion: np.ndarray
    pictures: list
    best: list
    worst: list
    seconds: float


def check_split(model, folder, split):
    """What `dataset.json` says, if its split can score this network.

    Raises:
        LfpError: no such split, one without labels, or other classes than the network's.
    """
    dataset = read_dataset(folder)
    if split not in dataset["splits"]:
        raise LfpError(
            f'{folder} has no split "{split}"; it has {", ".join(sorted(dataset["splits"]))}.'
        )
    if dataset["splits"][split]["label_pixels"] is None:
        raise LfpError(f"The split {split} of {folder} has no labels to score against.")
    if list(dataset["classes"]) != list(model.recipe.classes):
        raise LfpError(
            f"{folder} has the {len(dataset['classes'])} classes of {dataset['name']}, but the "
            f"network has {len(model.recipe.classes)} of {model.recipe.dataset}; "
            "give its own records."
        )
    return dataset


def evaluate(model, folder, *, split="val", protocol, limit=None, progress=None, kept=KEPT):
    """Runs a network over the pictures of a split.

    Args:
        model: from `tasks.networks`, with weights.
        folder: of the records.
        split: which of them.
        protocol: `evaluation.protocols.Protocol`.
        limit: only the first so many pictures; None takes all.
        progress: `progress.Progress`, updated by one a picture, or None.
        kept: best and worst pictures to keep, of each.

    Returns:
        `Evaluated`.

    Raises:
        LfpError: records that do not fit the network.
        WorkFailed: the device has not enough memory.
    """
    dataset = check_split(model, folder, split)
    table = _table(dataset)
    batches = evaluation_batches(
        record_index(folder, split),
        global_batch_size=1,
        mean=preprocessing(model.recipe.preprocess).mean,
        same_size=False,
        ignore_label=dataset["ignore_label"],
    )
    predict, extremes = predictor(model, protocol), _Extremes(kept)
    confusion = np.zeros((len(table), len(table)), np.int64)
    pictures, begin = [], time.monotonic()
    for batch in batches.take(limit or -1):
        image = tf.cast(batch["images"][0], tf.uint8)
        truth, source = batch["labels"][0].numpy(), batch["sources"][0].numpy().decode()
        labels = _labels(predict, image, source)
        counts = confusion_matrix_numpy(
            truth, labels, num_classes=len(table), ignore_label=table.ignore_label
        )
        confusion += counts
        pictures.append(_score(source, counts))
        if pictures[-1]["mIoU"] is not None:
            extremes.add(
                pictures[-1]["mIoU"],
                lambda facts=pictures[-1], image=image, truth=truth, labels=labels: Example.of(
                    facts, image.numpy(), truth, labels, table
                ),
            )
        if progress:
            progress.update(1, f"mean IoU {100 * scores(confusion, 'present')['mIoU']:.2f}")
    return Evaluated(
        confusion, pictures, extremes.best(), extremes.worst(), time.monotonic() - begin
    )


def report(folder, model, found, *, records, split, protocol, checkpoint, history=()):
    """Writes `metrics.json` and `report.html` of an evaluation.

    Args:
        folder: where to.
        model: what was evaluated.
        found: `Evaluated`.
        records, split, protocol: as given to `evaluate`.
        checkpoint: how the page calls the weights.
        history: entries of the run's `history.jsonl`.

    Returns:
        (path of the page, what `metrics.json` says but for the thinned history).
    """
    recipe = model.recipe
    facts = {
        "experiment": recipe.experiment,
        "dataset": recipe.dataset,
        "split": split,
        "records": str(records),
        "checkpoint": str(checkpoint),
        "protocol": describe_protocol(protocol),
        "seconds": found.seconds,
        **score_facts(
            found.confusion, names=recipe.classes, definition=recipe.evaluation["mean_iou"]
        ),
        "pictures": found.pictures,
        "history": list(history),
        "config": recipe.as_dict(),
        "versions": versions(),
    }
    path = write_report(folder, facts, colors=recipe.colors, best=found.best, worst=found.worst)
    return path, facts


class _Extremes:
    """The few best and worst of many; an example is drawn only if it is kept."""

    def __init__(self, kept):
        self.kept, self._number, self._best, self._worst = kept, 0, [], []

    def add(self, value, draw):
        """Considers one more of a value; `draw()` gives what is kept."""
        self._number += 1
        example = None
        for heap, key in ((self._best, value), (self._worst, -value)):
            if len(heap) < self.kept or (key, -self._number) > heap[0][:2]:
                example = example or draw()
                heapq.heappush(heap, (key, -self._number, example))
                if len(heap) > self.kept:
                    heapq.heappop(heap)

    def best(self):
        """The highest values' examples, highest first."""
        return [entry[2] for entry in sorted(self._best, reverse=True)]

    def worst(self):
        """The lowest values' examples, lowest first."""
        return [entry[2] for entry in sorted(self._worst, reverse=True)]


def _table(dataset):
    colors = np.asarray(dataset["colors"], np.uint8)
    return ClassTable(tuple(dataset["classes"]), colors, dataset["ignore_label"])


def _labels(predict, image, source):
    try:
        return predict(image)["labels"].numpy()
    except tf.errors.ResourceExhaustedError as error:
        size = f"{image.shape[1]}x{image.shape[0]}"
        raise WorkFailed(
            f"The device has not enough memory for {source} ({size}); use --protocol semseg, whose "
            "windows have one size, or a smaller --window_batch."
        ) from error


def _score(source, counts):
    if not counts.sum():
        return {"source": source, "mIoU": None, "allAcc": None}
    found = scores(counts, "present")
    return {"source": source, "mIoU": found["mIoU"], "allAcc": found["allAcc"]}
