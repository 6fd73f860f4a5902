"""Label maps in MATLAB 5 files: one integer matrix, whose header is read before its numbers.

The format is MathWorks' "MAT-File Format", level 5. scipy's reader is not used: files with changed
bytes crash it, and with it the command.
"""

import contextlib
import math
import struct
import zlib

import numpy as np

from lfp_tf.data.census import first_of
from lfp_tf.errors import LfpError
from lfp_tf.pictures.decode import MAX_PIXELS, NotLabels

VARIABLE = "S"
_HEADER_BYTES = 128
_ORDERS = {b"IM": "<", b"MI": ">"}
_HDF5_STARTS = (b"MATLAB 7.3", b"\x89HDF")
_MATRIX, _COMPRESSED = 14, 15
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 12: "i8", 13: "u8"}
_CLASSES = (
    *("unknown", "cell", "struct", "object", "char", "sparse", "double", "single"),
    *("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    *("function", "opaque"),
)
_INTEGERS = _CLASSES[8:16]
_COMPLEX, _LOGICAL = 0x800, 0x200
_MOST_DIMENSIONS, _LONGEST_NAME, _CHUNK = 32, 4096, 65536


def read_matlab_labels(path, *, max_pixels=MAX_PIXELS):
    """The matrix `S` of a file: whole numbers [H, W] of the type they are stored in.

    Args:
        path: a `.mat` file.
        max_pixels: a header that states more is refused.

    Raises:
        LfpError: no MATLAB 5 file, empty, cut short, or more pixels than allowed.
        NotLabels: MATLAB 7.3 (HDF5), or no `S` that is a matrix of whole numbers.
    """
    with _as_sentences(path), open(path, "rb") as stream:
        order, names = _order(path, stream.read(_HEADER_BYTES)), []
        for take, check_end in _matrices(stream, order):
            kind, shape, name = _matrix_header(take, order)
            names.append(name)
            if name == VARIABLE:
                _check(path, kind, shape, max_pixels)
                labels = _numbers(take, order, shape)
                check_end()
                return labels
    held = f"it holds {first_of(names)}" if names else "it holds nothing"
    raise NotLabels(f"{path} has no variable {VARIABLE}, which holds the labels; {held}.")


def _order(path, header):
    """The byte order that a file's first bytes state, as numpy and struct write it."""
    if not header:
        raise LfpError(f"{path} is empty.")
    if header.startswith(_HDF5_STARTS):
        raise NotLabels(
            f"{path} is a MATLAB 7.3 file (HDF5), as COCO-Stuff 10k v1.0 has them; take v1.1, "
            "or save it again by MATLAB's save(..., '-v7')."
        )
    if header[126:] not in _ORDERS:
        raise ValueError("its first 128 bytes are not MATLAB's")
    return _ORDERS[header[126:]]


def _matrices(stream, order):
    """For each variable two functions: one takes its next so many bytes, one checks its end."""
    while tag := stream.read(8):
        kind, size = _unpacked(order + "II", tag)
        start = stream.tell()
        if kind == _COMPRESSED:
            take, check_end = _inflating(stream, size)
            kind, _ = _unpacked(order + "II", take(8))
        else:
            take, check_end = _reading(stream), lambda: None
        if kind == _MATRIX:
            yield take, check_end
        stream.seek(start + size)


def _matrix_header(take, order):
    """(class by its name, sides, name) of a variable; all that stands before its numbers."""
    flags, _ = _unpacked(order + "II", _element(take, order, most=8)[1])
    kind, sides = _CLASSES[flags & 255] if flags & 255 < len(_CLASSES) else "unknown", ()
    if flags & _LOGICAL:
        kind = "logical"
    elif flags & _COMPLEX:
        kind = f"complex {kind}"
    if kind != "opaque":  # Objects of newer MATLABs have no sides.
        packed = _element(take, order, most=4 * _MOST_DIMENSIONS)[1]
        sides = _unpacked(f"{order}{len(packed) // 4}i", packed)
    name = _element(take, order, most=_LONGEST_NAME)[1]
    text = name.decode("ascii", "replace")
    return kind, sides, "".join(sign if sign.isprintable() else "?" for sign in text)


def _check(path, kind, shape, max_pixels):
    if kind not in _INTEGERS:
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


def _numbers(take, order, shape):
    stored, content = _element(take, order, most=8 * math.prod(shape))
    if stored not in _STORED:
        raise ValueError(f"{VARIABLE} is stored as type {stored}, not as whole numbers")
    dtype = np.dtype(order + _STORED[stored])
    if len(content) != dtype.itemsize * math.prod(shape):
        raise ValueError(f"{VARIABLE} has {len(content)} bytes for {shape[0]}x{shape[1]} numbers")
    # MATLAB stores columns one after the other.
    return np.frombuffer(content, dtype).reshape(shape, order="F").astype(_STORED[stored])


def _element(take, order, *, most):
    """(type, content) of a data element; short ones lie inside their tag."""
    tag = take(8)
    kind, size = _unpacked(order + "II", tag)
    if kind >> 16:
        return kind & 0xFFFF, tag[4 : 4 + min(kind >> 16, 4)]
    if size > most:
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


def _unpacked(form, content):
    if len(content) != struct.calcsize(form):
        raise ValueError("it is cut short")
    return struct.unpack(form, content)


@contextlib.contextmanager
def _as_sentences(path):
    """What damaged bytes lead to, as one sentence."""
    try:
        yield
    except (ValueError, zlib.error) as error:
        raise LfpError(f"{path} is no whole MATLAB 5 file: {error}.") from None
    except OSError as error:
        raise LfpError(f"{path} cannot be read ({error.strerror}).") from None
    except MemoryError:
        raise LfpError(f"{path} does not fit into memory.") from None
