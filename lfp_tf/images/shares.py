"""How much of an image each class covers."""

from typing import Any

import numpy as np

from lfp_tf.images.palette import ClassTable


def class_shares(counts: np.ndarray, table: ClassTable) -> list[dict[str, Any]]:
    """Lists the classes that occur, the largest first; of equal ones the first.

    Args:
        counts: [labels] whole numbers of pixels, index = label.
        table: of the labels' classes.

    Returns:
        {"id", "name", "pixels", "share"} each; shares are of all pixels, 0..1.
    """
    counts = np.asarray(counts)
    present = np.flatnonzero(counts[: len(table)]).tolist()
    return [
        {
            "id": label,
            "name": table.names[label],
            "pixels": int(counts[label]),
            "share": round(float(counts[label] / counts.sum()), 6),
        }
        for label in sorted(present, key=lambda label: -counts[label])
    ]


def count_labels(labels: np.ndarray, table: ClassTable) -> np.ndarray:
    """Counts the pixels of each label.

    Args:
        labels: integer [H, W], not negative.
        table: of the labels' classes.

    Returns:
        int64 [classes], or longer where labels beyond the table occur.
    """
    return np.bincount(np.asarray(labels).ravel(), minlength=len(table))
