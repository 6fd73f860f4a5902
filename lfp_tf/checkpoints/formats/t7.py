"""Torch 7's `.t7` files: numbers, texts, tables, tensors, and objects read as tables.

Functions are Lua bytecode: they are passed over and never run. Tables refer to each other in
circles, so nothing here recurses (torch/torch7 `File.lua`, `readObject`).
"""

import collections
import dataclasses
import re
import struct
from typing import Any

import numpy as np

from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.checkpoints.formats.nested import VISIT_BYTES
from lfp_tf.checkpoints.formats.numpy_pickle import MOST_AXES, num_elements
from lfp_tf.checkpoints.formats.strides import strided
from lfp_tf.checkpoints.formats.torch import BARE_TENSOR
from lfp_tf.errors import printable

NIL, NUMBER, TEXT, TABLE, OBJECT, BOOLEAN, FUNCTION = range(7)
# Functions that may be their own upvalues, as old and new versions write them.
NUMBERED_FUNCTIONS = (7, 8)
TYPES = {
    "Double": "<f8",
    "Float": "<f4",
    "Half": "<f2",
    "Long": "<i8",
    "Int": "<i4",
    "Short": "<i2",
    "Char": "<i1",
    "Byte": "<u1",
}
# Torch's objects are numbered from 1, and the first one is the whole file.
_START = re.compile(rb"[\x03\x04\x07\x08]\0\0\0\x01\0\0\0", re.DOTALL)
_START_OF_TEXT = re.compile(rb"[3478]\n1\n")
_ARRAY_CLASS = re.compile(rf"torch\.(?:Cuda)?({'|'.join(TYPES)})?(Tensor|Storage)")
_VALUE_BYTES, _OBJECT_BYTES, _TEXT_BYTES = 80, 400, 80


