"""COCO's classes divided into those with masks (set A) and those with boxes alone (set B).

`ronghanghu/seg_every_thing`, lib/datasets/bbox2mask_dataset_processing/coco. Labels count from 1
in the order of COCO's category ids.
"""

import functools
import re

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
