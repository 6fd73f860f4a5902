"""Top-1 and top-5 scores of images of one class each, counted as `tf.math.in_top_k` counts.

The truth is among the best k if fewer than k classes are more probable than it: classes as probable
as the k-th all count (`wanggrun/Learning-Feature-Pyramids pyramid/ImageNet/imagenet_utils.py`). So
an image whose truth shares the highest probability is right for top-1, even where the prediction,
the first of equal classes, is another.
"""

from collections.abc import Sequence

import numpy as np

TOP = 5


def truth_ranks(probabilities: np.ndarray, truths: Sequence[int] | np.ndarray) -> np.ndarray:
    """Counts the classes that are more probable than the truth.

    Args:
        probabilities: [N, C], or other numbers that grow with them, as logits.
        truths: whole numbers [N] in 0..C-1.

    Returns:
        int64 [N]; C where one of an image's numbers is not finite: the image is wrong for all k.
    """
    probabilities = np.asarray(probabilities)
    truths = np.asarray(truths, np.int64)
    own = np.take_along_axis(probabilities, truths[:, None], axis=1)
    ranks = np.sum(probabilities > own, axis=1)
    is_finite = np.isfinite(probabilities).all(axis=1)
    return np.where(is_finite, ranks, probabilities.shape[1]).astype(np.int64)


def class_scores(
    truths: Sequence[int] | np.ndarray, ranks: Sequence[int] | np.ndarray, *, num_classes: int
) -> dict:
    """Scores many images.

    Args:
        truths: whole numbers [N] in 0..num_classes-1.
        ranks: [N], of `truth_ranks`.
        num_classes: number of classes; of five or fewer the truth is always among the best five.

    Returns:
        {"top1_accuracy", "top1_error", "top5_accuracy", "top5_error": shares of the images,
        "mean_class_accuracy" (top-1, mean over the classes that occur): numbers 0..1, "top1",
        "top5": C accuracies, None for classes that do not occur, "images": C counts}; without any
        image the shares are None.
    """
    truths, ranks = np.asarray(truths, np.int64), np.asarray(ranks, np.int64)
    counts = np.bincount(truths, minlength=num_classes)
    scores = {"images": counts.tolist()}
    for name, k in (("top1", 1), ("top5", TOP)):
        is_right = ranks < k
        accuracy = float(is_right.mean()) if len(ranks) else None
        scores[f"{name}_accuracy"] = accuracy
        scores[f"{name}_error"] = None if accuracy is None else 1.0 - accuracy
        hits = np.bincount(truths[is_right], minlength=num_classes)
        scores[name] = [
            hit / count if count else None
            for hit, count in zip(hits.tolist(), counts.tolist(), strict=True)
        ]
    present = [share for share in scores["top1"] if share is not None]
    scores["mean_class_accuracy"] = float(np.mean(present)) if present else None
    return scores


def most_confused(confusion: np.ndarray, count: int) -> list[dict]:
    """Gives the pairs of classes that were predicted for each other most often.

    Args:
        confusion: whole numbers [C, C], (truth, prediction).
        count: pairs at most.

    Returns:
        list of {"truth", "prediction", "images"}, most images first, of equal ones the lower truth
        first; only pairs that occur.
    """
    wrong = np.array(confusion)
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:count]
    places = zip(*np.unravel_index(order, wrong.shape), strict=True)
    return [
        {"truth": int(row), "prediction": int(column), "images": int(wrong[row, column])}
        for row, column in places
        if wrong[row, column]
    ]
