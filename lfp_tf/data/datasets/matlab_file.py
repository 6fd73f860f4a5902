"""MATLAB 5 files: variables one after the other, headers before numbers, damage as a sentence.

The format is MathWorks' "MAT-File Format", level 5. scipy's reader is not used: files with changed
bytes crash it, and with it the command.
"""

import contextlib
import dataclasses
import math
import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

import numpy as np

from lfp_tf.errors import LfpError
from lfp_tf.images.decode import NotLabels

HEADER_BYTES = 128
MATRIX, _COMPRESSED = 14, 15
# How a data element's type stores its numbers.
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 12: "i8", 13: "u8"}
FLOATS = {7: "f4", 9: "f8"}
CLASSES = (
    *("unknown", "cell", "struct", "object", "char", "sparse", "double", "single"),
    *("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    *("function", "opaque"),
)
INTEGERS = CLASSES[8:16]
Take = Callable[[int], bytes | memoryview]  # the next so many bytes of a variable
MOST_BYTES = 1 << 30
_TIMES_ITS_SIZE = 64
_ORDERS = {b"IM": "<", b"MI": ">"}
_HDF5_STARTS = (b"MATLAB 7.3", b"\x89HDF")
_COMPLEX, _LOGICAL = 0x800, 0x200
_MOST_DIMENSIONS, _LONGEST_NAME, _CHUNK = 32, 4096, 65536


@dataclasses.dataclass
class Allowance:
    """What may still be read of a file: bytes as they are unpacked, and elements of arrays.

    Attributes:
        left: bytes and elements together.
    """

    left: int

    @classmethod
    def of(cls, stream: BinaryIO) -> "Allowance":
        """64 times the file's size and at most 1 GiB: MATLAB's own files pack 15 to 30 times."""
        size = os.fstat(stream.fileno()).st_size
        return cls(min(_TIMES_ITS_SIZE * size, MOST_BYTES))

    def spend(self, count: int) -> None:
        """Takes so many off; refuses the file beyond the allowance."""
        self.left -= count
        if self.left < 0:
            raise ValueError("it unpacks to far more than its size")

    def spending(self, take: Take) -> Take:
        """The same function of a variable's bytes, which are taken off before they are read."""

        def checked(count):
            self.spend(count)
            return take(count)

        return checked


def byte_order(path: str | os.PathLike, header: bytes, newer: str = ";") -> str:
    """The byte order that a file's first bytes state, as numpy and struct write it.

    Args:
        path: of the file.
        header: its first 128 bytes.
        newer: how the sentence about MATLAB 7.3 goes on.

    Raises:
        LfpError: an empty file, or one of MATLAB 7.3.
        ValueError: no MATLAB file.
    """
    if not header:
        raise LfpError(f"{path} is empty.")
    if header.startswith(_HDF5_STARTS):
        raise NotLabels(
            f"{path} is a MATLAB 7.3 file (HDF5){newer} save it again by MATLAB's save(..., '-v7')."
        )
    if header[126:] not in _ORDERS:
        raise ValueError("its first 128 bytes are not MATLAB's")
    return _ORDERS[header[126:]]


def matrices(stream: BinaryIO, order: str) -> Iterator[tuple[Take, Callable[[], None]]]:
    """For each variable two functions: one takes its next so many bytes, one checks its end."""
    while tag := stream.read(8):
        kind, size = unpacked(order + "II", tag)
        start = stream.tell()
        if kind == _COMPRESSED:
            take, check_end = _inflating(stream, size)
            kind, _ = unpacked(order + "II", take(8))
        else:
            take, check_end = _reading(stream), lambda: None
        if kind == MATRIX:
            yield take, check_end
        stream.seek(start + size)


def matrix_header(take: Take, order: str) -> tuple[str, tuple[int, ...], str]:
    """(class by its name, sides, name) of a variable; all that stands before its numbers."""
    flags, _ = unpacked(order + "II", element(take, order, most=8)[1])
    kind, sides = CLASSES[flags & 255] if flags & 255 < len(CLASSES) else "unknown", ()
    if flags & _LOGICAL:
        kind = "logical"
    elif flags & _COMPLEX:
        kind = f"complex {kind}"
    if kind != "opaque":  # Objects of newer MATLABs have no sides.
        packed = element(take, order, most=4 * _MOST_DIMENSIONS)[1]
        sides = unpacked(f"{order}{len(packed) // 4}i", packed)
    name = element(take, order, most=_LONGEST_NAME)[1]
    text = str(name, "ascii", "replace")
    return kind, sides, "".join(sign if sign.isprintable() else "?" for sign in text)


def numbers(
    take: Take, order: str, shape: Sequence[int], name: str, *, stored_as: dict[int, str]
) -> np.ndarray:
    """The numbers of a matrix: an array of that shape, of the type they are stored in.

    Args:
        take: see `matrices`.
        order: byte order.
        shape: the matrix' sides.
        name: how sentences call it.
        stored_as: {type of a data element: its numpy type} that are allowed.
    """
    stored, content = element(take, order, most=8 * math.prod(shape))
    if stored not in stored_as:
        expected = "numbers" if FLOATS.keys() <= stored_as.keys() else "whole numbers"
        raise ValueError(f"{name} is stored as type {stored}, not as {expected}")
    dtype = np.dtype(order + stored_as[stored])
    if len(content) != dtype.itemsize * math.prod(shape):
        sides = "x".join(map(str, shape))
        raise ValueError(f"{name} has {len(content)} bytes for {sides} numbers")
    # MATLAB stores columns one after the other.
    return np.frombuffer(content, dtype).reshape(shape, order="F").astype(stored_as[stored])


def element(take: Take, order: str, *, most: int) -> tuple[int, bytes | memoryview]:
    """(type, content) of a data element; short ones lie inside their tag."""
    tag = take(8)
    kind, size = unpacked(order + "II", tag)
    if kind >> 16:
        return kind & 0xFFFF, tag[4 : 4 + min(kind >> 16, 4)]
    if size > most or size > MOST_BYTES:
        raise ValueError(f"a part of {size} bytes stands where {most} can be")
    content = take(size)
    take(-size % 8)
    return kind, content


def _reading(stream):
    def take(count):
        content = stream.read(count)
        if len(content) < count:
            raise ValueError("it is cut short")
        return content

    return take


def _inflating(stream, size):
    """Takes from the next `size` bytes as zlib inflates them, and never more than asked for."""
    inflater, left, pending = zlib.decompressobj(), size, b""

    def take(count):
        nonlocal left, pending
        content = bytearray()
        while len(content) < count:
            if not pending:
                pending = stream.read(min(left, _CHUNK))
                left -= len(pending)
            is_last = not pending
            content += (piece := inflater.decompress(pending, count - len(content)))
            pending = inflater.unconsumed_tail
            if is_last and not piece:
                raise ValueError("it is cut short")
        return bytes(content)

    def check_end():
        rest = pending + stream.read(min(left, _CHUNK))
        if inflater.decompress(rest, 1) or not inflater.eof:
            raise ValueError("it is cut short")

    return take, check_end


def unpacked(form: str, content: bytes | memoryview) -> tuple[int, ...]:
    """`struct.unpack`, or the sentence's end for content of another length."""
    if len(content) != struct.calcsize(form):
        raise ValueError("it is cut short")
    return struct.unpack(form, content)


@contextlib.contextmanager
def as_sentences(path: str | os.PathLike) -> Iterator[None]:
    """Turns what damaged bytes lead to into one sentence."""
    try:
        yield
    except (ValueError, zlib.error) as error:
        raise LfpError(f"{path} is no whole MATLAB 5 file: {error}.") from None
    except OSError as error:
        raise LfpError(f"{path} cannot be read ({error.strerror}).") from None
    except MemoryError:
        raise LfpError(f"{path} does not fit into memory.") from None
