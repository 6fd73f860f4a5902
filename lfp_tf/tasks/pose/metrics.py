"""Scores of poses: PCK on heat maps, PCKh of MPII, PCK of LSP, and what chance reaches.

numpy alone. A joint is right if it is nearer to the truth than a share of a length: a tenth of the
heat map, the head, the torso. Joints without annotation count nowhere.
"""

from collections.abc import Sequence

import numpy as np

from lfp_tf.errors import LfpError

HEAD_SHARE = 0.6  # MPII's head size is 0.6 of the head box' diagonal.
MPII_COUNTED = (0, 1, 2, 3, 4, 5, 10, 11, 14, 15)  # in training, without torso and shoulders
_GROUPS = (
    ("head", ("head_top",)),
    ("shoulder", ("right_shoulder", "left_shoulder")),
    ("elbow", ("right_elbow", "left_elbow")),
    ("wrist", ("right_wrist", "left_wrist")),
    ("hip", ("right_hip", "left_hip")),
    ("knee", ("right_knee", "left_knee")),
    ("ankle", ("right_ankle", "left_ankle")),
)
_NOT_IN_THE_MEAN = ("pelvis", "thorax")  # MPII's own mean leaves them out.


def map_accuracy(
    predicted: np.ndarray,
    target: np.ndarray,
    *,
    resolution: int,
    counted: Sequence[int] | None = None,
    threshold: float = 0.5,
) -> dict:
    """Gives PCK of heat maps' peaks, as training prints it (bearpaw/PyraNet train.lua:342-420).

    Args:
        predicted, target: [N, J, 2] peaks (x, y), 1-based; a target that is not above 1 on both
            axes does not count.
        resolution: side of the maps in pixels; a tenth is the unit of length.
        counted: numbers of the joints that count (`MPII_COUNTED`); None takes all.
        threshold: units within which a joint is right.

    Returns:
        {"accuracy": mean over the joints with any annotation (0 where there is none),
        "per_joint": list, None where there is none}; 0..1.
    """
    predicted, target = np.asarray(predicted, np.float64), np.asarray(target, np.float64)
    joints = range(target.shape[1]) if counted is None else counted
    is_valid = np.all(target > 1, axis=2)
    is_right = np.linalg.norm(predicted - target, axis=2) / (resolution / 10) <= threshold
    rates = [_rate(is_right[:, j], is_valid[:, j]) for j in joints]
    return {"accuracy": _mean(rates) or 0.0, "per_joint": rates}


def pckh(
    predicted: np.ndarray,
    truth: np.ndarray,
    visible: np.ndarray,
    head_sizes: np.ndarray,
    *,
    names: Sequence[str],
    threshold: float = 0.5,
) -> dict:
    """Gives PCKh of MPII: a joint is right nearer than half the head's size.

    As `evaluation/eval_PCKh.m` of MPII's annotations computes it.

    Args:
        predicted, truth: [N, J, 2] (x, y) in pixels of the image.
        visible: [N, J], whether annotated.
        head_sizes: [N] pixels (0.6 of the head box' diagonal); people without one, 0, are left out.
        names: J joint names.
        threshold: share of the head size; a joint at exactly that distance is wrong.

    Returns:
        {"per_joint": {name: rate or None where nobody has it}, "groups": {"head", "shoulder", ...:
        mean of left and right}, "mean": over the joints without pelvis and thorax, "all_joints":
        right ones over all annotated ones, "people", "left_out": counts}; rates are 0..1.

    Raises:
        LfpError: nothing can be measured.
    """
    head_sizes = np.asarray(head_sizes, np.float64)
    distances = _distances(predicted, truth, head_sizes)
    is_right = distances < threshold
    return _scores(is_right, visible, head_sizes > 0, names, "head size")


