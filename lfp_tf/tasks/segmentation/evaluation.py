"""Scoring a network on a split of records by a protocol, one image in memory at a time."""

import collections
import dataclasses
import time

import numpy as np
import tensorflow as tf

from lfp_tf.data.records import record_index
from lfp_tf.data.segmentation.pipeline import evaluation_batches
from lfp_tf.errors import LfpError, WorkFailed
from lfp_tf.evaluation.confusion import confusion_matrix
from lfp_tf.evaluation.image_panels import Example, Extremes
from lfp_tf.images.palette import ClassTable, class_groups
from lfp_tf.ops.preprocessing import preprocessing
from lfp_tf.tasks.catalog import SEGMENTATION
from lfp_tf.tasks.evaluation_facts import comparable_split, described
from lfp_tf.tasks.segmentation.crf.crf import CrfOptions
from lfp_tf.tasks.segmentation.crf.pool import CrfPool
from lfp_tf.tasks.segmentation.metrics import scores
from lfp_tf.tasks.segmentation.prediction import predictor
from lfp_tf.tasks.segmentation.protocols import Protocol
from lfp_tf.tasks.segmentation.report import score_facts, write_report

KEPT = 4


@dataclasses.dataclass
class Evaluated:
    """What an evaluation found.

    Attributes:
        confusion: int64 [C, C], (truth, prediction), over all images.
        images: list of {"source", "mIoU" (mean over the classes of that image), "allAcc"};
            both None where no pixel is labelled.
        best, worst: lists of `image_panels.Example`, the most extreme first.
        seconds: of the whole, reading included.
        protocol: as it was given.
        crf: the `CrfOptions` that all this was found with, or None.
        without_crf: the confusion matrix before the CRF, or None without one.
    """

    confusion: np.ndarray
    images: list
    best: list
    worst: list
    seconds: float
    protocol: Protocol
    crf: CrfOptions | None = None
    without_crf: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class _Seen:
    """An image uint8 [H, W, 3], its name, its truth and the network's labels, both [H, W]."""

    source: str
    image: np.ndarray
    truth: np.ndarray
    labels: np.ndarray


def evaluate(
    model,
    folder,
    *,
    split="val",
    protocol,
    limit=None,
    progress=None,
    kept=KEPT,
    crf=None,
    crf_processes=0,
):
    """Runs a network over the images of a split.

    Args:
        model: from `recipes.networks`, with weights.
        folder: of the records.
        split: which of them.
        protocol: `tasks.segmentation.protocols.Protocol`.
        limit: only the first so many images; None takes all.
        progress: `progress.Progress`, updated by one an image, or None.
        kept: best and worst images to keep, of each.
        crf: `CrfOptions` to refine the probabilities with; None does not. With the protocol `lfp`
            it works inside each window, in this process.
        crf_processes: processes for it beside this one; 0 computes here.

    Returns:
        `Evaluated`.

    Raises:
        LfpError: records that do not fit the network.
        WorkFailed: the device has not enough memory, or a process of the CRF died.
    """
    dataset = comparable_split(model.recipe, folder, split, SEGMENTATION)
    if dataset["splits"][split]["label_pixels"] is None:
        raise LfpError(f"The split {split} of {folder} has no labels to score against.")
    table = _table(dataset)
    batches = evaluation_batches(
        record_index(folder, split),
        global_batch_size=1,
        mean=preprocessing(model.recipe.preprocess).mean,
        same_size=False,
        ignore_label=dataset["ignore_label"],
        warp=protocol.warp,
        label_resize=model.recipe.evaluation["warp_labels"],
    )
    # A squashed image is scored at its squashed size: the records bring both that way.
    given, crf = crf, None if protocol.name == "lfp" else crf
    walked = dataclasses.replace(protocol, warp=None, window_crf=None if crf else given)
    predict = predictor(model, walked, dtype=tf.float32)
    seen = _seen(batches.take(limit or -1), predict, wants_crf=bool(crf))
    extremes, begin = Extremes(kept), time.monotonic()
    confusion, plain = (np.zeros((len(table), len(table)), np.int64) for _ in range(2))
    images = []
    for one, labels in _refined(seen, crf, crf_processes):
        counts = _counts(one.truth, labels, table)
        confusion += counts
        if crf:
            plain += _counts(one.truth, one.labels, table)
        images.append(_score(one.source, counts))
        if images[-1]["mIoU"] is not None:
            extremes.add(
                images[-1]["mIoU"],
                lambda facts=images[-1], one=one, labels=labels: Example.of(
                    facts, one.image, one.truth, labels, table
                ),
            )
        if progress:
            progress.update(1, f"mean IoU {100 * scores(confusion, 'present')['mIoU']:.2f}")
    return Evaluated(
        confusion,
        images,
        extremes.best(),
        extremes.worst(),
        time.monotonic() - begin,
        protocol,
        crf=given,
        without_crf=plain if crf else None,
    )


