"""Our own interpreter of pickle opcodes (protocols 0 to 4): it builds plain values and runs nothing.

Python's unpickler can import and call anything. This one knows numbers, text, bytes, lists, tuples
and dictionaries; every other name is looked up in a list that the caller gives, and a name that is
not on it ends the reading at once, whether or not it would be called. What a name on the list gives
are functions of ours, never the ones the file means.
"""

import codecs
import dataclasses
import pickletools
import struct
import warnings

from lfp_tf.checkpoints.formats.mapped_file import printable

HIGHEST_PROTOCOL = 4
MOST_OPEN_MARKS = 200
# Strings and bytes from here on stay views of the file: the raw values of arrays, mostly.
LONG_BYTES = 1024
PUSH_BYTES, CONTAINER_BYTES, ENTRY_BYTES = 16, 64, 100
KEY_TYPES = (str, bytes, int, float, bool, type(None))

_NAMES = {ord(op.code): op.name for op in pickletools.opcodes}


@dataclasses.dataclass(frozen=True)
class Found:
    """A name that the list allows, with what it stands for here."""

    name: str
    value: object


class Buildable:
    """A value of ours that the opcode BUILD may give a state."""

    def build(self, state):
        """Takes the state; ValueError or TypeError where it is not what such a value needs."""
        raise NotImplementedError


def run_pickle(file, data, *, start=0, allowed, persistent=None):
    """Reads one pickle of plain values.

    Args:
        file: the MappedFile that refuses and counts.
        data: memoryview that holds the pickle.
        start: byte at which it begins.
        allowed: {(module, name): what it stands for}; a function is what REDUCE calls.
        persistent: function of a persistent id, None where the format has none.

    Returns:
        The value and the byte behind its STOP. Names are `Found`; Python 2's byte strings are
        read as latin-1 text; strings and bytes of 1 KiB and more that are not Unicode are
        memoryviews of `data`.

    Raises:
        LfpError: any name off the list (the sentence holds `module.name`), opcodes that plain
            values do not need, a damaged pickle, or one that costs more than the file allows.
    """
    machine = _Machine(file, data, start, allowed, persistent)
    try:
        return machine.run()
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, struct.error):
        file.damaged(f"its pickle makes no sense at byte {machine.at}")


class _Machine:
    def __init__(self, file, data, start, allowed, persistent):
        self.file, self.data, self.at = file, data, start
        self.allowed, self.persistent = allowed, persistent
        self.stack, self.marks, self.memo = [], [], {}

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
                self.file.refuse(
                    f"holds a pickle with the opcode {name}, which no checkpoint of arrays needs."
                )
            operation(self)
        self.file.damaged("its pickle breaks off")

    def push(self, value, cost=0):
        self.file.charge(PUSH_BYTES + cost)
        self.stack.append(value)

    def take(self, count):
        piece = self.data[self.at : self.at + count]
        if count < 0 or len(piece) != count:
            self.file.damaged("its pickle breaks off")
        self.at += count
        return piece

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self):
        start, width = self.at, 256
        while True:
            found = bytes(self.data[self.at : self.at + width]).find(b"\n")
            if found >= 0:
                piece = self.data[start : self.at + found]
                self.at += found + 1
                return piece
            self.at += width
            width *= 2
            if self.at >= len(self.data):
                self.file.damaged("its pickle breaks off")

    def mark(self):
        if len(self.marks) >= MOST_OPEN_MARKS:
            self.file.refuse(f"nests deeper than {MOST_OPEN_MARKS} levels; it is hostile.")
        self.marks.append(self.stack)
        self.stack = []

    def to_mark(self):
        items, self.stack = self.stack, self.marks.pop()
        return items

    def remember(self, index):
        if index not in self.memo:
            self.file.charge(ENTRY_BYTES)
        self.memo[index] = self.stack[-1]

    def text(self, piece, encoding="utf-8", errors="surrogatepass"):
        self.push(codecs.decode(piece, encoding, errors), CONTAINER_BYTES + 4 * len(piece))

    def raw(self, piece, as_text):
        if len(piece) >= LONG_BYTES:
            self.push(piece, 3 * CONTAINER_BYTES)
        elif as_text:
            self.push(str(piece, "latin-1"), CONTAINER_BYTES + len(piece))
        else:
            self.push(bytes(piece), CONTAINER_BYTES + len(piece))

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

    def last(self, count):
        if len(self.stack) < count:
            raise IndexError("stack")
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

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

    def dictionary(self, items):
        made = {}
        self.enter(made, items)
        self.push(made, CONTAINER_BYTES)

    def look_up(self, module, name):
        if type(module) is not str or type(name) is not str:
            raise TypeError("a name that is no text")
        if (module, name) not in self.allowed:
            self.file.refuse(
                f"asks for {printable(module)}.{printable(name)}, which is none of the names that a "
                "checkpoint of arrays needs; nothing of it was run, and if you trust it, save its "
                "arrays alone (a state_dict) with the program that wrote it."
            )
        return Found(f"{module}.{name}", self.allowed[module, name])

    def found_by_line(self):
        module, name = (str(self.line(), "utf-8") for _ in range(2))
        return self.look_up(module, name)

    def call(self, function, arguments):
        if type(function) is not Found or type(arguments) is not tuple:
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

    def build(self):
        target, state = self.last(2)
        if isinstance(target, Buildable):
            target.build(state)
        elif type(target) is not dict:  # An OrderedDict's state is torch's `_metadata`: unused.
            raise TypeError("a state for what has none")
        self.stack.append(target)

    def persist(self, identity):
        if self.persistent is None:
            self.file.refuse("refers to values outside its pickle where its format has none.")
        self.push(self.persistent(identity), 3 * CONTAINER_BYTES)

    def protocol(self):
        version = self.number("<B")
        if version > HIGHEST_PROTOCOL:
            self.file.refuse(f"holds a pickle of protocol {version}; 0 to 4 are read.")

    def frame(self):
        if self.number("<Q") > len(self.data) - self.at:
            self.file.damaged("its pickle breaks off")


def plain_key(key):
    """A key as a dictionary may have it: hashing it is quick and cannot recurse.

    Tuples could nest until the hash overflows the C stack; huge integers collide at will.
    """
    if not isinstance(key, KEY_TYPES) or (isinstance(key, int) and key.bit_length() > 64):
        raise TypeError("a key that is no short plain value")
    return key


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
        "u": lambda m: (items := m.to_mark(), m.enter(m.stack[-1], items)),
        "p": lambda m: m.remember(int(bytes(m.line()))),
        "q": lambda m: m.remember(m.number("<B")),
        "r": lambda m: m.remember(m.number("<I")),
        "\x94": lambda m: m.remember(len(m.memo)),
        "g": lambda m: m.push(m.memo[int(bytes(m.line()))]),
        "h": lambda m: m.push(m.memo[m.number("<B")]),
        "j": lambda m: m.push(m.memo[m.number("<I")]),
        "c": lambda m: m.push(m.found_by_line(), 3 * CONTAINER_BYTES),
        "\x93": lambda m: m.push(m.look_up(*m.last(2)), 3 * CONTAINER_BYTES),
        "i": lambda m: m.make(m.found_by_line(), m.to_mark()),
        "o": lambda m: (items := m.to_mark(), m.make(items[0], items[1:])),
        "R": _Machine.reduce,
        "\x81": _Machine.reduce,
        "\x92": _Machine.new_with_keywords,
        "b": _Machine.build,
        "P": lambda m: m.persist(str(m.line(), "ascii")),
        "Q": lambda m: m.persist(m.stack.pop()),
    }.items()
}
