"""safetensors: the length of a header, the header as JSON, and the raw values; read and written.

The header tells type, shape and place of every array, and texts by key under `__metadata__`
(huggingface/safetensors `README.md`, section Format).
"""

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from lfp_tf.checkpoints.formats.json_text import parse_json
from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.checkpoints.formats.numpy_pickle import array_of, from_bfloat16, num_elements
from lfp_tf.errors import printable

MOST_HEADER_BYTES = 100_000_000
METADATA = "__metadata__"
TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "<i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "<u1",
    "BOOL": "?",
}
_LENGTH_BYTES = 8
_NAMES = {np.dtype(code).str: name for name, code in TYPES.items() if name != "BF16"}
_KEYS = {"dtype", "shape", "data_offsets"}


def is_safetensors(file: MappedFile) -> bool:
    """Tells whether a file begins with the length of a header and a JSON object."""
    # No other format has zeros in the upper half of eight bytes before an opening brace.
    return bytes(file.view[4:9]) == b"\0\0\0\0{"


def read_safetensors(file: MappedFile) -> dict[str, np.ndarray]:
    """Reads the arrays by name, in the header's order; bfloat16 becomes float32.

    Args:
        file: the `.safetensors`.

    Raises:
        LfpError: a header that is none, arrays that overlap, leave gaps or lie outside, types that
            numpy does not know, metadata that are no texts.
    """
    header, start = _read_header(file)
    metadata = header.pop(METADATA, {})
    if type(metadata) is not dict or any(type(text) is not str for text in metadata.values()):
        raise file.damage(f"{METADATA} in its header holds more than texts")
    entries = {name: _Entry(file, name, entry) for name, entry in header.items()}
    _check_places(file, entries, file.size - start)
    arrays = {
        name: entry.values(file.view[start + entry.begin : start + entry.end])
        for name, entry in entries.items()
    }
    if not arrays:
        raise file.refusal("holds no arrays.")
    return arrays


def write_safetensors(
    path: str | os.PathLike, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> None:
    """Writes arrays of numbers and texts beside them.

    Args:
        path: of the file, which is written over.
        arrays: {name: array} of the types in `TYPES`.
        metadata: {key: text}.
    """
    header: dict[str, Any] = {METADATA: dict(metadata)}
    # Wide types first, so that every array lies at a multiple of its type.
    ordered = sorted(arrays.items(), key=lambda entry: -entry[1].dtype.itemsize)
    ordered = [(n, np.asarray(a, a.dtype.newbyteorder("<"), order="C")) for n, a in ordered]
    at = 0
    for name, array in ordered:
        place = {"dtype": _NAMES[array.dtype.str], "shape": list(array.shape)}
        header[name] = place | {"data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _LENGTH_BYTES)
    with open(path, "wb") as stream:
        stream.write(len(text).to_bytes(_LENGTH_BYTES, "little") + text)
        for _, array in ordered:
            stream.write(array.tobytes())


class _Entry:
    """Type, shape and place of one array, checked."""

    __slots__ = ("_dtype", "_file", "_kind", "_shape", "begin", "end")

    def __init__(self, file: MappedFile, name: str, entry: Any):
        self._file = file
        try:
            if set(entry) != _KEYS:
                raise ValueError("other keys")
            self._kind, self._shape = entry["dtype"], tuple(entry["shape"])
            self.begin, self.end = entry["data_offsets"]
            count = num_elements(self._shape)
            if not type(self.begin) is type(self.end) is int or not 0 <= self.begin <= self.end:
                raise ValueError("no place")
        except (KeyError, TypeError, ValueError):
            raise file.damage(f'the entry of "{printable(name)}" in its header makes no sense')
        if type(self._kind) is not str or self._kind not in TYPES:
            raise file.refusal(
                f'holds the array "{printable(name)}" of type '
                f'"{printable(self._kind, longest=40)}"; read are {", ".join(TYPES)}.'
            )
        self._dtype = np.dtype(TYPES[self._kind])
        if count * self._dtype.itemsize != self.end - self.begin:
            raise file.damage(f'the array "{printable(name)}" has another size than its shape')

    def values(self, raw: memoryview) -> np.ndarray:
        """Makes an array of the raw bytes, in this machine's byte order."""
        values = array_of(self._file, raw, dtype=self._dtype, shape=self._shape)
        return from_bfloat16(self._file, values) if self._kind == "BF16" else values


def _read_header(file):
    """Reads the header and gives it with the byte behind it."""
    length = int.from_bytes(file.view[:_LENGTH_BYTES], "little")
    start = _LENGTH_BYTES + length
    if length > MOST_HEADER_BYTES:
        raise file.refusal(
            f"has a header of {length} bytes, but safetensors allows {MOST_HEADER_BYTES}."
        )
    if start > file.size:
        raise file.damage("its header breaks off")
    header = parse_json(file, bytes(file.view[_LENGTH_BYTES:start]), what="its header")
    if type(header) is not dict:
        raise file.damage("its header is no object of JSON")
    return header, start


def _check_places(file, entries, num_bytes):
    """Checks that the arrays fill the bytes behind the header, each byte once."""
    end = 0
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)):
        if entry.begin != end:
            how = "over another one" if entry.begin < end else "behind a gap"
            raise file.damage(f'the array "{printable(name)}" lies {how}')
        end = entry.end
    if end > num_bytes:
        raise file.damage(f"its arrays need {end} bytes, but {num_bytes} are there")
    if end < num_bytes:
        raise file.refusal(
            f"goes on for {num_bytes - end} bytes behind its last array; it is hostile."
        )
