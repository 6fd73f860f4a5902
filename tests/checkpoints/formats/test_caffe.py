import struct
import time

import numpy as np
import pytest

from lfp_tf.checkpoints.formats.caffe import is_caffe, read_caffe
from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.errors import LfpError


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def block(field, content):
    return varint(field << 3 | 2) + varint(len(content)) + content


def shape(*sizes):
    return block(7, block(1, b"".join(map(varint, sizes))))


def floats(values):
    return block(5, np.asarray(values, "<f4").tobytes())


def layer(name, *blobs, extra=b""):
    return block(100, block(1, name.encode()) + extra + b"".join(block(7, blob) for blob in blobs))


def old_layer(name, *blobs):
    return block(
        2, b"".join(block(6, blob) for blob in blobs) + block(4, name.encode()) + number(5, 4)
    )


def read(tmp_path, data):
    path = tmp_path / "net.caffemodel"
    path.write_bytes(data)
    return read_caffe(MappedFile(path))


def refused(tmp_path, data, told):
    with pytest.raises(LfpError, match=told) as error:
        read(tmp_path, data)
    assert "net.caffemodel" in str(error.value)


def test_both_generations_in_one_file(tmp_path):
    old_bias = number(1, 1) + number(2, 1) + number(3, 1) + number(4, 3) + floats([1, 2, 3])
    data = (
        block(1, b"net")
        + old_layer("old", old_bias)
        + layer("new", shape(2) + floats([4, 5]))
        + layer("relu")
    )
    got = read(tmp_path, data)
    assert {name: values.tolist() for name, values in got.items()} == {
        "old:0": [[[[1, 2, 3]]]],
        "new:0": [4, 5],
    }


def test_packed_loose_and_mixed_floats(tmp_path):
    loose = b"".join(b"\x2d" + struct.pack("<f", n) for n in range(1000))
    blob = floats([7]) + loose + floats([8, 9]) + b"\x2d" + struct.pack("<f", 10)
    got = read(tmp_path, layer("a", shape(1004) + blob))
    np.testing.assert_array_equal(got["a:0"], [7, *range(1000), 8, 9, 10])


def test_doubles_and_halves_keep_their_type(tmp_path):
    doubles = shape(2) + block(8, np.array([1, 2], "<f8").tobytes())
    loose = shape(2) + b"".join(b"\x41" + struct.pack("<d", n) for n in (3, 4))
    halves = number(10, 2) + block(12, np.array([1, 0.5], "<f2").tobytes()) + shape(1, 2)
    got = read(tmp_path, layer("a", doubles, loose, halves))
    assert [values.dtype.str for values in got.values()] == ["<f8", "<f8", "<f2"]
    assert [values.tolist() for values in got.values()] == [[1, 2], [3, 4], [[1, 0.5]]]


def test_sizes_one_by_one_and_a_scalar(tmp_path):
    loose = block(7, number(1, 2) + number(1, 1)) + floats([1, 2])
    got = read(tmp_path, layer("a", loose, block(7, b"") + floats([5])))
    assert got["a:0"].shape == (2, 1) and got["a:1"].shape == ()


def test_third_blob_of_batch_norm_is_left_as_it_is(tmp_path):
    got = read(tmp_path, layer("bn", *(shape(1) + floats([n]) for n in (3, 5, 999.98))))
    assert got["bn:2"] == np.float32(999.98)


def test_other_fields_are_skipped_by_their_wire_type(tmp_path):
    group = varint(300 << 3 | 3) + number(1, 5) + block(9, b"xx") + varint(300 << 3 | 4)
    strange = number(150, 2**63) + block(149, b"\xff" * 9) + varint(148 << 3 | 1) + bytes(8) + group
    clash = number(12, 3) + number(7, 3) + block(6, b"\x01")  # Fields of other forks.
    data = strange + layer("a", clash + shape(1) + floats([2]), extra=strange) + strange
    assert read(tmp_path, data)["a:0"].tolist() == [2]


@pytest.mark.parametrize(
    ("blob", "told"),
    [
        (shape(3) + floats([1, 2]), "2 values for the shape"),
        (shape(2**40, 2**40) + floats([1]), "1 values for the shape"),
        (shape(2**64 - 1) + floats([1]), "1 values for the shape"),
        (shape(*[1] * 40) + floats([1]), "axes"),
        (shape(2), "0 values for the shape"),
        (shape(1) + block(5, b"abc"), "broken"),
        (shape(1) + number(10, 3) + block(12, bytes(4)), "raw type 3"),
    ],
)
def test_blobs_that_do_not_fit(tmp_path, blob, told):
    refused(tmp_path, layer("a", blob), told)


GOOD = layer("a", shape(1) + floats([2]))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (GOOD + block(100, b"abc")[:-1], "goes beyond the end"),
        (GOOD + b"\x0a" + b"\xff" * 9 + b"\x01", "beyond the end"),
        (GOOD + b"\x08" + b"\xff" * 30, "has no end"),
        (GOOD + b"\x0b" + b"\x08\x01" * 9, "never closes"),
        (GOOD + b"\x0b" * 100_000, "nests deeper"),
        (GOOD + b"\x0b\x14", "without a beginning"),
        (GOOD + b"\x0c", "no beginning"),
        (GOOD + b"\x00\x01", "no field 0"),
        (GOOD + b"\x0f", "no beginning"),
        (GOOD + GOOD, 'layer "a" twice'),
        (layer("a") + layer("b"), "without weights"),
        (block(100, block(1, b"\xff\xfe") + block(7, shape(1) + floats([2]))), "no text"),
    ],
)
def test_hostile_files(tmp_path, data, told):
    refused(tmp_path, data, told)


def test_every_cut_is_seen(tmp_path):
    data = layer("a", shape(2, 3) + floats(range(6)))
    for length in range(2, len(data)):
        refused(tmp_path, data[:length], "damaged")


@pytest.mark.parametrize(
    "blob", [b"\x3a\x04\x3a\x02\x08\x00", b"\x3a\x00"], ids=["no values", "shape alone"]
)
def test_a_million_small_blobs_cost_no_more_than_16_files(tmp_path, peak_of, blob):
    data = block(100, block(1, b"a") + blob * 200_000)

    def attempt():
        with pytest.raises(LfpError):
            read(tmp_path, data)

    assert peak_of(attempt) < 16 * len(data) + (2 << 20)


def test_short_runs_of_loose_floats_take_linear_time(tmp_path):
    mixed = (b"\x2d" + bytes(4) + b"\x48\x01") * 50_000
    start = time.process_time()
    with pytest.raises(LfpError):
        read(tmp_path, layer("a", shape(50_000) + mixed))
    assert time.process_time() - start < 5


@pytest.mark.parametrize("data", [b"\x89PNG", b"{}", b"\x0a\x03net", b"\x08\x01" + GOOD])
def test_other_content_is_no_network(tmp_path, data):
    path = tmp_path / "x"
    path.write_bytes(data)
    assert not is_caffe(MappedFile(path))
