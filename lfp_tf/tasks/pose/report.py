"""What `metrics.json` and `report.html` say of people: PCK of joints, chance, curves, images."""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Sequence

import markupsafe
import numpy as np

from lfp_tf.evaluation.charts import bars, lines
from lfp_tf.evaluation.image_panels import Example
from lfp_tf.evaluation.page import thinned, training_charts, write_page
from lfp_tf.images.skeleton import LEFT, MIDDLE, RIGHT
from lfp_tf.tasks.pose import metrics as pose_metrics

CURVE_PERCENT = range(51)  # thresholds of the curve, in hundredths of the unit
_LINES_PER_CHART = 4


@dataclasses.dataclass(frozen=True)
class PoseScore:
    """How distances become right and wrong.

    Attributes:
        name: as a reader knows it.
        unit: the length that distances are measured by.
        threshold: share of that length, the published one.
    """

    name: str
    unit: str
    threshold: float


POSE_SCORES = {
    "pckh": PoseScore("PCKh@0.5", "head size", 0.5),
    "pck": PoseScore("PCK@0.2", "torso", 0.2),
}


@dataclasses.dataclass(frozen=True)
class Convention:
    """In what form predictions and truth are compared.

    Attributes:
        about: what the page says of it.
        compared: function of predictions and truth [..., 2], both in pixels as records have them,
            to both as they are compared.
    """

    about: str
    compared: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


CONVENTIONS = {
    "pixels": Convention("points as the records have them", lambda *points: points),
    "matlab": Convention(
        "as MPII's eval_PCKh.m: predictions counted from 1, truth rounded to whole pixels",
        pose_metrics.in_matlab_form,
    ),
}


def measured(
    predictions: np.ndarray,
    truth: np.ndarray,
    visible: np.ndarray,
    head_sizes: np.ndarray,
    *,
    names: Sequence[str],
    score: str,
    threshold: float | None = None,
) -> dict:
    """Gives `metrics.pckh` or `metrics.pck`, whichever `score` says.

    Args:
        predictions, truth: [N, J, 2] (x, y) in pixels of the image.
        visible: [N, J], whether annotated.
        head_sizes: [N] pixels; only `pckh` takes them.
        names: J names.
        score: key of `POSE_SCORES`.
        threshold: None takes the published one.

    Raises:
        LfpError: nothing can be measured.
    """
    threshold = POSE_SCORES[score].threshold if threshold is None else threshold
    if score == "pckh":
        return pose_metrics.pckh(
            predictions, truth, visible, head_sizes, names=names, threshold=threshold
        )
    return pose_metrics.pck(predictions, truth, visible, names=names, threshold=threshold)


def units(
    truth: np.ndarray,
    visible: np.ndarray,
    head_sizes: np.ndarray,
    *,
    names: Sequence[str],
    score: str,
) -> np.ndarray:
    """Gives the length that each person's distances are measured by: [N] pixels, 0: unknown.

    Args:
        truth, visible, head_sizes, names, score: as of `measured`.
    """
    if score == "pckh":
        return np.asarray(head_sizes, np.float64)
    return pose_metrics.torso_sizes(truth, visible, names=names)


