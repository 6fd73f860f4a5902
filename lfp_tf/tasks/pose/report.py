"""What `metrics.json` and `report.html` say of people: joints found, chance, curves, images."""

import dataclasses

import numpy as np

from lfp_tf.evaluation.charts import bars, lines
from lfp_tf.evaluation.page import (
    big,
    configuration,
    curves,
    figures,
    origin,
    page,
    page_title,
    percent,
    table,
    thinned,
    write_page,
)
from lfp_tf.images.skeleton import LEFT, MIDDLE, RIGHT
from lfp_tf.tasks.pose import metrics as pose_scores

CURVE_PERCENT = range(51)  # thresholds of the curve, in hundredths of the unit
_LINES_A_CHART = 4


@dataclasses.dataclass(frozen=True)
class PoseScore:
    """How distances become right and wrong.

    Attributes:
        name: as a reader knows it.
        unit: the length that distances are measured by.
        threshold: of it, the published one.
    """

    name: str
    unit: str
    threshold: float


POSE_SCORES = {
    "pckh": PoseScore("PCKh@0.5", "head size", 0.5),
    "pck": PoseScore("PCK@0.2", "torso", 0.2),
}


def measured(predictions, truth, visible, head_sizes, *, names, score, threshold=None):
    """`pose_scores.pckh` or `pose_scores.pck`, whichever `score` says.

    Args:
        predictions, truth: [N, J, 2] pixels.
        visible: [N, J].
        head_sizes: [N] pixels; only looked at for `pckh`.
        names: J names.
        score: key of `POSE_SCORES`.
        threshold: None takes the published one.

    Raises:
        LfpError: nothing can be measured.
    """
    threshold = POSE_SCORES[score].threshold if threshold is None else threshold
    words = {"names": names, "threshold": threshold}
    if score == "pckh":
        return pose_scores.pckh(predictions, truth, visible, head_sizes, **words)
    return pose_scores.pck(predictions, truth, visible, **words)


def units(truth, visible, head_sizes, *, names, score):
    """What each person's distances are measured by, in pixels, 0 where it is unknown: [N]."""
    if score == "pckh":
        return np.asarray(head_sizes, np.float64)
    return pose_scores.torso_sizes(truth, visible, names=names)


def score_facts(predictions, chance, truth, visible, head_sizes, *, names, score):
    """The part of `metrics.json` that the joints give.

    Args:
        predictions, chance: [N, J, 2], the network's joints and those of guessing.
        truth, visible, head_sizes, names, score: as of `measured`.

    Returns:
        {"score": {"name", "unit", "threshold"}, "scores", "chance": what `measured` gives without
        its joints, "joints": list of {"name", "rate", "chance", "annotated"}, "curve":
        {"thresholds", "mean", "chance", "joints": {name without its side: list}}}; rates are 0..1,
        None where nobody has the joint.
    """
    rest = (truth, visible, head_sizes)
    words = {"names": names, "score": score}
    own, guessed = (measured(points, *rest, **words) for points in (predictions, chance))
    is_counted = units(truth, visible, head_sizes, **words) > 0
    annotated = (np.asarray(visible, bool) & is_counted[:, None]).sum(axis=0)
    joints = [
        {
            "name": name,
            "rate": own["per_joint"][name],
            "chance": guessed["per_joint"][name],
            "annotated": int(count),
        }
        for name, count in zip(names, annotated, strict=True)
    ]
    thresholds = [number / 100 for number in CURVE_PERCENT]
    rising, guessing = (
        [measured(points, *rest, **words, threshold=limit) for limit in thresholds]
        for points in (predictions, chance)
    )
    return {
        "score": dataclasses.asdict(POSE_SCORES[score]),
        "scores": _without_joints(own),
        "chance": _without_joints(guessed),
        "joints": joints,
        "curve": {
            "thresholds": thresholds,
            "mean": [found["mean"] for found in rising],
            "chance": [found["mean"] for found in guessing],
            "joints": _both_sides(rising, names),
        },
    }


