"""Our own interpreter of pickle opcodes, protocols 0 to 4: it builds values and runs nothing.

Python's unpickler can import and call anything. This one knows numbers, text, bytes, lists, tuples
and dictionaries; every other name is looked up in a list that the caller gives, and a name that is
not on it ends the reading at once, whether or not it would be called. What a name on the list gives
are our own functions, never the ones the file means.
"""

import _compat_pickle
import codecs
import pickletools
import struct
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.checkpoints.formats.pickle_stack import (
    CONTAINER_BYTES,
    ENTRY_BYTES,
    AllowedName,
    Buildable,
    PickleStack,
    plain_key,
)
from lfp_tf.errors import printable

HIGHEST_PROTOCOL = 4
_NAMES = {ord(op.code): op.name for op in pickletools.opcodes}


def run_pickle(
    file: MappedFile,
    data: memoryview,
    *,
    start: int = 0,
    allowed: Mapping[tuple[str, str], Any],
    persistent: Callable[[Any], Any] | None = None,
) -> tuple[Any, int]:
    """Reads one pickle of plain values.

    Args:
        file: refuses and counts.
        data: holds the pickle.
        start: byte at which it begins.
        allowed: {(module, name): what it stands for}; a function is what REDUCE calls.
        persistent: function of a persistent id, None where the format has none.

    Returns:
        The value and the byte behind its STOP. Names are `AllowedName`; Python 2's byte strings
        are read as latin-1 text; strings and bytes of 1 KiB and more that are not Unicode are
        memoryviews of `data`.

    Raises:
        LfpError: any name off the list (the sentence holds `module.name`), opcodes that plain
            values do not need, a damaged pickle, or one that costs more than the file allows.
    """
    machine = _Machine(file, data, start, allowed, persistent)
    try:
        return machine.run()
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, struct.error):
        raise file.damage(f"its pickle makes no sense at byte {machine.at}")