def report(folder, model, found, *, records, split, checkpoint, history=()):
    """Writes `metrics.json` and `report.html` of an evaluation.

    Args:
        folder: where to.
        model: what was evaluated.
        found: `Evaluated`.
        records, split: as given to `evaluate`.
        checkpoint: how the page calls the weights.
        history: entries of the run's `history.jsonl`.

    Returns:
        (path of the page, what `metrics.json` says but for the thinned history).
    """
    recipe = model.recipe
    found_scores = {
        **score_facts(
            found.confusion,
            names=recipe.classes,
            definition=recipe.evaluation["mean_iou"],
            groups=class_groups(recipe.dataset),
        ),
        **_scores_without_crf(found, recipe),
        "images": found.images,
    }
    facts = described(
        recipe,
        found_scores,
        protocol=found.protocol.describe() | _crf_facts(found.crf),
        split=split,
        records=records,
        checkpoint=checkpoint,
        seconds=found.seconds,
        history=history,
    )
    path = write_report(folder, facts, colors=recipe.colors, best=found.best, worst=found.worst)
    return path, facts


def _table(dataset):
    colors = np.asarray(dataset["colors"], np.uint8)
    return ClassTable(tuple(dataset["classes"]), colors, dataset["ignore_label"])


def _seen(batches, predict, *, wants_crf):
    """Pairs of a `_Seen` and its probabilities [H, W, C]; None in their place where not wanted."""
    for batch in batches:
        source = batch["sources"][0].numpy().decode()
        found = _outputs(predict, batch["images"][0], source)
        image = tf.cast(tf.round(batch["images"][0]), tf.uint8)
        one = _Seen(source, image.numpy(), batch["labels"][0].numpy(), found["labels"].numpy())
        yield one, _probabilities(found) if wants_crf else None


def _refined(seen, options, processes):
    """Pairs of a `_Seen` and the final labels."""
    if options is None:
        for one, _ in seen:
            yield one, one.labels
        return
    under_way = collections.deque()

    def items():
        for one, probabilities in seen:
            under_way.append(one)
            yield one.source, probabilities, one.image

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


def _probabilities(outputs):
    """What a protocol gives, or the softmax of the sums of logits that `tf1_whole` gives."""
    if "scores" in outputs:
        return tf.nn.softmax(outputs["scores"]).numpy()
    return outputs["probabilities"].numpy()


def _crf_facts(options):
    return {"crf": dataclasses.asdict(options)} if options else {}


def _scores_without_crf(found, recipe):
    """The scores before the CRF under a name of their own; the others are those after it."""
    if found.without_crf is None:
        return {}
    definition = recipe.evaluation["mean_iou"]
    return {
        "without_crf": score_facts(found.without_crf, names=recipe.classes, definition=definition)
    }


def _counts(truth, labels, table):
    return confusion_matrix(
        truth, labels, num_classes=len(table), ignore_label=table.ignore_label
    ).numpy()


def _score(source, counts):
    if not counts.sum():
        return {"source": source, "mIoU": None, "allAcc": None}
    found = scores(counts, "present")
    return {"source": source, "mIoU": found["mIoU"], "allAcc": found["allAcc"]}
