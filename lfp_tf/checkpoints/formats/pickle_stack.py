"""The state of a pickle interpreter: its offset in the bytes, its stack, its marks and its memo.

Everything put on the stack or into the memo is charged to the file's allowance, a little above what
Python takes for it, so that a pickle cannot build more than its file allows.
"""

import abc
import codecs
import dataclasses
import struct
from collections.abc import Callable
from typing import Any

from lfp_tf.checkpoints.formats.mapped_file import MappedFile

MOST_OPEN_MARKS = 200
# Strings and bytes from here on stay views of the file: the raw values of arrays, mostly.
LONG_BYTES = 1024
PUSH_BYTES, CONTAINER_BYTES, ENTRY_BYTES = 16, 64, 100
KEY_TYPES = (str, bytes, int, float, bool, type(None))


@dataclasses.dataclass(frozen=True)
class AllowedName:
    """A name of the list that the caller gives, with what it stands for here."""

    name: str
    value: Any


class Buildable(abc.ABC):
    """One of our values that the opcode BUILD may give a state."""

    @abc.abstractmethod
    def build(self, state: Any) -> None:
        """Takes the state; ValueError or TypeError where it is not what such a value needs."""


class PickleStack:
    """Bytes being read and the values made of them so far."""

    def __init__(self, file: MappedFile, data: memoryview, start: int):
        self.file, self.data, self.at = file, data, start
        self.stack: list[Any] = []
        self.marks: list[list] = []
        self.memo: dict[int, Any] = {}

    def push(self, value: Any, cost: int = 0) -> None:
        """Puts a value on the stack; `cost` is its memory in bytes beyond the stack's entry."""
        self.file.charge(PUSH_BYTES + cost)
        self.stack.append(value)

    def take(self, count: int) -> memoryview:
        """Reads the next `count` bytes, as a view."""
        piece = self.data[self.at : self.at + count]
        if count < 0 or len(piece) != count:
            raise self.file.damage("its pickle breaks off")
        self.at += count
        return piece

    def number(self, form: str) -> Any:
        """Reads the next number, in the form of `struct`."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> memoryview:
        """Reads the bytes up to the next end of line, as a view."""
        start, width = self.at, 256
        while True:
            end = bytes(self.data[self.at : self.at + width]).find(b"\n")
            if end >= 0:
                piece = self.data[start : self.at + end]
                self.at += end + 1
                return piece
            self.at += width
            width *= 2
            if self.at >= len(self.data):
                raise self.file.damage("its pickle breaks off")

    def mark(self) -> None:
        """Begins a container; what follows is its content."""
        if len(self.marks) >= MOST_OPEN_MARKS:
            raise self.file.refusal(f"nests deeper than {MOST_OPEN_MARKS} levels; it is hostile.")
        self.marks.append(self.stack)
        self.stack = []

    def to_mark(self) -> list:
        """Ends the innermost container and gives its content."""
        items, self.stack = self.stack, self.marks.pop()
        return items

    def remember(self, index: int) -> None:
        """Puts the last value into the memo."""
        if index not in self.memo:
            self.file.charge(ENTRY_BYTES)
        self.memo[index] = self.stack[-1]

    def text(
        self, piece: memoryview, encoding: str = "utf-8", errors: str = "surrogatepass"
    ) -> None:
        """Puts Unicode text on the stack."""
        self.push(codecs.decode(piece, encoding, errors), CONTAINER_BYTES + 4 * len(piece))

    def raw(self, piece: memoryview, as_text: bool) -> None:
        """Puts bytes on the stack, as latin-1 text where Python 2 had a `str`."""
        if len(piece) >= LONG_BYTES:
            self.push(piece, 3 * CONTAINER_BYTES)
        elif as_text:
            self.push(str(piece, "latin-1"), CONTAINER_BYTES + len(piece))
        else:
            self.push(bytes(piece), CONTAINER_BYTES + len(piece))

    def last(self, count: int) -> list:
        """Takes the last `count` values off the stack."""
        if len(self.stack) < count:
            raise IndexError("stack")
        items = self.stack[-count:]
        del self.stack[-count:]
        return items


def plain_key(key: Any) -> Any:
    """Refuses a key unless hashing it is quick and cannot recurse; returns it.

    Tuples could nest until the hash overflows the C stack; huge integers collide at will.
    """
    if not isinstance(key, KEY_TYPES) or (isinstance(key, int) and key.bit_length() > 64):
        raise TypeError("a key that is no short plain value")
    return key


def ordered_dictionary(file: MappedFile) -> Callable[..., dict]:
    """Gives what stands for `collections.OrderedDict` here: a function of pairs to a dictionary.

    Python 2 gives the items as lists of two; Python 3 puts them in afterwards.
    """

    def dictionary(pairs=()):
        if type(pairs) not in (tuple, list):
            raise TypeError("no items")
        file.charge(ENTRY_BYTES * len(pairs))
        return {plain_key(key): value for key, value in pairs}

    return dictionary
