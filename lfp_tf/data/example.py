"""`tf.train.Example` as bytes, written and read without TensorFlow.

`Example { Features features = 1 }`, `Features { map<string, Feature> feature = 1 }`, and a Feature
is one of `BytesList = 1`, `FloatList = 2` (packed), `Int64List = 3` (packed varints):
`tensorflow/core/example/feature.proto`.
"""

import struct
from typing import Any

import numpy as np

from lfp_tf.errors import LfpError
from lfp_tf.protobuf import LENGTH, VARINT, field, fields, fixed_values, varint, varints

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
    except (IndexError, ValueError, struct.error, UnicodeDecodeError, TypeError) as error:
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
    return [item.encode() if isinstance(item, str) else item for item in values]


def _entries(payload):
    for number, _, features in fields(payload):
        if number != 1:
            continue
        for _, _, entry in fields(payload, *features):
            pair = {part: span for part, _, span in fields(payload, *entry)}
            yield bytes(payload[slice(*pair[1])]).decode(), _values(payload, pair.get(2, (0, 0)))


def _values(payload, feature):
    for kind, _, span in fields(payload, *feature):
        parts = list(fields(payload, *span))
        if kind == 1:
            return [bytes(payload[slice(*part)]) for _, _, part in parts]
        if kind == 2:
            return [value for _, wire, part in parts for value in _floats(payload, wire, part)]
        return [_signed(value) for _, wire, part in parts for value in _whole(payload, wire, part)]
    return []


def _floats(payload, wire, part):
    return fixed_values(payload, part, _FLOAT, packed=wire == LENGTH).tolist()


def _whole(payload, wire, part):
    return [part] if wire == VARINT else varints(payload, part)


def _signed(value):
    return value - (1 << 64) if value >> 63 else value
