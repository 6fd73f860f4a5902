"""Scoring a network on a split of records by a protocol, one image in memory at a time."""

import collections
import dataclasses
import functools
import os
import pathlib
import time
from collections.abc import Iterable

import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.data.ordering import read_batches
from lfp_tf.data.records import record_index
from lfp_tf.data.segmentation.augmentations import Warp
from lfp_tf.data.segmentation.pipeline import evaluation_batches
from lfp_tf.errors import LfpError, WorkFailed
from lfp_tf.evaluation.confusion import confusion_matrix
from lfp_tf.evaluation.image_panels import Example, Extremes
from lfp_tf.images.palette import ClassTable, class_groups
from lfp_tf.ops.preprocessing import preprocessing
from lfp_tf.options import Shares
from lfp_tf.progress import Progress
from lfp_tf.tasks.catalog import SEGMENTATION
from lfp_tf.tasks.evaluation_facts import comparable_split, described
from lfp_tf.tasks.segmentation.crf.crf import CrfOptions
from lfp_tf.tasks.segmentation.crf.options import Refinement
from lfp_tf.tasks.segmentation.crf.pool import CrfPool
from lfp_tf.tasks.segmentation.metrics import scores as scores_of
from lfp_tf.tasks.segmentation.prediction import predictor, softmax_probabilities
from lfp_tf.tasks.segmentation.protocols import Protocol
from lfp_tf.tasks.segmentation.report import score_facts, write_report

KEPT = 4


@dataclasses.dataclass
class Evaluated:
    """The outcome of an evaluation.

    Attributes:
        confusion: int64 [C, C], (truth, prediction), over all images.
        images: list of {"source", "mIoU" (mean over the classes of that image), "allAcc"};
            both None where no pixel is labelled.
        best, worst: lists of `image_panels.Example`, the most extreme first.
        seconds: of the whole, reading included.
        protocol: as it was given.
        crf: options of the CRF that made these scores, or None.
        without_crf: the confusion matrix before the CRF, or None without one.
    """

    confusion: np.ndarray
    images: list[dict]
    best: list[Example]
    worst: list[Example]
    seconds: float
    protocol: Protocol
    crf: CrfOptions | None = None
    without_crf: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class _Predicted:
    """An image uint8 [H, W, 3], its name, its truth and the network's labels, both [H, W]."""

    source: str
    image: np.ndarray
    truth: np.ndarray
    labels: np.ndarray


