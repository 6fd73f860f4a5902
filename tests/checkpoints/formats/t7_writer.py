"""Writes Torch 7's `.t7` files, since the tests have no Torch."""

import dataclasses
import struct
import sys

import numpy as np

KINDS = {"f8": "Double", "f4": "Float", "i8": "Long", "i4": "Int", "i2": "Short", "u1": "Byte"}


@dataclasses.dataclass(eq=False)
class Object:
    """An object of a Lua class with its fields."""

    kind: str
    fields: dict


@dataclasses.dataclass(eq=False)
class Function:
    """A Lua function: bytecode and the table of its upvalues."""

    code: bytes
    upvalues: dict


def integer(value):
    return struct.pack("<i", value)


def text(value):
    raw = value.encode("latin-1") if isinstance(value, str) else value
    return integer(len(raw)) + raw


def tensor_class(kind, number):
    return integer(4) + integer(number) + text("V 1") + text(kind)


class Writer:
    """Numbers what it writes: a value that comes again is a reference."""

    def __init__(self):
        self._numbers = {}
        self._kept = []

    def _number(self, value):
        """(its number, whether it is new)."""
        is_new = id(value) not in self._numbers
        self._kept.append(value)  # An address is not given to another value meanwhile.
        return self._numbers.setdefault(id(value), len(self._numbers) + 1), is_new

    def write(self, value):
        if value is None:
            return integer(0)
        if isinstance(value, bool):
            return integer(5) + integer(value)
        if isinstance(value, (int, float)):
            return integer(1) + struct.pack("<d", value)
        if isinstance(value, (str, bytes)):
            return integer(2) + text(value)
        tag = 3 if isinstance(value, (dict, list)) else 8 if isinstance(value, Function) else 4
        number, is_new = self._number(value)
        head = integer(tag) + integer(number)
        return head + self._body(value) if is_new else head

    def _body(self, value):
        if isinstance(value, list):
            value = dict(enumerate(value, 1))
        if isinstance(value, dict):
            pairs = b"".join(self.write(key) + self.write(inner) for key, inner in value.items())
            return integer(len(value)) + pairs
        if isinstance(value, Function):
            return text(value.code) + self.write(value.upvalues)
        if isinstance(value, Object):
            return text("V 1") + text(value.kind) + self.write(value.fields)
        return self._tensor(value)

    def _tensor(self, values):
        # Views share what numpy says they are a view of.
        storage = values if values.base is None else values.base
        kind, size = KINDS[values.dtype.str[1:]], values.itemsize
        offset = (values.ctypes.data - storage.ctypes.data) // size + 1
        steps = [step // size for step in values.strides]
        place = struct.pack(f"<i{2 * values.ndim + 1}q", values.ndim, *values.shape, *steps, offset)
        number, is_new = self._number(storage := _Storage.of(storage, self._kept))
        head = integer(4) + integer(number)
        if is_new:
            raw = storage.values.tobytes()
            count = struct.pack("<q", storage.values.size)
            head += text("V 1") + text(f"torch.{kind}Storage") + count + raw
        return text("V 1") + text(f"torch.{kind}Tensor") + place + head


@dataclasses.dataclass(eq=False)
class _Storage:
    values: np.ndarray

    @classmethod
    def of(cls, values, kept):
        """The one storage of an array, among what was written."""
        made = (each for each in kept if isinstance(each, cls) and each.values is values)
        return next(made, cls(values))


def write_t7(path, value):
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)  # A graph's chain of nodes is as deep as the network.
    try:
        path.write_bytes(Writer().write(value))
    finally:
        sys.setrecursionlimit(limit)
    return path