@dataclasses.dataclass(eq=False, slots=True)
class Table:
    """A Lua table, or the fields of an object.

    Attributes:
        kind: class of the object, "" of a table.
        pairs: (key, value) in the file's order; a key may be a table, too.
    """

    kind: str = ""
    pairs: list[tuple[Any, Any]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(eq=False, slots=True)
class Function:
    """In place of a function, which is passed over."""


@dataclasses.dataclass(eq=False, slots=True)
class Storage:
    """The elements that tensors see."""

    elements: np.ndarray


@dataclasses.dataclass(eq=False, slots=True)
class Tensor:
    """A view of a storage, which follows in the file; offset and strides count elements."""

    dtype: np.dtype
    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    storage: Any = None


def is_t7(file: MappedFile) -> bool:
    """Tells whether a file begins with the tag and the number of Torch's first object."""
    start = bytes(file.view[:8])
    return bool(_START.match(start) or _START_OF_TEXT.match(start))


def read_t7(file: MappedFile) -> dict[str, np.ndarray]:
    """Reads the tensors of a `.t7` by their path: keys joined with `/`, lists from 1 as in Lua.

    A tensor that lies in several places gets its shortest path; a tensor that stands alone is
    called `tensor`. Tensors without axes, which are empty in Torch 7, are left out.

    Args:
        file: the `.t7`.

    Raises:
        LfpError: a class that is written in a way of its own, or sizes that do not fit.
    """
    top = parse_t7(file)
    if type(top) is Tensor:
        return {BARE_TENSOR: _array(file, top)}
    arrays = {}
    # Breadth first, as a graph of modules leads to each of them along many ways.
    waiting, known = collections.deque([("", top)]), set()
    while waiting:
        path, value = waiting.popleft()
        if type(value) not in (Table, Tensor) or id(value) in known:
            continue
        file.charge(VISIT_BYTES)
        known.add(id(value))
        if type(value) is Table:
            for key, inner in value.pairs:
                name = _text(key)
                if name is not None and type(inner) in (Table, Tensor):
                    file.charge(VISIT_BYTES + len(path) + len(name))
                    waiting.append((f"{path}/{name}" if path else name, inner))
        elif value.size:
            if path in arrays:
                raise file.refusal(f'holds two arrays of the name "{printable(path)}".')
            arrays[path] = _array(file, value)
    if not arrays:
        raise file.refusal("holds no tensors.")
    return arrays


def parse_t7(file: MappedFile) -> Any:
    """Reads the one object of a `.t7`.

    Returns:
        float, str, bool, None, `Table`, `Tensor`, `Storage` or `Function`.

    Raises:
        LfpError: as `read_t7`.
    """
    if _START_OF_TEXT.match(file.view[:8]):
        raise file.refusal(
            'is a .t7 in text form; load it in Torch 7 and save it again without "ascii".'
        )
    try:
        return _Parser(file).run()
    except (struct.error, ValueError):
        raise file.damage("it breaks off, or its sizes make no sense")


@dataclasses.dataclass(slots=True)
class _Pairs:
    """Takes key, value, key, value, ... for a table."""

    table: Table
    missing: int
    key: Any = None

    def take(self, value):
        """Keeps a key for the value behind it."""
        if self.missing % 2:  # One is missing no more: this is a key.
            self.key = value
        else:
            self.table.pairs.append((self.key, value))


@dataclasses.dataclass(slots=True)
class _One:
    """Takes one value: an object's fields, a tensor's storage, a function's upvalues, the top."""

    owner: Any
    missing: int = 1

    def take(self, value):
        """Puts the value where it belongs."""
        if type(self.owner) is list:
            self.owner.append(value)
        elif type(self.owner) is Table:
            # The list is shared: it fills when the table's own pairs are read.
            self.owner.pairs = value.pairs
        elif type(self.owner) is Tensor:
            self.owner.storage = value


class _Parser:
    """Walks through the file with a stack of its own."""

    def __init__(self, file: MappedFile):
        self._file, self._at = file, 0
        self._objects: dict[int, Any] = {}
        self._waiting: list[_Pairs | _One] = []

    def run(self) -> Any:
        """Reads the object that the file is."""
        top = []
        self._waiting.append(_One(top))
        while self._waiting:
            receiver = self._waiting[-1]
            if not receiver.missing:
                self._waiting.pop()
                continue
            receiver.missing -= 1
            value = self._value()
            if type(receiver) is _One and not _fits(receiver.owner, value):
                raise ValueError("another object than was told")
            receiver.take(value)
        if self._at != self._file.size:
            raise self._file.refusal(
                f"goes on for {self._file.size - self._at} bytes behind its object; it is hostile."
            )
        return top[0]

    def _value(self):
        """Reads a value; what is inside it is read afterwards, by what is put on the stack."""
        self._file.charge(_VALUE_BYTES)
        (tag,) = self._numbers("i")
        if tag == NIL:
            return None
        if tag == NUMBER:
            return self._numbers("d")[0]
        if tag == BOOLEAN:
            return bool(self._numbers("i")[0])
        if tag == TEXT:
            return self._text()
        if tag == FUNCTION:
            return self._function()
        if tag not in (TABLE, OBJECT, *NUMBERED_FUNCTIONS):
            raise self._file.damage(f"it holds a value of the unknown type {tag}")
        (number,) = self._numbers("i")
        if number < 1:
            raise ValueError("an object without a number")
        if number not in self._objects:
            self._file.charge(_OBJECT_BYTES)
            self._new(tag, number)
        return self._objects[number]

    def _new(self, tag, number):
        if tag == TABLE:
            (count,) = self._numbers("i")
            if count < 0:
                raise ValueError("a table of less than nothing")
            table = self._objects[number] = Table()
            self._waiting.append(_Pairs(table, 2 * count))
        elif tag == OBJECT:
            self._objects[number] = self._object()
        else:
            self._objects[number] = self._function()

    def _function(self):
        (length,) = self._numbers("i")
        self._bytes(length)
        function = Function()
        self._waiting.append(_One(function))
        return function

    def _object(self):
        kind = self._text()
        if re.fullmatch(r"V \d+", kind):  # The version, which old files lack.
            kind = self._text()
        array = _ARRAY_CLASS.fullmatch(kind)
        if array:
            dtype = np.dtype(TYPES[array[1] or "Float"])  # `torch.CudaTensor` has no such word.
            return self._tensor(dtype) if array[2] == "Tensor" else self._storage(dtype)
        if kind.startswith(("torch.", "tds.")):
            raise self._file.refusal(
                f'holds an object of the class "{printable(kind, longest=60)}", which is written '
                "in a way of its own; save the network alone."
            )
        table = Table(kind)
        self._waiting.append(_One(table))
        return table

    def _tensor(self, dtype):
        (axes,) = self._numbers("i")
        if not 0 <= axes <= MOST_AXES:
            raise ValueError("a tensor of that many axes")
        size, stride = self._numbers(f"{axes}q"), self._numbers(f"{axes}q")
        offset = self._numbers("q")[0] - 1
        num_elements(size)
        # An empty tensor begins at 0, too.
        if any(not 0 <= step < 1 << 40 for step in (*stride, offset + (not axes))):
            raise ValueError("no tensor")
        tensor = Tensor(dtype, size, stride, offset)
        self._waiting.append(_One(tensor))
        return tensor

    def _storage(self, dtype):
        (count,) = self._numbers("q")
        return Storage(np.frombuffer(self._bytes(count * dtype.itemsize), dtype))

    def _text(self):
        (length,) = self._numbers("i")
        raw = self._bytes(length)
        self._file.charge(_TEXT_BYTES + length)
        return str(raw, "latin-1")

    def _numbers(self, form):
        form = f"<{form}"
        values = struct.unpack_from(form, self._file.view, self._at)
        self._at += struct.calcsize(form)
        return values

    def _bytes(self, length):
        if not 0 <= length <= self._file.size - self._at:
            raise ValueError("more bytes than are left")
        start, self._at = self._at, self._at + length
        return self._file.view[start : self._at]


def _fits(owner, value):
    """Whether a value may be an object's fields or a tensor's storage."""
    if type(owner) is Table:
        return type(value) is Table
    return type(owner) is not Tensor or value is None or type(value) is Storage


def _array(file, tensor):
    elements = np.empty(0, tensor.dtype) if tensor.storage is None else tensor.storage.elements
    if elements.dtype != tensor.dtype:
        raise file.damage("a tensor has another type than its storage")
    if not tensor.size:
        return np.empty(0, tensor.dtype)
    values = strided(file, elements, offset=tensor.offset, size=tensor.size, stride=tensor.stride)
    return np.array(values, dtype=tensor.dtype.newbyteorder("="), order="C")


def _text(key):
    """A key in a path; None of what is no name (tables, booleans, fractions)."""
    if type(key) is float and key.is_integer():
        return str(int(key))
    return key if type(key) is str else None
