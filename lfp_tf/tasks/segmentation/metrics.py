"""Scores of a confusion matrix, by the definition that a publication used.

| definition | IoU | mean over |
| --- | --- | --- |
| `all` | I / (U + 1e-10) | all; one that never occurs counts 0 (`hszhao/semseg util/util.py`) |
| `present` | I / U | classes in truth or prediction (TF1 `streaming_mean_iou`, DeepLab v2 2018) |
| `truth` | I / U | classes in truth (DeepLab v2, newest `libs/utils/metric.py`) |
| `matlab` | I / (U + 2.2e-16) | all classes (`hszhao/PSPNet evaluation/eval_acc.m`) |
"""

from collections.abc import Sequence

import numpy as np

from lfp_tf.errors import LfpError, nearest

_EPSILONS = {"all": 1e-10, "present": 0.0, "truth": 0.0, "matlab": float(np.finfo(np.float64).eps)}


def scores(confusion: np.ndarray | Sequence[Sequence[int]], definition: str = "all") -> dict:
    """Scores a confusion matrix summed over a whole set.

    Args:
        confusion: whole numbers [C, C], (truth, prediction).
        definition: `all`, `present`, `truth` or `matlab`.

    Returns:
        {"definition", "mIoU", "mAcc", "allAcc", "fwIoU" (IoU weighted by the truth's pixels):
        numbers 0..1, "iou", "accuracy": lists of C numbers, "intersection", "union", "target"
        (truth pixels): lists of C counts}. With `present` and `truth` a class in neither truth nor
        prediction has the IoU None, one not in truth the accuracy None; they are left out of the
        means.

    Raises:
        LfpError: no such definition.
    """
    if definition not in _EPSILONS:
        raise LfpError(
            f'No definition of scores "{definition}".{nearest(definition, _EPSILONS)} '
            f"There are {', '.join(_EPSILONS)}."
        )
    confusion = np.asarray(confusion, np.int64)
    intersection = np.diagonal(confusion)
    target = confusion.sum(axis=1)
    union = target + confusion.sum(axis=0) - intersection
    iou = _shares(intersection, union, definition)
    accuracy = _shares(intersection, target, definition)
    counted = [v for v, pixels in zip(iou, target, strict=True) if pixels or definition != "truth"]
    return {
        "definition": definition,
        "mIoU": _mean(counted),
        "mAcc": _mean(accuracy),
        "allAcc": _pixel_accuracy(intersection, target, definition),
        "fwIoU": _weighted(iou, target),
        "iou": iou,
        "accuracy": accuracy,
        "intersection": intersection.tolist(),
        "union": union.tolist(),
        "target": target.tolist(),
    }


def group_scores(confusion: np.ndarray | Sequence[Sequence[int]], groups: dict) -> dict:
    """Scores classes taken together, level by level.

    Args:
        confusion: whole numbers [C, C], (truth, prediction).
        groups: what `images.palette.class_groups` gives.

    Returns:
        {level: {"mIoU" (mean of the merged IoUs of the groups in truth), "allAcc" (pixels whose
        group is right): numbers 0..1, "groups": list of {"name", "classes" (how many supervised
        ones are in truth), "mIoU" (mean of their IoUs), "merged_iou" (the group as one class),
        "pixels" (of truth)}}}. The means of a group without such classes are None.
    """
    confusion = np.asarray(confusion, np.int64)
    single = scores(confusion, "truth")
    return {
        level: _level_scores(confusion, single, members, groups["supervised"])
        for level, members in groups["groups"].items()
    }


def _level_scores(confusion, single, members, supervised):
    is_member = np.zeros([len(members), len(confusion)], np.int64)
    for row, numbers in zip(is_member, members.values(), strict=True):
        row[numbers] = 1
    merged = scores(is_member @ confusion @ is_member.T, "truth")
    rows = []
    for place, (name, numbers) in enumerate(members.items()):
        shares = [single["iou"][n] for n in numbers if supervised[n] and single["target"][n]]
        rows.append(
            {
                "name": name,
                "classes": len(shares),
                "mIoU": _mean(shares) if shares else None,
                "merged_iou": merged["iou"][place],
                "pixels": merged["target"][place],
            }
        )
    return {"mIoU": merged["mIoU"], "allAcc": merged["allAcc"], "groups": rows}


def _shares(part, whole, definition):
    """Shares by class; with `present` and `truth` None for a class without pixels."""
    if definition not in ("present", "truth"):
        return (part / (whole + _EPSILONS[definition])).tolist()
    return [p / w if w else None for p, w in zip(part.tolist(), whole.tolist(), strict=True)]


def _mean(shares):
    """The mean of the shares that are not None; 0 without any."""
    counted = [share for share in shares if share is not None]
    return float(np.mean(counted)) if counted else 0.0


def _pixel_accuracy(intersection, target, definition):
    epsilon = _EPSILONS[definition] or _EPSILONS["all"]
    return float(intersection.sum() / (target.sum() + epsilon))


def _weighted(iou, target):
    total = max(int(target.sum()), 1)
    return float(sum(t / total * share for t, share in zip(target.tolist(), iou, strict=True) if t))
