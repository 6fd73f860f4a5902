"""Label maps in MATLAB 5 files: one integer matrix, whose header is read before its numbers."""

import math
import os

import numpy as np

from lfp_tf.data.datasets.matlab_file import (
    HEADER_BYTES,
    INTEGERS,
    STORED,
    as_sentences,
    byte_order,
    matrices,
    matrix_header,
    numbers,
)
from lfp_tf.errors import LfpError, first_of
from lfp_tf.images.decode import MAX_PIXELS, NotLabels

VARIABLE = "S"
_COCOSTUFF = ", as COCO-Stuff 10k v1.0 has them; take v1.1, or"


def read_matlab_labels(path: str | os.PathLike, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """The matrix `S` of a file: whole numbers [H, W] of the type they are stored in.

    Args:
        path: a `.mat` file.
        max_pixels: a header that states more is refused.

    Raises:
        LfpError: no MATLAB 5 file, empty, cut short, or more pixels than allowed.
        NotLabels: MATLAB 7.3 (HDF5), or no `S` that is a matrix of whole numbers.
    """
    with as_sentences(path), open(path, "rb") as stream:
        order, names = byte_order(path, stream.read(HEADER_BYTES), newer=_COCOSTUFF), []
        for take, check_end in matrices(stream, order):
            kind, shape, name = matrix_header(take, order)
            names.append(name)
            if name == VARIABLE:
                _check(path, kind, shape, max_pixels)
                labels = numbers(take, order, shape, VARIABLE, stored_as=STORED)
                check_end()
                return labels
    raise NotLabels(
        f"{path} has no variable {VARIABLE}, which holds the labels; "
        f"it holds {first_of(names) or 'nothing'}."
    )


def _check(path, kind, shape, max_pixels):
    if kind not in INTEGERS:
        raise NotLabels(
            f"{path} holds {VARIABLE} as {kind}; labels are whole numbers (uint8, int32, ...)."
        )
    if len(shape) != 2:
        sides = "x".join(map(str, shape))
        raise NotLabels(f"{path} holds a {VARIABLE} of {sides}; a matrix of labels is needed.")
    if min(shape) < 0:
        raise ValueError(f"{VARIABLE} has {shape[0]} rows and {shape[1]} columns")
    if math.prod(shape) > max_pixels:
        raise LfpError(
            f"{path} has {math.prod(shape)} pixels ({shape[1]}x{shape[0]}), more than the "
            f"{max_pixels} allowed; raise --max_pixels if it is to be read."
        )
