"""Cases of class rows that are cut from a file and put back."""

import numpy as np

from lfp_tf.checkpoints.formats.detectron import MOMENTUM
from lfp_tf.checkpoints.surgery import with_classes
from lfp_tf.parity.golden import Case
from lfp_tf.parity.maskx.words import words_of

_FILE = "the case"


def surgeries(case: Case) -> dict:
    """`vg_surgery`: names and rows after the cut, and after they were put back."""
    words, blobs = words_of(case), dict(case.inputs())
    blobs |= {f"{name}{MOMENTUM}": np.zeros_like(array) for name, array in blobs.items()}
    cut = with_classes(blobs, words["rows_kept"] - 1, file=_FILE)
    cut_results = _results(cut, 1)
    cut[words["added_before_2"]] = np.arange(words["width"], dtype=np.float32)
    restored = with_classes(cut, words["rows_all"] - 1, file=_FILE)
    backups = {name: array for name, array in restored.items() if name not in case.inputs()}
    return backups | cut_results | _results(restored, 2)


def _results(blobs, number):
    after = {f"{name} after {number}": array for name, array in blobs.items()}
    return after | {f"names_after_{number}": sorted(blobs)}