def evaluate(
    model: tf_keras.Model,
    folder: str | os.PathLike,
    *,
    split: str = "val",
    protocol: Protocol,
    limit: int | None = None,
    progress: Progress | None = None,
    kept: int = KEPT,
    crf: Refinement | None = None,
) -> Evaluated:
    """Runs a network over the images of a split.

    Args:
        model: from `recipes.networks`, with weights.
        folder: of the records.
        split: of the records.
        protocol: how images are brought to the network and back.
        limit: number of images to take, from the first; None takes all.
        progress: updated by one per image.
        kept: best and worst images to keep, of each.
        crf: how the probabilities are refined; None does not. With the protocol `lfp` the CRF
            works inside each window, in this process.

    Raises:
        LfpError: records that do not fit the network.
        WorkFailed: the device has not enough memory, or a process of the CRF died.
    """
    dataset = comparable_split(model.recipe, folder, split, SEGMENTATION)
    if dataset["splits"][split]["label_pixels"] is None:
        raise LfpError(f"The split {split} of {folder} has no labels to score against.")
    table = _table(dataset)
    ignored = _ignored_truth(model.recipe, folder)
    batches = evaluation_batches(
        record_index(folder, split),
        shares=Shares(1),
        mean=preprocessing(model.recipe.preprocess).mean,
        same_size=False,
        ignore_label=dataset["ignore_label"],
        warp=_warp(protocol, model),
    )
    options = crf and crf.options
    final_crf, window_crf = (None, options) if protocol.name == "lfp" else (options, None)
    # A squashed image is scored at its squashed size: the batches hold both so.
    own_protocol = dataclasses.replace(protocol, warp=None, window_crf=window_crf)
    predict = predictor(model, own_protocol, dtype=tf.float32)
    predicted = _predictions(
        batches.take(limit or -1), predict, needs_probabilities=bool(final_crf)
    )
    extremes, begin = Extremes(kept), time.monotonic()
    confusion, plain = (np.zeros((len(table), len(table)), np.int64) for _ in range(2))
    images = []
    for image, labels in _refined(predicted, final_crf, crf.processes if crf else 0):
        counts = _counts(image.truth, labels, table, ignored)
        confusion += counts
        if final_crf:
            plain += _counts(image.truth, image.labels, table, ignored)
        images.append(_score(image.source, counts))
        if images[-1]["mIoU"] is not None:
            extremes.add(
                images[-1]["mIoU"],
                functools.partial(Example.of, images[-1], image.image, image.truth, labels, table),
            )
        if progress:
            progress.update(1, f"mean IoU {100 * scores_of(confusion, 'present')['mIoU']:.2f}")
    return Evaluated(
        confusion,
        images,
        extremes.best(),
        extremes.worst(),
        time.monotonic() - begin,
        protocol,
        crf=options,
        without_crf=plain if final_crf else None,
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
        (path of the page, what `metrics.json` says but for the thinned history).
    """
    recipe = model.recipe
    scores = {
        **score_facts(
            evaluated.confusion,
            names=recipe.classes,
            definition=recipe.evaluation["mean_iou"],
            groups=class_groups(recipe.dataset),
        ),
        **_scores_without_crf(evaluated, recipe),
        "images": evaluated.images,
    }
    facts = described(
        recipe,
        scores,
        protocol=evaluated.protocol.describe() | _crf_facts(evaluated.crf),
        split=split,
        records=records,
        checkpoint=checkpoint,
        seconds=evaluated.seconds,
        history=history,
    )
    path = write_report(
        folder, facts, colors=recipe.colors, best=evaluated.best, worst=evaluated.worst
    )
    return path, facts


def _warp(protocol, model):
    """How images and truth are squashed; None where the protocol does not."""
    if protocol.warp is None:
        return None
    height, width = protocol.warp
    return Warp((height, width), model.recipe.evaluation["warp_labels"])


def _table(dataset):
    colors = np.asarray(dataset["colors"], np.uint8)
    return ClassTable(tuple(dataset["classes"]), colors, dataset["ignore_label"])


def _predictions(batches, predict, *, needs_probabilities):
    """Pairs of a `_Predicted` and its probabilities [H, W, C], None where they are not needed."""
    for batch in read_batches(batches):
        source = batch["sources"][0].numpy().decode()
        outputs = _outputs(predict, batch["images"][0], source)
        image = tf.cast(tf.round(batch["images"][0]), tf.uint8).numpy()
        predicted = _Predicted(source, image, batch["labels"][0].numpy(), outputs["labels"].numpy())
        yield predicted, softmax_probabilities(outputs).numpy() if needs_probabilities else None


def _refined(predictions, options, processes):
    """Pairs of a `_Predicted` and the final labels."""
    if options is None:
        for predicted, _ in predictions:
            yield predicted, predicted.labels
        return
    under_way = collections.deque()

    def items():
        for predicted, probabilities in predictions:
            under_way.append(predicted)
            yield predicted.source, probabilities, predicted.image

    with CrfPool(options, processes=processes) as pool:
        for _, labels in pool.map(items()):
            yield under_way.popleft(), labels


def _outputs(predict, image, source):
    try:
        return predict(image)
    except tf.errors.ResourceExhaustedError as error:
        size = f"{image.shape[1]}x{image.shape[0]}"
        raise WorkFailed(
            f"The device has not enough memory for {source} ({size}); use --protocol semseg, whose "
            "windows have one size, or a smaller --window_batch."
        ) from error


def _crf_facts(options):
    return {"crf": dataclasses.asdict(options)} if options else {}


def _scores_without_crf(evaluated, recipe):
    """The scores before the CRF under a name of their own; the others are those after it."""
    if evaluated.without_crf is None:
        return {}
    definition = recipe.evaluation["mean_iou"]
    return {
        "without_crf": score_facts(
            evaluated.without_crf, names=recipe.classes, definition=definition
        )
    }


def _ignored_truth(recipe, folder):
    """The classes whose pixels are not scored; refused where that leaves no two."""
    ignored = sorted(set(recipe.evaluation["ignore_truth"]))
    if ignored and len(recipe.classes) - len(ignored) < 2:
        raise LfpError(
            f"task.evaluation.ignore_truth={ignored} leaves fewer than two of the classes of "
            f"{folder} ({', '.join(recipe.classes)}) to score. Preset kitti is for records that "
            "`lfp-tf data kitti_road --fork_labels` wrote."
        )
    return ignored


def _counts(truth, labels, table, ignored):
    counts = confusion_matrix(
        truth, labels, num_classes=len(table), ignore_label=table.ignore_label
    ).numpy()
    counts[[number for number in ignored if number < len(table)]] = 0
    return counts


def _score(source, counts):
    if not counts.sum():
        return {"source": source, "mIoU": None, "allAcc": None}
    scores = scores_of(counts, "present")
    return {"source": source, "mIoU": scores["mIoU"], "allAcc": scores["allAcc"]}