def in_matlab_form(predicted: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gives points as MPII's Matlab script compares them (`evaluation/eval_PCKh.m`).

    Its predictions count pixels from 1 and its truth, `pos_gt_src`, is rounded to whole pixels,
    halves away from zero.

    Args:
        predicted: [..., 2] pixels of the image, counted from 0.
        truth: [..., 2] as Newell's files or HRNet's have it.

    Returns:
        (predicted, truth), float64.
    """
    truth = np.asarray(truth, np.float64)
    rounded = np.copysign(np.floor(np.abs(truth) + 0.5), truth)
    return np.asarray(predicted, np.float64) + 1.0, rounded


def pckh_curve(
    predicted: np.ndarray,
    truth: np.ndarray,
    visible: np.ndarray,
    head_sizes: np.ndarray,
    *,
    thresholds: Sequence[float] | np.ndarray | None = None,
) -> np.ndarray:
    """Gives PCKh over thresholds 0, 0.01, ... 0.5: [51, J], 0..1, NaN without truth.

    Args:
        predicted, truth, visible, head_sizes: as of `pckh`.
        thresholds: T others, whose result is [T, J].
    """
    thresholds = np.arange(51) / 100 if thresholds is None else np.asarray(thresholds)
    head_sizes = np.asarray(head_sizes, np.float64)
    distances = _distances(predicted, truth, head_sizes)
    counted = np.asarray(visible, bool) & (head_sizes > 0)[:, None]
    with np.errstate(invalid="ignore"):
        right = [(counted & (distances < limit)).sum(axis=0) for limit in thresholds]
        return np.array(right) / counted.sum(axis=0)


def pck(
    predicted: np.ndarray,
    truth: np.ndarray,
    visible: np.ndarray,
    *,
    names: Sequence[str],
    threshold: float = 0.2,
) -> dict:
    """Gives PCK of LSP: a joint is right no further than a fifth of the torso.

    The torso is left shoulder to right hip of the truth (`bearpaw/eval_pose utils/eval_pck.m`);
    people without both are left out.

    Args, Returns: as of `pckh`.

    Raises:
        LfpError: the set has no such joints.
    """
    torso = torso_sizes(truth, visible, names=names)
    is_right = _distances(predicted, truth, torso) <= threshold
    return _scores(is_right, visible, torso > 0, names, "torso")


def torso_sizes(truth: np.ndarray, visible: np.ndarray, *, names: Sequence[str]) -> np.ndarray:
    """Measures left shoulder to right hip: [N] pixels, 0 where one of them is missing.

    Args:
        truth: [N, J, 2] (x, y) in pixels.
        visible: [N, J], whether annotated.
        names: J joint names.

    Raises:
        LfpError: there are no such joints.
    """
    names = list(names)
    missing = [name for name in ("left_shoulder", "right_hip") if name not in names]
    if missing:
        raise LfpError(f"PCK needs the torso, but these joints have no {' and no '.join(missing)}.")
    ends = [names.index("left_shoulder"), names.index("right_hip")]
    truth, visible = np.asarray(truth, np.float64), np.asarray(visible, bool)
    length = np.linalg.norm(truth[:, ends[0]] - truth[:, ends[1]], axis=1)
    return np.where(visible[:, ends].all(axis=1), length, 0.0)


def mean_places(points: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """Gives each joint's mean place in its person's box: [J, 2] shares 0..1 of the box.

    The box is that of the annotated joints. A joint that nobody has is in the middle.

    Args:
        points: [N, J, 2] (x, y) in pixels.
        visible: [N, J], whether annotated.
    """
    points, visible = np.asarray(points, np.float64), np.asarray(visible, bool)
    low, high = _boxes(points, visible)
    shares = (points - low[:, None]) / np.maximum(high - low, 1e-9)[:, None]
    weights = visible[..., None].astype(np.float64)
    count = weights.sum(axis=0)
    return np.where(count > 0, (shares * weights).sum(axis=0) / np.maximum(count, 1.0), 0.5)


def chance(places: np.ndarray, points: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """Guesses every joint at its mean place in the person's box: [N, J, 2] pixels.

    Args:
        places: [J, 2], what `mean_places` gave for the training people.
        points, visible: of the people that are scored; only their boxes count.
    """
    low, high = _boxes(np.asarray(points, np.float64), np.asarray(visible, bool))
    return low[:, None] + np.asarray(places)[None] * (high - low)[:, None]


def _boxes(points, visible):
    """The smallest boxes around annotated joints: low and high corners [N, 2]; 0 without any."""
    is_annotated = visible[..., None]
    low = np.where(is_annotated, points, np.inf).min(axis=1)
    high = np.where(is_annotated, points, -np.inf).max(axis=1)
    nobody = ~visible.any(axis=1)[:, None]
    return np.where(nobody, 0.0, low), np.where(nobody, 0.0, high)


def _distances(predicted, truth, units):
    """[N, J] in units; infinite where a unit is 0."""
    gap = np.asarray(predicted, np.float64)[..., :2] - np.asarray(truth, np.float64)[..., :2]
    units = np.where(units > 0, units, np.nan)[:, None]
    return np.nan_to_num(np.linalg.norm(gap, axis=2) / units, nan=np.inf)


def _scores(is_right, visible, is_counted, names, unit):
    visible = np.asarray(visible, bool) & is_counted[:, None]
    if not visible.any():
        raise LfpError(f"No person has an annotated joint and a {unit} to measure by.")
    rates = {name: _rate(is_right[:, j], visible[:, j]) for j, name in enumerate(names)}
    groups = {
        group: _mean([rates[name] for name in members])
        for group, members in _GROUPS
        if all(name in rates for name in members)
    }
    mean = _mean([rate for name, rate in rates.items() if name not in _NOT_IN_THE_MEAN])
    right = int((is_right & visible).sum())
    return {
        "per_joint": rates,
        "groups": groups,
        "mean": mean,
        "all_joints": right / int(visible.sum()),
        "people": int(is_counted.sum()),
        "left_out": int((~is_counted).sum()),
    }


def _rate(is_right, is_valid):
    return float(is_right[is_valid].mean()) if is_valid.any() else None


def _mean(rates):
    known = [rate for rate in rates if rate is not None]
    return float(np.mean(known)) if known else None