class _Machine(PickleStack):
    def __init__(self, file, data, start, allowed, persistent):
        super().__init__(file, data, start)
        self.allowed, self.persistent = allowed, persistent

    def run(self):
        data, table, end = self.data, _OPCODES, len(self.data)
        while self.at < end:
            code = data[self.at]
            self.at += 1
            if code == _STOP:
                value = self.stack.pop()
                if self.stack or self.marks:
                    raise ValueError("values left over")
                return value, self.at
            operation = table.get(code)
            if operation is None:
                name = _NAMES.get(code, f"{code:#04x}")
                raise self.file.refusal(
                    f"holds a pickle with the opcode {name}, which no checkpoint of arrays needs."
                )
            operation(self)
        raise self.file.damage("its pickle breaks off")

    def quoted(self):
        piece = bytes(self.line()).strip()
        if len(piece) < 2 or piece[:1] != piece[-1:] or piece[:1] not in b"'\"":
            raise ValueError("no quotes")
        self.file.charge(2 * len(piece))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            self.raw(memoryview(codecs.escape_decode(piece[1:-1])[0]), as_text=True)

    def integer(self):
        piece = bytes(self.line())
        if piece in (b"00", b"01"):
            self.push(piece == b"01")
        else:
            self.push(int(piece.rstrip(b"L")), CONTAINER_BYTES)

    def long(self, form):
        count = self.number(form)
        piece = self.take(count)
        self.push(int.from_bytes(piece, "little", signed=True), CONTAINER_BYTES + 2 * count)

    def tuple(self, items):
        self.push(tuple(items), CONTAINER_BYTES + 8 * len(items))

    def extend(self, items):
        if type(self.stack[-1]) is not list:
            raise TypeError("no list")
        self.stack[-1].extend(items)

    def enter(self, target, items):
        if type(target) is not dict or len(items) % 2:
            raise TypeError("no dictionary")
        self.file.charge(ENTRY_BYTES * (len(items) // 2))
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[plain_key(key)] = value

    def enter_to_mark(self):
        items = self.to_mark()
        self.enter(self.stack[-1], items)

    def dictionary(self, items):
        made = {}
        self.enter(made, items)
        self.push(made, CONTAINER_BYTES)

    def look_up(self, module, name):
        if type(module) is not str or type(name) is not str:
            raise TypeError("a name that is no text")
        if (module, name) not in self.allowed:
            raise self.file.refusal(
                f"asks for {_shown(module, name)}, which is none of the names that a checkpoint of "
                "arrays needs; nothing of it was run, and if you trust it, save its arrays alone "
                "(a state_dict) with the program that wrote it."
            )
        return AllowedName(f"{module}.{name}", self.allowed[module, name])

    def look_up_lines(self):
        module, name = (str(self.line(), "utf-8") for _ in range(2))
        return self.look_up(module, name)

    def call(self, function, arguments):
        if type(function) is not AllowedName or type(arguments) is not tuple:
            raise TypeError("a call of what is no name")
        if not callable(function.value):
            raise TypeError("a call of what is no function")
        return function.value(*arguments)

    def reduce(self):
        function, arguments = self.last(2)
        self.push(self.call(function, arguments), 3 * CONTAINER_BYTES)

    def new_with_keywords(self):
        function, arguments, keywords = self.last(3)
        if keywords != {}:
            raise TypeError("keywords")
        self.push(self.call(function, arguments), 3 * CONTAINER_BYTES)

    def make(self, function, arguments):
        self.push(self.call(function, tuple(arguments)), 3 * CONTAINER_BYTES)

    def make_to_mark(self):
        function, *arguments = self.to_mark()
        self.make(function, arguments)

    def build(self):
        target, state = self.last(2)
        if isinstance(target, Buildable):
            target.build(state)
        elif type(target) is not dict:  # An OrderedDict's state is torch's `_metadata`: unused.
            raise TypeError("a state for what has none")
        self.stack.append(target)

    def persist(self, identity):
        if self.persistent is None:
            raise self.file.refusal(
                "refers to values outside its pickle where its format has none."
            )
        self.push(self.persistent(identity), 3 * CONTAINER_BYTES)

    def protocol(self):
        version = self.number("<B")
        if version > HIGHEST_PROTOCOL:
            raise self.file.refusal(f"holds a pickle of protocol {version}; 0 to 4 are read.")

    def frame(self):
        if self.number("<Q") > len(self.data) - self.at:
            raise self.file.damage("its pickle breaks off")


def _shown(module, name):
    """A name as the file has it, and as Python 3 would where it says Python 2's."""
    usual = (_compat_pickle.IMPORT_MAPPING.get(module, module), name)
    module_now, name_now = _compat_pickle.NAME_MAPPING.get((module, name), usual)
    text = f"{printable(module)}.{printable(name)}"
    if (module_now, name_now) == (module, name):
        return text
    return f"{text} ({module_now}.{name_now} of Python 3)"


_STOP = ord(".")
_OPCODES = {
    ord(code): operation
    for code, operation in {
        "\x80": _Machine.protocol,
        "\x95": _Machine.frame,
        "(": _Machine.mark,
        "0": lambda m: m.stack.pop() if m.stack else m.to_mark(),
        "1": _Machine.to_mark,
        "2": lambda m: m.push(m.stack[-1]),
        "N": lambda m: m.push(None),
        "\x88": lambda m: m.push(True),
        "\x89": lambda m: m.push(False),
        "I": _Machine.integer,
        "L": _Machine.integer,
        "K": lambda m: m.push(m.number("<B")),
        "M": lambda m: m.push(m.number("<H"), 32),
        "J": lambda m: m.push(m.number("<i"), 32),
        "\x8a": lambda m: m.long("<B"),
        "\x8b": lambda m: m.long("<i"),
        "F": lambda m: m.push(float(bytes(m.line())), 32),
        "G": lambda m: m.push(m.number(">d"), 32),
        "S": _Machine.quoted,
        "T": lambda m: m.raw(m.take(m.number("<i")), as_text=True),
        "U": lambda m: m.raw(m.take(m.number("<B")), as_text=True),
        "B": lambda m: m.raw(m.take(m.number("<I")), as_text=False),
        "C": lambda m: m.raw(m.take(m.number("<B")), as_text=False),
        "\x8e": lambda m: m.raw(m.take(m.number("<Q")), as_text=False),
        "V": lambda m: m.text(m.line(), "raw-unicode-escape", "strict"),
        "X": lambda m: m.text(m.take(m.number("<I"))),
        "\x8c": lambda m: m.text(m.take(m.number("<B"))),
        "\x8d": lambda m: m.text(m.take(m.number("<Q"))),
        "]": lambda m: m.push([], CONTAINER_BYTES),
        "}": lambda m: m.push({}, CONTAINER_BYTES),
        ")": lambda m: m.push(()),
        "l": lambda m: m.push(m.to_mark(), CONTAINER_BYTES),
        "d": lambda m: m.dictionary(m.to_mark()),
        "t": lambda m: m.tuple(m.to_mark()),
        "\x85": lambda m: m.tuple(m.last(1)),
        "\x86": lambda m: m.tuple(m.last(2)),
        "\x87": lambda m: m.tuple(m.last(3)),
        "a": lambda m: m.extend(m.last(1)),
        "e": lambda m: m.extend(m.to_mark()),
        "s": lambda m: m.enter(m.stack[-3], m.last(2)),
        "u": _Machine.enter_to_mark,
        "p": lambda m: m.remember(int(bytes(m.line()))),
        "q": lambda m: m.remember(m.number("<B")),
        "r": lambda m: m.remember(m.number("<I")),
        "\x94": lambda m: m.remember(len(m.memo)),
        "g": lambda m: m.push(m.memo[int(bytes(m.line()))]),
        "h": lambda m: m.push(m.memo[m.number("<B")]),
        "j": lambda m: m.push(m.memo[m.number("<I")]),
        "c": lambda m: m.push(m.look_up_lines(), 3 * CONTAINER_BYTES),
        "\x93": lambda m: m.push(m.look_up(*m.last(2)), 3 * CONTAINER_BYTES),
        "i": lambda m: m.make(m.look_up_lines(), m.to_mark()),
        "o": _Machine.make_to_mark,
        "R": _Machine.reduce,
        "\x81": _Machine.reduce,
        "\x92": _Machine.new_with_keywords,
        "b": _Machine.build,
        "P": lambda m: m.persist(str(m.line(), "ascii")),
        "Q": lambda m: m.persist(m.stack.pop()),
    }.items()
}
