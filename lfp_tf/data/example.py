"""`tf.train.Example` as bytes, written and read without TensorFlow.

`Example { Features features = 1 }`, `Features { map<string, Feature> feature = 1 }`, and a Feature
is one of `BytesList = 1`, `FloatList = 2` (packed), `Int64List = 3` (packed varints):
`tensorflow/core/example/feature.proto`.
"""

import struct
from typing import Any

import numpy as np

from lfp_tf.errors import LfpError
from lfp_tf.protobuf import (
    FIXED32,
    LENGTH,
    VARINT,
    Damaged,
    field,
    fields,
    fixed_values,
    varint,
    varints,
)

_FLOAT = np.dtype("<f4")


def encode_example(features: dict[str, Any]) -> bytes:
    """The serialized Example of a dictionary.

    Keys are written in alphabetic order, so that equal dictionaries give equal bytes.

    Args:
        features: {key: value}; a value is bytes, text, an integer, a float, or a list or array of
            one of these. Empty lists are written without a type, as an empty Feature.
    """
    entries = b"".join(
        field(1, field(1, key.encode()) + field(2, _feature(features[key])))
        for key in sorted(features)
    )
    return field(1, entries)


def decode_example(payload: bytes) -> dict[str, list[Any]]:
    """The dictionary of a serialized Example: {key: list of bytes, int or float}.

    Raises:
        LfpError: the bytes are no Example.
    """
    try:
        return dict(_entries(memoryview(payload)))
    except (ValueError, IndexError) as error:
        raise LfpError("A record holds bytes that are no tf.train.Example.") from error


def _feature(value):
    values = _as_list(value)
    if not values:
        return b""
    first = values[0]
    if isinstance(first, bytes):
        return field(1, b"".join(field(1, item) for item in values))
    if isinstance(first, float):
        return field(2, field(1, struct.pack(f"<{len(values)}f", *values)))
    return field(3, field(1, b"".join(varint(item & 0xFFFFFFFFFFFFFFFF) for item in values)))


def _as_list(value) -> list[Any]:
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    values = list(value) if isinstance(value, list | tuple) else [value]
    return [_encoded(item) if isinstance(item, str) else item for item in values]


def _encoded(text):
    """UTF-8; of names that are none the other bytes are written out."""
    return text.encode(errors="backslashreplace")


def _entries(payload):
    for features in _messages(payload, None, number=1):
        for entry in _messages(payload, features, number=1):
            keys = list(_messages(payload, entry, number=1))
            values = list(_messages(payload, entry, number=2))
            if len(keys) != 1 or len(values) > 1:
                raise Damaged("an entry has not one key and one value")
            key = bytes(payload[slice(*keys[0])]).decode()
            yield key, _values(payload, values[0]) if values else []


def _messages(view, span, *, number):
    """(start, end) of each field `number` of the message at `span`, the whole view for None."""
    for field_number, wire, value in fields(view, *(span or ())):
        if field_number == number:
            yield _checked(wire, value)


def _checked(wire, value):
    if wire != LENGTH:
        raise Damaged("a number stands where bytes belong")
    return value


def _values(payload, feature):
    for kind, wire, span in fields(payload, *feature):
        if kind not in (1, 2, 3):
            continue
        parts = [part for part in fields(payload, *_checked(wire, span)) if part[0] == 1]
        if kind == 1:
            return [bytes(payload[slice(*_checked(wire, part))]) for _, wire, part in parts]
        if kind == 2:
            return [value for _, wire, part in parts for value in _floats(payload, wire, part)]
        return [_signed(value) for _, wire, part in parts for value in _whole(payload, wire, part)]
    return []


def _floats(payload, wire, part):
    if wire not in (LENGTH, FIXED32):
        raise Damaged("something else stands where floats belong")
    return fixed_values(payload, part, _FLOAT, packed=wire == LENGTH).tolist()


def _whole(payload, wire, part):
    return [part] if wire == VARINT else varints(payload, _checked(wire, part))


def _signed(value):
    return value - (1 << 64) if value >> 63 else value
