"""COCO's classes divided into those with masks (set A) and those with boxes alone (set B).

`ronghanghu/seg_every_thing`, lib/datasets/bbox2mask_dataset_processing/coco. Labels count from 1
in the order of COCO's category ids.
"""

import dataclasses
import functools
import re
from collections.abc import Sequence

import numpy as np

from lfp_tf.errors import LfpError, nearest

COCO_CLASSES = 80
# The twenty classes of PASCAL VOC.
VOC = (1, 2, 3, 4, 5, 6, 7, 9, 15, 16, 17, 18, 19, 20, 40, 57, 58, 59, 61, 63)
_NAMED = ("coco", "voc", "nonvoc")
_TRIALS, _SIZES, _SEED = range(1, 6), (20, 30, 40, 50, 60), 3


@functools.cache
def random_draws() -> dict[str, tuple[int, ...]]:
    """Draws the 25 random sets A as the original did, in one stream: {name: labels as drawn}.

    Names are E1_A20B60 to E5_A60B20: the trial, and the numbers of classes in A and B.
    """
    random = np.random.RandomState(_SEED)
    return {
        f"E{trial}_A{size}B{COCO_CLASSES - size}": tuple(
            int(place) + 1 for place in random.choice(COCO_CLASSES, size, replace=False)
        )
        for trial in _TRIALS
        for size in _SIZES
    }


def split_labels(name: str) -> list[int]:
    """Gives the labels of a set A by its name: `coco`, `voc`, `nonvoc`, or one of `random_draws`.

    `coco` are all eighty, the first classes of a detector of more.

    >>> split_labels("voc")[:9]
    [1, 2, 3, 4, 5, 6, 7, 9, 15]

    Raises:
        LfpError: no such set.
    """
    if name == "coco":
        return list(range(1, COCO_CLASSES + 1))
    if name == "voc":
        return list(VOC)
    if name == "nonvoc":
        return sorted(set(range(1, COCO_CLASSES + 1)) - set(VOC))
    draws = random_draws()
    if name not in draws:
        known = (*_NAMED, *draws)
        raise LfpError(
            f'No set of classes is called "{name}".{nearest(name, known)} There are coco, voc, '
            "nonvoc and E1_A20B60 to E5_A60B20."
        )
    return sorted(draws[name])


def is_split(name: str) -> bool:
    """Tells whether a word is the name of a set of COCO's classes."""
    return name in _NAMED or bool(re.fullmatch(r"E\d_A\d+B\d+", name))


@dataclasses.dataclass(frozen=True)
class ClassSets:
    """All classes in two sets, whose scores are told apart.

    Attributes:
        name: of set A, as a user gave it.
        members: {"A": labels from 1 of the classes with masks, "B": of the others}.
    """

    name: str
    members: dict[str, tuple[int, ...]]


def class_sets(words: Sequence[str | int], names: Sequence[str], *, where: str) -> ClassSets | None:
    """Divides the classes into set A, which is given, and set B, the others.

    Args:
        words: as of `labels_of`.
        names: of all classes.
        where: what gave the words, as messages call it.

    Returns:
        None where nothing is divided: no words are given, or all classes are.

    Raises:
        LfpError: as of `labels_of`.
    """
    if not words:
        return None
    own = labels_of(words, names, where=where)
    others = sorted(set(range(1, len(names) + 1)) - set(own))
    if not others:
        return None
    return ClassSets(", ".join(map(str, words)), {"A": tuple(own), "B": tuple(others)})


def labels_of(words: Sequence[str | int], names: Sequence[str], *, where: str) -> list[int]:
    """Gives classes as labels from 1, ascending.

    >>> labels_of(["dog", 1], ["cat", "cow", "dog"], where="task.mask_classes")
    [1, 3]

    Args:
        words: names or numbers of classes, or one set of COCO's classes (see `split_labels`).
        names: of all classes.
        where: what gave the words, as messages call it.

    Raises:
        LfpError: a name or number that is no class, or a set of COCO's classes on others.
    """
    if len(words) == 1 and isinstance(words[0], str) and is_split(words[0]):
        labels = split_labels(words[0])
        if max(labels) > len(names):
            raise LfpError(
                f"{where} is {words[0]}, a set of COCO's 80 classes, but there are {len(names)}; "
                "name the classes instead."
            )
        return labels
    return sorted({_label(word, names, where) for word in words})


def _label(word, names, where):
    if isinstance(word, str) and word in names:
        return list(names).index(word) + 1
    if isinstance(word, int) and not isinstance(word, bool) and 1 <= word <= len(names):
        return word
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    raise LfpError(
        f"{where} has {word!r}, which is no class; there are {shown} (numbers 1 to {len(names)})."
    )
