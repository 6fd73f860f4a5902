"""The protobuf wire format: the fields of a message by number, without knowing its schema.

Messages are read from a view of bytes and written as bytes; nothing is generated from a schema.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

VARINT, FIXED64, LENGTH, GROUP_START, GROUP_END, FIXED32 = range(6)
LONGEST_VARINT = 10
MOST_OPEN_GROUPS = 100
_FIXED_BYTES = {FIXED64: 8, FIXED32: 4}


class Damaged(ValueError):
    """Bytes that are no message; the text says where and what is wrong."""


def field(number: int, content: bytes) -> bytes:
    """Encodes one field of length-delimited content."""
    return varint(number << 3 | LENGTH) + varint(len(content)) + content


def varint(value: int) -> bytes:
    """Encodes a whole number of 0 or more."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def fields(
    view: memoryview, start: int = 0, end: int | None = None, *, cut: bool = False
) -> Iterator[tuple[int, int, Any]]:
    """Walks the fields of the message in bytes `start` to `end`; groups are skipped whole.

    Args:
        view: bytes that hold the message.
        start, end: of the message; None is the view's end.
        cut: whether a field that goes beyond the end is given before it is refused.

    Yields:
        (number, wire type, value): a varint's number (unsigned), or the (start, end) of the bytes.
        Neighbours of one fixed-width field (numbers that were not packed) come as one: its bytes
        then hold a one-byte key before each but the first value, see `fixed_values`.

    Raises:
        Damaged: lengths beyond the end, groups that never close, numbers without end.
    """
    at, end = start, len(view) if end is None else end
    while at < end:
        key_start = at
        number, wire, at = _key(view, at, end)
        if wire == VARINT:
            value, at = _varint(view, at, end)
        elif wire == LENGTH:
            length, at = _varint(view, at, end)
            value = (at, at + length)
            at += length
        elif wire in _FIXED_BYTES:
            stop = at + _FIXED_BYTES[wire]
            if at - key_start == 1 and stop <= end:
                stop = _run_end(view, key_start, end, 1 + _FIXED_BYTES[wire])
            value, at = (at, stop), stop
        elif wire == GROUP_START:
            at = _skip_group(view, number, at, end)
            continue
        else:
            raise Damaged(f"its field {number} at byte {key_start} has no beginning")
        if at <= end or cut:
            yield number, wire, value
        if at > end:
            raise Damaged(f"its field {number} at byte {key_start} goes beyond the end")


def fixed_values(
    view: memoryview, span: tuple[int, int], dtype: np.dtype, *, packed: bool
) -> np.ndarray:
    """Reads the numbers of a field, packed or not, as a view of its bytes.

    Args:
        view: as of `fields`.
        span: (start, end) as `fields` gives it.
        dtype: little-endian numpy type of one number.
        packed: whether the wire type was LENGTH.
    """
    start, end = span
    if packed:
        if (end - start) % dtype.itemsize:
            raise Damaged(f"{end - start} bytes of numbers hold a broken one")
        return np.frombuffer(view[start:end], dtype)
    # The key before the first value belongs to the run.
    record = np.dtype([("key", "u1"), ("value", dtype)])
    return np.frombuffer(view[start - 1 : end], record)["value"]


def varints(view: memoryview, span: tuple[int, int]) -> Iterator[int]:
    """Reads the numbers of a packed field of varints, one after the other."""
    at, end = span
    while at < end:
        value, at = _varint(view, at, end)
        yield value


def _key(view, at, end):
    key, at = _varint(view, at, end)
    if not key >> 3:
        raise Damaged(f"there is no field 0, as at byte {at}")
    return key >> 3, key & 7, at


def _varint(view, at, end):
    value = 0
    for index in range(LONGEST_VARINT):
        if at >= end:
            raise Damaged("a number goes beyond the end, as in a file that was cut")
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at
    raise Damaged(f"a number at byte {at} has no end")


def _run_end(view, start, end, width):
    """Finds the end of the run of `width`-byte records that share their first byte.

    It reads ever larger pieces, so that many short runs stay as quick as one long.
    """
    key, at, piece = view[start], start, 16
    while True:
        count = min(piece, (end - at) // width)
        if not count:
            return at
        keys = np.frombuffer(view[at : at + count * width], np.uint8)[::width]
        other = np.flatnonzero(keys != key)
        if len(other):
            return at + int(other[0]) * width
        at += count * width
        piece *= 4


def _skip_group(view, number, at, end):
    """Finds the byte behind the group `number`, which began before `at`."""
    open_groups = [number]
    while open_groups:
        if at >= end:
            raise Damaged(f"its group {open_groups[-1]} never closes")
        inner, wire, at = _key(view, at, end)
        if wire == VARINT:
            _, at = _varint(view, at, end)
        elif wire == LENGTH:
            length, at = _varint(view, at, end)
            at += length
        elif wire in _FIXED_BYTES:
            at += _FIXED_BYTES[wire]
        elif wire == GROUP_START:
            open_groups.append(inner)
        elif wire != GROUP_END or open_groups.pop() != inner:
            raise Damaged(f"its group {inner} closes without a beginning")
        if len(open_groups) > MOST_OPEN_GROUPS:
            raise Damaged(f"it nests deeper than {MOST_OPEN_GROUPS} levels")
    return at
