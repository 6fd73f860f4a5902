"""The protobuf wire format: the fields of a message by number, without knowing its schema."""

import numpy as np

VARINT, FIXED64, LENGTH, GROUP_START, GROUP_END, FIXED32 = range(6)
LONGEST_VARINT = 10
MOST_OPEN_GROUPS = 100
_FIXED_BYTES = {FIXED64: 8, FIXED32: 4}


def fields(file, start, end, *, cut=False):
    """Walks the fields of the message in bytes `start` to `end`; groups are skipped whole.

    With `cut`, a field that goes beyond the end is given before it is refused.

    Yields:
        (number, wire type, value): a varint's number (unsigned), or the (start, end) of the bytes.
        Neighbours of one fixed-width field (numbers that were not packed) come as one: its bytes
        then hold a one-byte key before each but the first value, see `fixed_values`.

    Raises:
        LfpError: lengths beyond the end, groups that never close, numbers without end.
    """
    view, at = file.view, start
    while at < end:
        key_start = at
        number, wire, at = _key(file, at, end)
        if wire == VARINT:
            value, at = _varint(file, at, end)
        elif wire == LENGTH:
            length, at = _varint(file, at, end)
            value = (at, at + length)
            at += length
        elif wire in _FIXED_BYTES:
            stop = at + _FIXED_BYTES[wire]
            if at - key_start == 1 and stop <= end:
                stop = _run_end(view, key_start, end, 1 + _FIXED_BYTES[wire])
            value, at = (at, stop), stop
        elif wire == GROUP_START:
            at = _skip_group(file, number, at, end)
            continue
        else:
            raise file.damage(f"its field {number} at byte {key_start} has no beginning")
        if at <= end or cut:
            yield number, wire, value
        if at > end:
            raise file.damage(f"its field {number} at byte {key_start} goes beyond the end")


def fixed_values(file, span, dtype, *, packed):
    """The numbers of a field, packed or not, as a view of the file.

    Args:
        file: the MappedFile.
        span: (start, end) as `fields` gives it.
        dtype: little-endian numpy type of one number.
        packed: whether the wire type was LENGTH.
    """
    start, end = span
    if packed:
        if (end - start) % dtype.itemsize:
            raise file.damage(f"{end - start} bytes of numbers hold a broken one")
        return np.frombuffer(file.view[start:end], dtype)
    # The key before the first value belongs to the run.
    record = np.dtype([("key", "u1"), ("value", dtype)])
    return np.frombuffer(file.view[start - 1 : end], record)["value"]


def varints(file, span):
    """The numbers of a packed field of varints, one by one."""
    at, end = span
    while at < end:
        value, at = _varint(file, at, end)
        yield value


def _key(file, at, end):
    key, at = _varint(file, at, end)
    if not key >> 3:
        raise file.damage(f"there is no field 0, as at byte {at}")
    return key >> 3, key & 7, at


def _varint(file, at, end):
    view, value = file.view, 0
    for index in range(LONGEST_VARINT):
        if at >= end:
            raise file.damage("a number goes beyond the end, as in a file that was cut")
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at
    raise file.damage(f"a number at byte {at} has no end")


def _run_end(view, start, end, width):
    """Where the run of `width`-byte records that share their first byte stops.

    Looks at ever larger pieces, so that many short runs stay as quick as one long.
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


def _skip_group(file, number, at, end):
    """The byte behind the group `number`, which began before `at`."""
    open_groups = [number]
    while open_groups:
        if at >= end:
            raise file.damage(f"its group {open_groups[-1]} never closes")
        inner, wire, at = _key(file, at, end)
        if wire == VARINT:
            _, at = _varint(file, at, end)
        elif wire == LENGTH:
            length, at = _varint(file, at, end)
            at += length
        elif wire in _FIXED_BYTES:
            at += _FIXED_BYTES[wire]
        elif wire == GROUP_START:
            open_groups.append(inner)
        elif wire != GROUP_END or open_groups.pop() != inner:
            raise file.damage(f"its group {inner} closes without a beginning")
        if len(open_groups) > MOST_OPEN_GROUPS:
            raise file.refusal(f"nests deeper than {MOST_OPEN_GROUPS} levels; it is hostile.")
    return at
