"""Matrices of numbers, and structures of them, from MATLAB 5 files as plain Python values."""

import math
import os
from typing import Any

import numpy as np

from lfp_tf.data.datasets.matlab_file import (
    FLOATS,
    HEADER_BYTES,
    INTEGERS,
    MATRIX,
    STORED,
    Allowance,
    as_sentences,
    byte_order,
    element,
    matrices,
    matrix_header,
    numbers,
    unpacked,
)
from lfp_tf.errors import LfpError, first_of

_NUMBERS = (*INTEGERS, "double", "single", "logical")
# How the types of a data element store signs: bytes, 16-bit numbers, UTF-8.
_TEXTS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8"}
_MOST_LEVELS, _LEAST_BYTES = 20, 8
_MOST_FIELDS = 4096


def read_matlab_numbers(path: str | os.PathLike, variable: str) -> np.ndarray:
    """One matrix of numbers of a file: float64 of its shape.

    Raises:
        LfpError: no MATLAB 5 file, empty, cut short, or no such matrix.
    """
    value = read_matlab_tree(path, variable)
    if not isinstance(value, float | np.ndarray):
        raise LfpError(f"{path} holds no numbers as {variable}.")
    return np.asarray(value)


def read_matlab_tree(path: str | os.PathLike, variable: str) -> Any:
    """A variable of a file, whatever it is made of.

    Args:
        path: a `.mat` file.
        variable: its name.

    Returns:
        A structure array as a list of {field: value}, a cell array as a list, text as a text, one
        number as a float, a matrix as float64 of its shape, what is empty as None. Lists follow
        MATLAB's order of elements.

    Raises:
        LfpError: no MATLAB 5 file, empty, cut short, no such variable, or kinds of values that
            hold code or need a class.
    """
    with as_sentences(path), open(path, "rb") as stream:
        order, names = byte_order(path, stream.read(HEADER_BYTES)), []
        for take, check_end in matrices(stream, order):
            kind, shape, name = matrix_header(take, order)
            names.append(name)
            if name == variable:
                allowance = Allowance.of(stream)
                take = allowance.spending(take)
                value = _value(kind, shape, take, order, allowance, level=0)
                check_end()
                return value
    content = first_of(names) or "nothing"
    raise LfpError(f"{path} has no variable {variable}; it holds {content}.")


def _value(kind, shape, take, order, allowance, *, level):
    """What stands behind a header."""
    count = math.prod(shape)
    if min(shape, default=-1) < 0:
        raise ValueError(f"a {kind} has sides that cannot be")
    allowance.spend(count)
    if kind == "struct":
        return _structures(count, take, order, allowance, level)
    if kind == "cell":
        _check_room(count, allowance)
        return [_inner(take, order, allowance, level) for _ in range(count)]
    if kind == "char":
        stored, content = element(take, order, most=4 * count)
        if stored not in _TEXTS:
            raise ValueError(f"a text is stored as type {stored}")
        if stored == 4:
            content = np.frombuffer(content, f"{order}u2").astype("<u2").tobytes()
            return str(content, "utf-16-le", "replace")
        return str(content, _TEXTS[stored], "replace")
    if kind not in _NUMBERS:
        raise ValueError(f"it holds a {kind}, which is not read")
    matrix = numbers(take, order, shape, "a matrix", stored_as=STORED | FLOATS)
    if count == 1:
        return float(matrix.item())
    return matrix.astype(np.float64) if count else None


def _structures(count, take, order, allowance, level):
    (length,) = unpacked(f"{order}i", element(take, order, most=4)[1])
    names = bytes(element(take, order, most=length * _MOST_FIELDS if length > 0 else 0)[1])
    fields = [
        names[at : at + length].split(b"\0")[0].decode("latin-1")
        for at in range(0, len(names), max(length, 1))
    ]
    _check_room(count * max(len(fields), 1), allowance)
    structures = []
    for _ in range(count):
        allowance.spend(len(fields))
        structures.append({field: _inner(take, order, allowance, level) for field in fields})
    return structures


def _inner(take, order, allowance, level):
    """The matrix that stands next inside another; its bytes are paid for by the outermost."""
    kind, content = element(take, order, most=allowance.left)
    if kind != MATRIX or level >= _MOST_LEVELS:
        raise ValueError("a structure holds no matrix" if kind != MATRIX else "it nests too deep")
    if not content:
        return None
    take = _of_bytes(memoryview(content))
    kind, shape, _ = matrix_header(take, order)
    return _value(kind, shape, take, order, allowance, level=level + 1)


def _check_room(count, allowance):
    """Every element takes some bytes: more of them than may come is damage, or a trap."""
    if count * _LEAST_BYTES > allowance.left:
        raise ValueError(f"{count} elements stand where {allowance.left // _LEAST_BYTES} can be")


def _of_bytes(view):
    position = 0

    def take(count):
        nonlocal position
        content = view[position : position + count]
        if len(content) < count:
            raise ValueError("it is cut short")
        position += count
        return content

    return take
