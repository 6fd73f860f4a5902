"""Scoring a network on the people of a split: PCKh or PCK, beside what chance reaches."""

import dataclasses
import os
import pathlib
import time
from collections.abc import Iterable

import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.data.ordering import read_batches
from lfp_tf.data.pose.annotations import People, read_people
from lfp_tf.data.pose.pipeline import codec_of, evaluation_batches
from lfp_tf.data.records import record_index
from lfp_tf.errors import LfpError, WorkFailed
from lfp_tf.evaluation.image_panels import Example, Extremes, image_rows
from lfp_tf.images.skeleton import draw_skeletons
from lfp_tf.ops.pose import PIXELS_PER_SCALE
from lfp_tf.options import Shares
from lfp_tf.progress import Progress
from lfp_tf.tasks.catalog import POSE
from lfp_tf.tasks.evaluation_facts import comparable_split, described
from lfp_tf.tasks.pose import metrics as pose_metrics
from lfp_tf.tasks.pose.prediction import Protocol, heatmap_function, joints_of, keypoints
from lfp_tf.tasks.pose.report import CONVENTIONS, POSE_SCORES, score_facts, units, write_report

KEPT = 4
_BATCH = 8  # people through the network at once
# Among people with equally many right joints the nearer ones rank first: less than one joint.
_NEARNESS, _FURTHEST = 1e-3, 10.0


@dataclasses.dataclass
class Evaluated:
    """The outcome of an evaluation.

    Attributes:
        predictions: float64 [N, J, 3]: x, y in pixels of the image, score.
        people: the truth.
        chance: float64 [N, J, 2], each joint at its mean place in the person's box.
        chance_from: the split of these places.
        right: N shares 0..1 of the annotated joints that are right; None where nothing is measured.
        best, worst: lists of `image_panels.Example`, the most extreme first.
        seconds: of the whole, reading included.
        protocol: as it was given.
        convention: in what form points are compared, see `report.CONVENTIONS`.
    """

    predictions: np.ndarray
    people: People
    chance: np.ndarray
    chance_from: str
    right: list[float | None]
    best: list[Example]
    worst: list[Example]
    seconds: float
    protocol: Protocol
    convention: str


