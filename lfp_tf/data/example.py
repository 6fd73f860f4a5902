"""`tf.train.Example` as bytes, written and read without TensorFlow.

`Example { Features features = 1 }`, `Features { map<string, Feature> feature = 1 }`, and a Feature
is one of `BytesList = 1`, `FloatList = 2` (packed), `Int64List = 3` (packed varints):
`tensorflow/core/example/feature.proto`.
"""

import struct

import numpy as np

from lfp_tf.errors import LfpError


def encode_example(features):
    """The serialized Example of a dictionary.

    Keys are written in alphabetic order, so that equal dictionaries give equal bytes.

    Args:
        features: {key: value}; a value is bytes, text, an integer, a float, or a list or array of
            one of these. Empty lists are written without a type, as an empty Feature.
    """
    entries = b"".join(
        _field(1, _field(1, key.encode()) + _field(2, _feature(features[key])))
        for key in sorted(features)
    )
    return _field(1, entries)


def decode_example(payload):
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
        return _field(1, b"".join(_field(1, item) for item in values))
    if isinstance(first, float):
        return _field(2, _field(1, struct.pack(f"<{len(values)}f", *values)))
    return _field(3, _field(1, b"".join(_varint(item & 0xFFFFFFFFFFFFFFFF) for item in values)))


def _as_list(value):
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    values = list(value) if isinstance(value, list | tuple) else [value]
    return [item.encode() if isinstance(item, str) else item for item in values]


def _field(number, payload):
    return bytes([number << 3 | 2]) + _varint(len(payload)) + payload


def _varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _entries(payload):
    for number, features in _parts(payload):
        if number != 1:
            continue
        for _, entry in _parts(features):
            fields = dict(_parts(entry))
            yield bytes(fields[1]).decode(), _values(fields.get(2, b""))


def _values(feature):
    for kind, content in _parts(memoryview(feature)):
        parts = [part for _, part in _parts(content)]
        if kind == 1:
            return [bytes(part) for part in parts]
        if kind == 2:
            return [value for part in parts for value in _floats(part)]
        return [_signed(value) for part in parts for value in _integers(part)]
    return []


def _floats(part):
    return struct.unpack(f"<{len(part) // 4}f", part)


def _integers(part):
    if isinstance(part, int):
        return [part]
    values, position = [], 0
    while position < len(part):
        value, position = _read_varint(part, position)
        values.append(value)
    return values


def _signed(value):
    return value - (1 << 64) if value >> 63 else value


def _parts(payload):
    """(field number, content): a view of bytes, or an integer for a varint."""
    position = 0
    while position < len(payload):
        key, position = _read_varint(payload, position)
        kind = key & 7
        if kind == 0:
            content, position = _read_varint(payload, position)
        else:
            if kind == 2:
                size, position = _read_varint(payload, position)
            else:
                size = {1: 8, 5: 4}.get(kind, -1)
            if size < 0 or position + size > len(payload):
                raise ValueError("no protocol buffer")
            content, position = payload[position : position + size], position + size
        yield key >> 3, content


def _read_varint(payload, position):
    value = shift = 0
    while True:
        byte = payload[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
        if shift > 63:
            raise ValueError("a varint of more than ten bytes")
