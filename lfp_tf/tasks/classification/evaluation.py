"""Scoring a classifier on a split of records: the middle of every image, once."""

import dataclasses
import functools
import os
import pathlib
import time
from collections.abc import Iterable

import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.data.classification.pipeline import FILLER, evaluation_batches
from lfp_tf.data.ordering import read_batches
from lfp_tf.data.records import record_index
from lfp_tf.errors import WorkFailed, graph_sentence
from lfp_tf.evaluation.confusion import confusion_matrix
from lfp_tf.evaluation.image_panels import Extremes
from lfp_tf.options import Shares
from lfp_tf.progress import Progress
from lfp_tf.tasks.catalog import CLASSIFICATION
from lfp_tf.tasks.classification.metrics import truth_ranks
from lfp_tf.tasks.classification.prediction import Protocol, classifier
from lfp_tf.tasks.classification.report import Mistake, score_facts, write_report
from lfp_tf.tasks.evaluation_facts import comparable_split, described

KEPT = 12


@dataclasses.dataclass
class Evaluated:
    """The outcome of an evaluation.

    Attributes:
        names: of the classes, as the records call them.
        confusion: int64 [C, C], (truth, the most probable class), over all images.
        images: list of {"source", "truth", "prediction" (classes by number), "probability" (of the
            truth), "confidence" (probability of the prediction), "rank" (see `truth_ranks`)}.
        mistakes: list of `Mistake`, the most certain first.
        seconds: of the whole, reading included.
        protocol: as it was given.
    """

    names: list[str]
    confusion: np.ndarray
    images: list[dict]
    mistakes: list[Mistake]
    seconds: float
    protocol: Protocol

    def facts(self) -> dict:
        """Gives the scores as plain values, see `report.score_facts`."""
        truths, ranks = ([image[key] for image in self.images] for key in ("truth", "rank"))
        return score_facts(truths, ranks, self.confusion, names=self.names)


def evaluate(
    model: tf_keras.Model,
    folder: str | os.PathLike,
    *,
    split: str = "val",
    protocol: Protocol,
    batch: int = 8,
    limit: int | None = None,
    progress: Progress | None = None,
    kept: int = KEPT,
) -> Evaluated:
    """Runs a classifier over the images of a split.

    Args:
        model: from `recipes.networks`, with weights.
        folder: of the records.
        split: of the records.
        protocol: how images are cropped.
        batch: images through the network at once.
        limit: number of images to take, from the first; None takes all.
        progress: updated by one per image.
        kept: mistakes to keep with their images.

    Raises:
        LfpError: records that do not fit the network.
        WorkFailed: the device has not enough memory, or a record's class is impossible.
    """
    recipe = model.recipe
    names = list(comparable_split(recipe, folder, split, CLASSIFICATION)["classes"])
    batches = evaluation_batches(
        record_index(folder, split),
        size=protocol.crop,
        shortest=protocol.shortest,
        shares=Shares(batch),
        num_classes=len(names),
    )
    classify, begin = classifier(model), time.monotonic()
    images, mistakes, num_right = [], Extremes(kept), 0
    for image, facts in _predicted(batches, classify, limit):
        images.append(facts)
        num_right += facts["rank"] == 0
        if facts["rank"]:
            mistakes.add(facts["confidence"], functools.partial(_mistake, image, facts))
        if progress:
            progress.update(1, f"top-1 {100 * num_right / len(images):.2f}")
    confusion = confusion_matrix(
        *(np.array([facts[key] for facts in images], int) for key in ("truth", "prediction")),
        num_classes=len(names),
        ignore_label=FILLER,
    ).numpy()
    seconds = time.monotonic() - begin
    return Evaluated(names, confusion, images, mistakes.best(), seconds, protocol)


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
        (path of the page, what `metrics.json` says but for the mistakes and the thinned history).
    """
    facts = described(
        model.recipe,
        evaluated.facts() | {"images": evaluated.images},
        protocol=evaluated.protocol.describe(),
        split=split,
        records=records,
        checkpoint=checkpoint,
        seconds=evaluated.seconds,
        history=history,
    )
    return write_report(folder, facts, mistakes=evaluated.mistakes), facts


def _predicted(batches, classify, limit):
    """Pairs of an image float32 [size, size, 3] and its facts, fillers left out."""
    count = 0
    for batch, probabilities in _classified(batches, classify):
        labels = batch["labels"].numpy()
        rows = np.flatnonzero(labels != FILLER)
        rows = rows if limit is None else rows[: limit - count]
        ranks = truth_ranks(probabilities[rows], labels[rows])
        for row, rank in zip(rows.tolist(), ranks.tolist(), strict=True):
            truth, predicted = int(labels[row]), int(probabilities[row].argmax())
            yield (
                batch["images"][row],
                {
                    "source": batch["sources"][row].numpy().decode(),
                    "truth": truth,
                    "prediction": predicted,
                    "probability": float(probabilities[row, truth]),
                    "confidence": float(probabilities[row, predicted]),
                    "rank": rank,
                },
            )
        count += len(rows)
        if count == limit:
            return


def _classified(batches, classify):
    """Pairs of a batch and its probabilities [B, C]."""
    try:
        for batch in read_batches(batches):
            yield batch, classify(batch["images"]).numpy()
    except tf.errors.ResourceExhaustedError as error:
        raise WorkFailed(
            "The device has not enough memory for a batch of images; give it a smaller one, or "
            "end what else uses its memory."
        ) from error
    except tf.errors.InvalidArgumentError as error:
        raise WorkFailed(graph_sentence(error)) from error


def _mistake(image, facts):
    pixels = np.asarray(image).astype(np.uint8)
    keys = ("source", "truth", "prediction", "confidence")
    return Mistake(*(facts[key] for key in keys), image=pixels)
