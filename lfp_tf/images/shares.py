"""How much of an image each class covers."""

import numpy as np


def class_shares(counts, table):
    """The classes that occur, the largest first; of equal ones the first.

    Args:
        counts: whole numbers of pixels, index = label.
        table: a `ClassTable`.

    Returns:
        List of {"id", "name", "pixels", "share"}; shares are of all pixels, 0..1.
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


def count_labels(labels, table):
    """Pixels of each label, int64 [classes] or longer where labels beyond the table occur."""
    return np.bincount(np.asarray(labels).ravel(), minlength=len(table))
