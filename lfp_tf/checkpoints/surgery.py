"""Rows of classes of a Detectron file: cut to the first ones, and put back.

MaskX R-CNN learnt masks of COCO's classes for a detector of 3001: its rows of the others were cut
off, kept in the file under another name, and put back when the masks were learnt
(`ronghanghu/seg_every_thing` tools/vg3k_training, whose two scripts have each other's names).
A training of ours needs neither: see `trainable: mask_head` of a detector. K counts the classes and
background, which is the first row.
"""

from collections.abc import Mapping

import numpy as np

from lfp_tf.checkpoints.formats.detectron import MOMENTUM
from lfp_tf.errors import LfpError

# What is behind the name of a blob that keeps all rows.
BACKUP = "_jcvbackup"
# {blob: rows of a class}; the first and the third are matrices, the others vectors.
_ROWS = {"cls_score_w": 1, "cls_score_b": 1, "bbox_pred_w": 4, "bbox_pred_b": 4}
_AXES = {"cls_score_w": 2, "cls_score_b": 1, "bbox_pred_w": 2, "bbox_pred_b": 1}
# The last layer of masks, which has a row for each class unless it is predicted or of all classes.
_MASKS = "mask_fcn_logits_w"


def num_classes(blobs: Mapping[str, np.ndarray], *, file: str) -> int:
    """Counts the classes that a file has rows for, without background: K - 1.

    Args:
        blobs: {name: array}, of `read_checkpoint`.
        file: how messages call it.

    Raises:
        LfpError: the blobs of a box head are missing, or their shapes do not go together.
    """
    return _checked_rows(blobs, "", file) - 1


def with_classes(
    blobs: Mapping[str, np.ndarray], classes: int, *, file: str
) -> dict[str, np.ndarray]:
    """Gives the blobs of a file with the rows of so many classes.

    Fewer than there are: the first ones, all rows under a second name (`BACKUP`) besides. More:
    the rows of that second name, which stays. Momentum of changed blobs is left out; all others
    are handed on.

    Args:
        blobs: as of `num_classes`.
        classes: without background.
        file: how messages call it.

    Raises:
        LfpError: as `num_classes`; no backup of so many rows; nothing to do; masks of each class.
    """
    before = num_classes(blobs, file=file)
    if classes == before:
        raise LfpError(f"{file} has rows of {before} classes already; there is nothing to change.")
    masks = blobs.get(_MASKS)
    if masks is not None and len(masks) > 1:
        raise LfpError(
            f"{file} has a last layer of masks with a row for each class ({_MASKS}: "
            f"{len(masks)}), which cannot be cut or widened; only masks that are predicted from "
            "the boxes' rows, or that all classes share, stay right."
        )
    return (_cut if classes < before else _restored)(blobs, classes, file)


def _cut(blobs, classes, file):
    if classes < 1:
        raise LfpError(f"{file} cannot be cut to {classes} classes; give a number from 1 on.")
    changed = {name: blobs[name][: (classes + 1) * rows] for name, rows in _ROWS.items()}
    backups = {f"{name}{BACKUP}": blobs[name] for name in _ROWS}
    return _without_momentum(blobs) | changed | backups


def _restored(blobs, classes, file):
    before = num_classes(blobs, file=file)
    if f"{next(iter(_ROWS))}{BACKUP}" not in blobs:
        raise LfpError(
            f"{file} has rows of {before} classes and keeps none of others (..{BACKUP}); give the "
            f"file that was cut from one of {classes}."
        )
    kept = _checked_rows(blobs, BACKUP, file) - 1
    if kept != classes:
        raise LfpError(
            f"{file} keeps rows of {kept} classes (..{BACKUP}), not of {classes}; give {kept}."
        )
    return _without_momentum(blobs) | {name: blobs[f"{name}{BACKUP}"] for name in _ROWS}


def _without_momentum(blobs):
    """Without the momentum of the blobs that change, which would have other rows."""
    dropped = {f"{name}{MOMENTUM}" for name in _ROWS}
    return {name: array for name, array in blobs.items() if name not in dropped}


def _checked_rows(blobs, ending, file):
    """K of the four blobs with an ending behind their names."""
    own = {name: blobs.get(f"{name}{ending}") for name in _ROWS}
    missing = [f"{name}{ending}" for name, array in own.items() if array is None]
    if missing:
        raise LfpError(
            f"{file} lacks {', '.join(missing)}; give a whole detector in Detectron's form."
        )
    first, units = (list(own["cls_score_w"].shape) + [0, 0])[:2]
    for name, rows in _ROWS.items():
        wanted = [first * rows, units][: _AXES[name]]
        if (shape := list(own[name].shape)) != wanted:
            raise LfpError(
                f"{file} holds {name}{ending} of shape {shape}, but {first} rows of classes and "
                f"{units} units need {wanted}."
            )
    return first
