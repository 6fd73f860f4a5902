"""The framing and the protocol buffer agree with TensorFlow's own, byte for byte."""

import gzip

import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.data.example import decode_example, encode_example
from lfp_tf.data.tfrecord import crc32c, frame, payload_at, scan
from lfp_tf.errors import LfpError
from lfp_tf.protobuf import field, varint

SIZES = (0, 1, 3, 4, 5, 127, 128, 129, 255, 1000, 40_001)


def payloads():
    random = np.random.RandomState(0)
    return [random.bytes(size) for size in SIZES]


def write(path, contents):
    path.write_bytes(b"".join(map(frame, contents)))
    return path


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_checksums_of_rfc_3720(data, expected):
    assert crc32c(data) == expected


def test_files_equal_those_of_tensorflow(tmp_path):
    ours = write(tmp_path / "ours", payloads())
    with tf.io.TFRecordWriter(str(tmp_path / "theirs")) as writer:
        for payload in payloads():
            writer.write(payload)
    assert ours.read_bytes() == (tmp_path / "theirs").read_bytes()


def test_scanned_spans_hold_the_payloads(tmp_path):
    path = write(tmp_path / "a", payloads())
    assert [payload_at(path, *span, number=0) for span in scan(path).tolist()] == payloads()
    assert scan(write(tmp_path / "b", [])).shape == (0, 2)


@pytest.mark.parametrize("cut", [1, 4, 10])
def test_cut_files_are_refused_by_name(tmp_path, cut):
    path = write(tmp_path / "a.tfrecord", [b"first", b"second"])
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(LfpError, match=r"a\.tfrecord is cut short after 1 whole records"):
        scan(path)


def test_a_cut_header_is_refused(tmp_path):
    path = write(tmp_path / "a", [b"first", b"second"])
    path.write_bytes(path.read_bytes()[: 5 + 16 + 7])
    with pytest.raises(LfpError, match="damaged or cut short after 1 whole records"):
        scan(path)


def test_foreign_files_are_refused_by_name(tmp_path):
    (tmp_path / "a").write_bytes(b"nothing of the sort, but long enough for a header")
    with pytest.raises(LfpError, match="is no TFRecord file"):
        scan(tmp_path / "a")
    (tmp_path / "b").write_bytes(gzip.compress(frame(b"x")))
    with pytest.raises(LfpError, match="compressed with gzip"):
        scan(tmp_path / "b")


def test_a_changed_length_is_found(tmp_path):
    path = write(tmp_path / "a", [b"12345678", bytes(100)])
    content = bytearray(path.read_bytes())
    content[8 + 16] -= 1
    content.pop()
    path.write_bytes(bytes(content))
    with pytest.raises(LfpError, match="damaged or cut short after 1 whole records"):
        scan(path)


def test_a_changed_byte_is_found(tmp_path):
    path = write(tmp_path / "a", [b"12345678"])
    content = bytearray(path.read_bytes())
    content[14] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(LfpError, match="record 4 cannot be read, or its checksum does not agree"):
        payload_at(path, 12, 8, number=4)


FEATURES = {
    "bytes": b"\x00\xff",
    "text": "words",
    "number": 129,
    "numbers": [1, -2, 1 << 40],
    "floats": [0.5, -2.0],
    "many": [b"a", b"", b"b"],
    "array": np.array([0.25, 1.0], np.float32),
    "none": [],
}
DECODED = {
    "bytes": [b"\x00\xff"],
    "text": [b"words"],
    "number": [129],
    "numbers": [1, -2, 1 << 40],
    "floats": [0.5, -2.0],
    "many": [b"a", b"", b"b"],
    "array": [0.25, 1.0],
    "none": [],
}


def test_examples_are_read_by_tensorflow():
    feature = tf.train.Example.FromString(encode_example(FEATURES)).features.feature
    assert list(feature["numbers"].int64_list.value) == [1, -2, 1 << 40]
    assert list(feature["floats"].float_list.value) == [0.5, -2.0]
    assert list(feature["many"].bytes_list.value) == [b"a", b"", b"b"]
    assert feature["none"].WhichOneof("kind") is None


def test_examples_of_tensorflow_are_read():
    theirs = tf.train.Example.FromString(encode_example(FEATURES)).SerializeToString()
    assert decode_example(theirs) == DECODED == decode_example(encode_example(FEATURES))


@pytest.mark.parametrize("payload", [b"\x0a\xff", b"\xff" * 12, b"\x0b", b"\x0a\x02\x0a\x7f"])
def test_no_example_is_refused(payload):
    with pytest.raises(LfpError, match=r"no tf\.train\.Example"):
        decode_example(payload)


def entry(key, value):
    return field(1, field(1, key + value))


@pytest.mark.parametrize(
    "payload",
    [
        # A varint of a billion where bytes belong: as key, as value, in a list, as a list.
        field(1, field(1, varint(1 << 3) + varint(10**9))),
        field(1, field(1, field(1, b"a") + varint(2 << 3) + varint(10**9))),
        entry(field(1, b"a"), field(2, field(1, varint(1 << 3) + varint(10**9)))),
        entry(field(1, b"a"), field(2, varint(1 << 3) + varint(10**9))),
        varint(1 << 3) + varint(10**9),
        # No key; no text as key; floats of five bytes.
        entry(b"", field(2, field(1, field(1, b"x")))),
        entry(field(1, b"\xff"), b""),
        entry(field(1, b"a"), field(2, field(2, field(1, bytes(5))))),
        entry(field(1, b"a"), field(2, field(2, varint(1 << 3) + b"\1"))),
    ],
)
def test_malformed_examples_are_one_sentence_and_small(payload, peak_of):
    def read():
        with pytest.raises(LfpError, match=r"holds bytes that are no tf\.train\.Example\."):
            decode_example(payload)

    assert peak_of(read) < 1 << 20
