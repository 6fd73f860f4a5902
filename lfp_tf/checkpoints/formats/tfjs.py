"""Weights of TensorFlow.js: `model.json`, or a bare list of its groups, and the shards it names.

The groups' entries tell names, shapes and types; a group's shards, laid end to end, hold the values
one after the other, without gaps (tensorflow/tfjs `io_utils.ts`). The description of the model in
the same file is left alone.
"""

import math
import os
import pathlib
import re
from typing import Any

import numpy as np

from lfp_tf.checkpoints.formats.json_text import parse_json
from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.checkpoints.formats.numpy_pickle import ARRAY_BYTES, num_elements
from lfp_tf.errors import LfpError, printable

FILE_NAME = "model.json"
_WEIGHT_BYTES = 150
_TYPES = {"float32": "<f4", "int32": "<i4", "bool": "u1"}
_PACKED_TYPES = {"uint8": "u1", "uint16": "<u2", "float16": "<f2"}
_UNPACKED_TYPES = ("float32", "int32")
_START = re.compile(rb"\s*[\[{]")
_OUTSIDE = re.compile(r"^/|\\|:|\0|(^|/)\.\.?(/|$)|//|^$")


def is_tfjs(file: MappedFile) -> bool:
    """Tells whether a file is JSON that speaks of groups of weights."""
    if not _START.match(file.view[:512]):
        return False
    text = bytes(file.view)
    return b'"weightsManifest"' in text or (b'"paths"' in text and b'"weights"' in text)


def read_tfjs(file: MappedFile) -> dict[str, np.ndarray]:
    """Reads the weights by name, in the file's order; quantised values become floats again.

    Args:
        file: the JSON; shards lie beside it.

    Raises:
        LfpError: no such JSON, a missing shard, shards that point outside or occur twice, sizes
            that do not fit, types that are no numbers.
    """
    arrays, known_paths = {}, set()
    for group in _groups(file):
        paths, entries = group.get("paths"), group.get("weights")
        if type(paths) is not list or type(entries) is not list:
            raise file.damage("a group of weights lacks its paths or weights")
        weights = [_Weight(file, number, entry) for number, entry in enumerate(entries)]
        shards = _Shards(file, [_shard(file, path, known_paths) for path in paths])
        num_bytes = sum(weight.num_bytes for weight in weights)
        if num_bytes != shards.size:
            raise file.refusal(
                f"tells of {num_bytes} bytes of weights, but the shards of their group "
                f'("{printable(paths[0]) if paths else ""}", ...) hold {shards.size}; '
                "copy or download all of them again."
            )
        at = 0
        for weight in weights:
            if weight.name in arrays:
                raise file.refusal(f'holds two arrays of the name "{printable(weight.name)}".')
            shards.charge(ARRAY_BYTES)
            arrays[weight.name] = weight.values(shards.take(at, weight.num_bytes))
            at += weight.num_bytes
    if not arrays:
        raise file.refusal("holds no arrays of numbers.")
    return arrays


class _Weight:
    """One entry of a group, checked: its name, and how its bytes become an array."""

    __slots__ = ("_least", "_packing", "_raw", "_scale", "_shape", "_type", "name", "num_bytes")

    def __init__(self, file: MappedFile, number: int, entry: Any):
        file.charge(_WEIGHT_BYTES)
        try:
            self.name, self._shape, self._type = entry["name"], entry["shape"], entry["dtype"]
            self._shape = tuple(self._shape)
            self._packing = entry.get("quantization")
            count = num_elements(self._shape)
            if type(self.name) is not str:
                raise TypeError("a name that is no text")
            self._raw, self._scale, self._least = self._how_packed()
        except LfpError as error:
            raise file.refusal(str(error))
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            raise file.damage(f"entry {number} of a group's weights makes no sense")
        self.num_bytes = count * self._raw.itemsize

    def values(self, raw: bytes | memoryview) -> np.ndarray:
        """Makes an array of the raw bytes, in this machine's byte order."""
        values = np.frombuffer(raw, self._raw).reshape(self._shape)
        if self._scale is not None:
            return self._table()[values]
        if self._type == "bool":
            return values != 0
        dtype = np.float32 if self._packing else self._raw.newbyteorder("=")
        return np.array(values, dtype=dtype, order="C")

    def _how_packed(self):
        """Type in the file, scale and least value; the last two are None where there are none."""
        if self._packing is None:
            if self._type not in _TYPES:
                raise LfpError(self._unknown(self._type))
            return np.dtype(_TYPES[self._type]), None, None
        packed = self._packing["dtype"]
        if packed not in _PACKED_TYPES or self._type not in _UNPACKED_TYPES:
            raise LfpError(self._unknown(f"{self._type} packed as {packed}"))
        if packed == "float16":
            if self._type != "float32":
                raise LfpError(self._unknown(f"{self._type} packed as {packed}"))
            return np.dtype(_PACKED_TYPES[packed]), None, None
        scale, least = float(self._packing["scale"]), float(self._packing["min"])
        if not (math.isfinite(scale) and math.isfinite(least)):
            raise ValueError("a scale that is no number")
        return np.dtype(_PACKED_TYPES[packed]), scale, least

    def _unknown(self, text):
        return (
            f'holds the array "{printable(self.name)}" of type "{printable(text, longest=60)}"; '
            "read are float32, int32 and bool, plain or quantised."
        )

    def _table(self):
        """What every packed number means: 256 or 65536 values."""
        numbers = np.arange(256**self._raw.itemsize) * self._scale + self._least
        if self._type == "float32":
            with np.errstate(over="ignore"):
                return numbers.astype(np.float32)
        # JavaScript rounds halves up.
        return np.clip(np.floor(numbers + 0.5), -(2**31), 2**31 - 1).astype(np.int32)


class _Shards:
    """The shards of a group as one row of bytes."""

    def __init__(self, file: MappedFile, shards: list[MappedFile]):
        self._shards = shards
        self._charged = shards[0] if shards else file
        self.size = sum(shard.size for shard in shards)
        self._ends = np.cumsum([shard.size for shard in shards], dtype=np.int64)

    def charge(self, num_bytes: int) -> None:
        """Takes bytes off the allowance of the first shard, or of the JSON where there is none."""
        self._charged.charge(num_bytes)

    def take(self, at: int, count: int) -> bytes | memoryview:
        """Reads the bytes at..at + count: a view where they lie in one shard, else joined."""
        pieces = []
        number = int(np.searchsorted(self._ends, at, side="right"))
        while count:
            start = at - int(self._ends[number]) + self._shards[number].size
            piece = self._shards[number].view[start : start + count]
            pieces.append(piece)
            at, count, number = at + len(piece), count - len(piece), number + 1
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _groups(file):
    content = parse_json(file, bytes(file.view), what="it")
    groups = content.get("weightsManifest") if type(content) is dict else content
    if type(groups) is not list or not all(type(group) is dict for group in groups):
        raise file.refusal("holds no groups of weights (weightsManifest).")
    return groups


def _shard(file, path, known_paths):
    """Opens a shard; it lies in the JSON's folder or below."""
    if type(path) is not str or _OUTSIDE.search(path):
        raise file.refusal(
            f'names the shard "{printable(path, longest=80)}", which points outside.'
        )
    if path in known_paths:
        raise file.refusal(f'names the shard "{printable(path)}" twice.')
    known_paths.add(path)
    shard = pathlib.Path(file.path).parent / path
    if not os.path.exists(shard):
        raise file.refusal(
            f'names the shard "{printable(path)}", which is not beside it; copy all files.'
        )
    return MappedFile(shard)