def score_facts(
    predictions: np.ndarray,
    chance: np.ndarray,
    truth: np.ndarray,
    visible: np.ndarray,
    head_sizes: np.ndarray,
    *,
    names: Sequence[str],
    score: str,
) -> dict:
    """Gives the part of `metrics.json` that the joints tell.

    Args:
        predictions, chance: [N, J, 2], the network's joints and those of guessing.
        truth, visible, head_sizes, names, score: as of `measured`.

    Returns:
        {"score": {"name", "unit", "threshold"}, "scores", "chance": what `measured` gives without
        its joints, "joints": list of {"name", "pck", "chance", "annotated"}, "curve":
        {"thresholds", "mean", "chance", "joints": {name without its side: list}}}; PCK is 0..1,
        None where nobody has the joint.
    """

    def measure(points, threshold=None):
        return measured(
            points, truth, visible, head_sizes, names=names, score=score, threshold=threshold
        )

    own, guessed = measure(predictions), measure(chance)
    is_counted = units(truth, visible, head_sizes, names=names, score=score) > 0
    annotated = (np.asarray(visible, bool) & is_counted[:, None]).sum(axis=0)
    thresholds = [number / 100 for number in CURVE_PERCENT]
    own_curve, guessed_curve = (
        [measure(points, threshold) for threshold in thresholds] for points in (predictions, chance)
    )
    return {
        "score": dataclasses.asdict(POSE_SCORES[score]),
        "scores": _without_joints(own),
        "chance": _without_joints(guessed),
        "joints": [
            {
                "name": name,
                "pck": own["per_joint"][name],
                "chance": guessed["per_joint"][name],
                "annotated": int(count),
            }
            for name, count in zip(names, annotated, strict=True)
        ],
        "curve": {
            "thresholds": thresholds,
            "mean": [scores["mean"] for scores in own_curve],
            "chance": [scores["mean"] for scores in guessed_curve],
            "joints": _both_sides(own_curve, names),
        },
    }


def write_report(
    folder: str | os.PathLike,
    facts: dict,
    *,
    best: Sequence[Example] = (),
    worst: Sequence[Example] = (),
) -> pathlib.Path:
    """Writes `metrics.json` and `report.html`.

    Args:
        folder: where to; made if it is not there.
        facts: what `metrics.json` says, `score_facts` among it, and: "experiment", "dataset",
            "split", "people" (list of {"source", "pck", "annotated"}), "protocol", "seconds",
            "checkpoint", "chance_from", "convention" ({"name", "about"}); where known "history",
            "config", "versions".
        best, worst: people to show.

    Returns:
        The path of `report.html`.
    """
    facts = facts | {"history": thinned(facts.get("history") or [])}
    facts["examples"] = {
        title: [{"source": e.source, "pck": e.score} for e in examples]
        for title, examples in (("best", best), ("worst", worst))
    }
    joints = facts["joints"]
    notes = [
        "" if e["pck"] is None else f"chance {100 * e['chance']:.1f}, {e['annotated']} people"
        for e in joints
    ]
    names = [entry["name"] for entry in joints]
    return write_page(
        folder,
        facts,
        "tasks/pose/report.html",
        num_scored=len(facts["people"]),
        unit="people",
        joint_chart=bars(
            names, [entry["pck"] for entry in joints], [_color(name) for name in names], notes=notes
        ),
        distance_charts=_distance_charts(facts["curve"], facts["score"]["unit"]),
        figures=[("Best people", best), ("Worst people", worst)],
        training_charts=training_charts(
            facts["history"],
            {"loss": "loss"},
            {"PCK": "map_accuracy"},
            title="PCK on the heat maps in validation, per cent",
        ),
    )


def _without_joints(scores):
    return {key: value for key, value in scores.items() if key != "per_joint"}


def _both_sides(curve, names):
    """{joint without its side: its PCK over the thresholds}, joints that nobody has left out."""
    members = {}
    for name in names:
        if curve[0]["per_joint"][name] is not None:
            joint = name.removeprefix("left_").removeprefix("right_")
            members.setdefault(joint, []).append(name)
    return {
        joint: [float(np.mean([step["per_joint"][name] for name in sides])) for step in curve]
        for joint, sides in members.items()
    }


def _color(name):
    if name.startswith("right_"):
        return RIGHT
    return LEFT if name.startswith("left_") else MIDDLE


def _distance_charts(curve, unit) -> list[markupsafe.Markup]:
    """The mean beside chance, then a few joints per chart."""
    groups = [{"mean": curve["mean"], "chance": curve["chance"]}]
    joints = list(curve["joints"].items())
    for begin in range(0, len(joints), _LINES_PER_CHART):
        groups.append(dict(joints[begin : begin + _LINES_PER_CHART]))
    return [
        lines(
            {
                name: [(x, 100 * share) for x, share in zip(CURVE_PERCENT, shares, strict=True)]
                for name, shares in series.items()
            },
            title="PCK, per cent, by distance",
            axis=f"% of the {unit}:",
        )
        for series in groups
    ]