def write_report(folder, facts, *, best=(), worst=()):
    """Writes `metrics.json` and `report.html`.

    Args:
        folder: where to; made if it is not there.
        facts: what `metrics.json` holds, `score_facts` among it, and: "experiment", "dataset",
            "split", "people" (list of {"source", "right", "annotated"}), "protocol", "seconds",
            "checkpoint", "chance_from"; where known "history", "config", "versions".
        best, worst: lists of `image_panels.Example`.

    Returns:
        The path of `report.html`.
    """
    facts = facts | {"history": thinned(facts.get("history") or [])}
    facts["examples"] = {
        title: [{"source": e.source, "right": e.score} for e in examples]
        for title, examples in (("best", best), ("worst", worst))
    }
    validation = "PCK on the heat maps in validation, per cent"
    sections = [
        _head(facts),
        _joints(facts),
        _curve(facts),
        figures("Best people", best),
        figures("Worst people", worst),
        curves(facts["history"], {"loss": "loss"}, {"PCK": "map_accuracy"}, title=validation),
        configuration(facts),
    ]
    return write_page(folder, facts, page(page_title(facts), sections))


def _without_joints(found):
    return {key: value for key, value in found.items() if key != "per_joint"}


def _both_sides(rising, names):
    """{joint without its side: its rates over the thresholds}, joints that nobody has left out."""
    members = {}
    for name in names:
        members.setdefault(_without_side(name), []).append(name)
    found = {}
    for joint, sides in members.items():
        known = [name for name in sides if rising[0]["per_joint"][name] is not None]
        if known:
            found[joint] = [
                float(np.mean([step["per_joint"][name] for name in known])) for step in rising
            ]
    return found


def _without_side(name):
    return name.removeprefix("left_").removeprefix("right_")


def _head(facts):
    score, own, guessed = facts["score"], facts["scores"], facts["chance"]
    rows = [
        [title, *(percent(found["groups"][title]) for found in (own, guessed))]
        for title in own["groups"]
    ]
    rows += [
        ["mean over joints", percent(own["mean"]), percent(guessed["mean"])],
        ["all joints alike", percent(own["all_joints"]), percent(guessed["all_joints"])],
    ]
    left_out = f", {own['left_out']} without a {score['unit']} left out" if own["left_out"] else ""
    return (
        big(percent(own["mean"]), f"{score['name']} over {own['people']} people{left_out}")
        + f"<p>A joint is right within {score['threshold']} of the {score['unit']}. Chance is "
        f"each joint at its mean place in the person's box, of the split {facts['chance_from']}."
        "</p>" + table(["", "right %", "chance %"], rows)
        + origin(facts, len(facts["people"]), "people")
    )  # fmt: skip


def _joints(facts):
    entries = facts["joints"]
    notes = [
        "" if e["rate"] is None else f"chance {100 * e['chance']:.1f}, {e['annotated']} people"
        for e in entries
    ]
    names = [entry["name"] for entry in entries]
    rates = [entry["rate"] for entry in entries]
    text = "<h2>Right joints, per cent</h2>"
    return text + bars(names, rates, [_color(name) for name in names], notes=notes)


def _color(name):
    if name.startswith("right_"):
        return RIGHT
    return LEFT if name.startswith("left_") else MIDDLE


def _curve(facts):
    curve, score = facts["curve"], facts["score"]
    charts = [{"mean": curve["mean"], "chance": curve["chance"]}]
    joints = list(curve["joints"].items())
    for begin in range(0, len(joints), _LINES_A_CHART):
        charts.append(dict(joints[begin : begin + _LINES_A_CHART]))
    axis = f"% of the {score['unit']}:"
    text = ""
    for series in charts:
        points = {
            name: [(number, 100 * rate) for number, rate in zip(CURVE_PERCENT, rates, strict=True)]
            for name, rates in series.items()
        }
        text += lines(points, title="right joints, per cent, by distance", axis=axis)
    return "<h2>Right joints by distance</h2>" + text