def evaluate(
    model: tf_keras.Model,
    folder: str | os.PathLike,
    *,
    split: str = "val",
    protocol: Protocol,
    limit: int | None = None,
    progress: Progress | None = None,
    kept: int = KEPT,
) -> Evaluated:
    """Runs a network over the people of a split.

    Args:
        model: from `recipes.networks`, with weights.
        folder: of the records.
        split: of the records.
        protocol: how people are brought to the network and scored.
        limit: number of people to take, from the first; None takes all.
        progress: updated by one per person.
        kept: best and worst people to keep, of each.

    Raises:
        LfpError: records that do not fit the network or cannot be measured.
        WorkFailed: the device has not enough memory.
    """
    begin, score = time.monotonic(), protocol.score
    dataset, names = comparable_split(model.recipe, folder, split, POSE), model.recipe.classes
    people = read_people(folder, split, limit=limit)
    lengths = _checked_units(people, names, score, f"{folder} {split}")
    convention = _convention(dataset, score)
    places_from = "train" if "train" in dataset["splits"] else split
    others = people if places_from == split and not limit else read_people(folder, places_from)
    places = pose_metrics.mean_places(others.truth, others.visible)
    extremes, predictions, right = Extremes(kept), [], []
    total = counted = 0
    views = _views(model, folder, split, protocol, len(people.sources))
    for number, view in enumerate(views):
        predictions.append(view.joints)
        truth, visible = people.truth[number], people.visible[number]
        compared = CONVENTIONS[convention].compared(view.joints[:, :2], truth)
        share, nearness = _judged(*compared, visible, lengths[number], score)
        right.append(share)
        if share is not None:
            total, counted = total + share, counted + 1
            extremes.add(
                share + nearness,
                lambda n=number, v=view, r=share: _example(v, people, n, r, names),
            )
        if progress:
            progress.update(1, f"right {100 * total / max(counted, 1):.2f} %")
    return Evaluated(
        predictions=np.array(predictions, np.float64),
        people=people,
        chance=pose_metrics.chance(places, people.truth, people.visible),
        chance_from=places_from,
        right=right,
        best=extremes.best(),
        worst=extremes.worst(),
        seconds=time.monotonic() - begin,
        protocol=protocol,
        convention=convention,
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
    recipe, people = model.recipe, evaluated.people
    annotated = people.visible.sum(axis=1).tolist()
    rows = zip(people.sources, evaluated.right, annotated, strict=True)
    convention = CONVENTIONS[evaluated.convention]
    predictions, truth = convention.compared(evaluated.predictions[..., :2], people.truth)
    scores = {
        "convention": {"name": evaluated.convention, "about": convention.about},
        **score_facts(
            predictions,
            evaluated.chance,
            truth,
            people.visible,
            people.head_sizes,
            names=list(recipe.classes),
            score=evaluated.protocol.score,
        ),
        "chance_from": evaluated.chance_from,
        "people": [{"source": s, "pck": r, "annotated": a} for s, r, a in rows],
    }
    facts = described(
        recipe,
        scores,
        protocol=evaluated.protocol.describe(),
        split=split,
        records=records,
        checkpoint=checkpoint,
        seconds=evaluated.seconds,
        history=history,
    )
    return write_report(folder, facts, best=evaluated.best, worst=evaluated.worst), facts


@dataclasses.dataclass(frozen=True)
class _View:
    """One person as the network gets it, and its joints float32 [J, 3] in pixels of the image.

    The crop is uint8 [r, r, 3]; `center` [2] (x, y) and `side` are in pixels of the image.
    """

    crop: np.ndarray
    center: np.ndarray
    side: float
    joints: np.ndarray


def _views(model, folder, split, protocol, count):
    """The `_View`s of `count` people in their order, each at the factor that is nearest to 1."""
    scales = protocol.scales
    batches = evaluation_batches(
        record_index(folder, split),
        shares=Shares(min(_BATCH, count)),
        codec=codec_of(model.recipe.crop[0]),
        num_joints=len(model.recipe.classes),
        scales=scales,
    )
    find, middle = _finder(model, protocol), int(np.argmin(np.abs(np.log(scales))))
    done = 0
    for batch in read_batches(batches):
        taken = min(count - done, len(batch["scales"]))
        if not taken:
            return
        joints = _joints(find, batch)
        crops = tf.cast(tf.round(batch["images"][:taken, middle]), tf.uint8).numpy()
        sides = PIXELS_PER_SCALE * scales[middle] * batch["scales"].numpy()
        centers = batch["centers"].numpy()
        for place, crop in enumerate(crops):
            yield _View(crop, centers[place], float(sides[place]), joints[place])
        done += taken


def _finder(model, protocol):
    """The function of a batch to its joints, float32 [b, J, 3]."""
    heatmaps, resolution = heatmap_function(model, flip=protocol.flip), model.recipe.crop[0]
    scales = protocol.scales

    @tf.function(reduce_retracing=True)
    def fused(maps, center, scale, size):
        return joints_of(maps, center, scale, scales, size=size, resolution=resolution)

    def find(batch):
        views, centers, sizes = batch["images"], batch["centers"], batch["scales"]
        maps = [heatmaps(views[:, number]) for number in range(len(scales))]
        if len(scales) == 1:
            return keypoints(maps[0], centers, sizes * tf.constant(scales[0], tf.float32))
        people = zip(tf.stack(maps, axis=1), centers, sizes, batch["sizes"], strict=True)
        return tf.stack([fused(*person) for person in people])

    return find


def _joints(find, batch):
    try:
        return find(batch).numpy()
    except tf.errors.ResourceExhaustedError as error:
        raise WorkFailed(
            f"The device has not enough memory for {len(batch['scales'])} people at once; take "
            "another one, or a network of fewer stacks."
        ) from error


def _checked_units(people, names, score, where):
    """Each person's unit of length; refused, before the network runs, where nobody has one."""
    lengths = units(people.truth, people.visible, people.head_sizes, names=names, score=score)
    if not (people.visible.any(axis=1) & (lengths > 0)).any():
        measure = POSE_SCORES[score]
        raise LfpError(
            f"Nobody in {where} has a {measure.unit}, which {measure.name} is measured by; give "
            "records that tell it, or an experiment with another task.evaluation.score."
        )
    return lengths


def _convention(dataset, score):
    """`matlab` where PCKh's truth is what the authors' script takes: `.h5` or `gt_valid.mat`."""
    options = dataset.get("options") or {}
    # The joined set has MPII's own options below its name.
    annotations = [*options.get("annotations", ()), *options.get("mpii", {}).get("annotations", ())]
    of_script = any(name.endswith(".h5") or name == "gt_valid.mat" for name in annotations)
    return "matlab" if score == "pckh" and of_script else "pixels"


def _judged(joints, truth, visible, length, score):
    """(share of right joints or None, the small reward of nearness)."""
    if not length > 0 or not visible.any():
        return None, 0.0
    threshold = POSE_SCORES[score].threshold
    away = np.linalg.norm(joints - truth, axis=1)[visible] / length
    is_right = away < threshold if score == "pckh" else away <= threshold
    reward = -_NEARNESS * np.minimum(away / threshold, _FURTHEST).mean()
    return float(is_right.mean()), float(reward)


def _example(view, people, number, share, names):
    """The crop, with the truth and with the network's joints drawn over it."""
    scale = view.crop.shape[0] / view.side

    def drawn(points, scores):
        inside = (points - view.center) * scale + view.crop.shape[0] / 2
        person = np.concatenate([inside, scores[:, None]], axis=1)
        return image_rows(draw_skeletons(view.crop, [person], names))

    truth = drawn(people.truth[number], people.visible[number].astype(np.float64))
    ours = drawn(view.joints[:, :2], view.joints[:, 2])
    return Example(people.sources[number], share, image_rows(view.crop), truth, ours)
