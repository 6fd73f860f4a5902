import json

import numpy as np
import pytest

from lfp_tf.checkpoints.formats.safetensors import write_safetensors
from lfp_tf.checkpoints.read import identify, read_checkpoint
from lfp_tf.errors import LfpError


def write(path, header, data=b""):
    """Writes a file whose header is `header`: bytes, or what JSON makes of it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def entry(begin=0, end=8, *, dtype="F32", shape=(2,)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


CODES = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?"]


def test_what_is_written_reads_back_bit_for_bit(tmp_path):
    draw = np.random.RandomState(0)
    arrays = {f"layer/{code}": draw.randint(0, 2, (3, 5)).astype(code) for code in CODES}
    arrays |= {"scalar": np.array(7, "i8"), "empty": np.zeros((0, 3), "f4")}
    arrays |= {"turned": draw.rand(2, 3).astype("f4").T, "other order": draw.rand(3).astype(">f4")}
    path = tmp_path / "weights.pth"
    write_safetensors(path, arrays, {"program": "lfp_tf"})
    got = read_checkpoint(path)
    assert identify(path) == "safetensors" and set(got) == set(arrays)
    for name, array in arrays.items():
        assert got[name].dtype == array.dtype.newbyteorder("=") and got[name].shape == array.shape
        assert got[name].tobytes() == np.asarray(array, got[name].dtype, order="C").tobytes()


def test_the_layout_is_the_documented_one(tmp_path):
    path = tmp_path / "a.safetensors"
    write_safetensors(path, {"a": np.array([1, 2], "f4")}, {"k": "v"})
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    assert header == {"__metadata__": {"k": "v"}, "a": entry()} and length % 8 == 0
    assert data[8 + length :] == np.array([1, 2], "<f4").tobytes()


def test_bfloat16_is_the_upper_half_of_float32(tmp_path):
    raw = np.array([0x3F80, 0xC000, 0x4049], "<u2").tobytes()  # 1, -2, 3.140625
    path = write(tmp_path / "a", {"a": entry(0, 6, dtype="BF16", shape=(3,))}, raw)
    got = read_checkpoint(path)["a"]
    assert got.dtype == np.float32 and got.tolist() == [1, -2, 3.140625]


EIGHT = bytes(8)
DAMAGED = {
    "header breaks off": (b'{"a": 1}'[:4], EIGHT[:0], "is no JSON"),
    "no object": (b'{"a"}', EIGHT, "its header is no JSON"),
    "a name twice": (
        b'{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},'
        b'"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}',
        b"",
        "its header is no JSON",
    ),
    "cut": ({"a": entry()}, EIGHT[:5], "need 8 bytes, but 5 are there"),
    "more behind": ({"a": entry()}, EIGHT + b"x", "1 bytes behind its last array"),
    "overlap": ({"a": entry(), "b": entry(4, 12)}, EIGHT + EIGHT[:4], '"b" lies over another'),
    "the same place": ({"a": entry(), "b": entry()}, EIGHT, '"b" lies over another'),
    "gap": ({"a": entry(), "b": entry(12, 20)}, bytes(20), '"b" lies behind a gap'),
    "turned round": ({"a": entry(8, 0)}, EIGHT, '"a" in its header makes no sense'),
    "negative": ({"a": entry(-8, 0)}, EIGHT, '"a" in its header makes no sense'),
    "no numbers": ({"a": entry(0.0, 8.0)}, EIGHT, '"a" in its header makes no sense'),
    "other size": ({"a": entry(shape=(3,))}, EIGHT, '"a" has another size than its shape'),
    "huge": ({"a": entry(0, 2**70, shape=(2**39, 2**39))}, EIGHT, "makes no sense"),
    "negative shape": ({"a": entry(shape=(-2,))}, EIGHT, "makes no sense"),
    "other keys": ({"a": entry() | {"code": "x"}}, EIGHT, "makes no sense"),
    "no entry": ({"a": 3}, EIGHT, "makes no sense"),
    "unknown type": ({"a": entry(dtype="F8_E4M3")}, EIGHT, 'of type "F8_E4M3"; read are F64'),
    "a list for a type": ({"a": entry(dtype=["F32"])}, EIGHT, "read are F64"),
    "control characters": ({"a\x1b[2J": entry(dtype="x")}, EIGHT, r'"a\\x1b\[2J" of type "x"'),
    "nothing": ({"__metadata__": {"k": "v"}}, b"", "holds no arrays"),
    "deep": (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b"", "nests too deeply|far more"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_and_hostile_files_are_one_sentence(tmp_path, name):
    header, data, told = DAMAGED[name]
    path = write(tmp_path / "a.safetensors", header, data)
    with pytest.raises(LfpError, match=told) as error:
        read_checkpoint(path)
    assert path.name in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("length", "told"),
    [(1000, "its header breaks off"), (100_000_001, "has a header of 100000001 bytes")],
)
def test_lengths_of_a_header_that_is_not_there(tmp_path, length, told):
    (tmp_path / "a").write_bytes(length.to_bytes(8, "little") + b'{"a":')
    with pytest.raises(LfpError, match=told):
        read_checkpoint(tmp_path / "a")


def test_texts_beside_the_arrays_are_texts(tmp_path):
    path = write(tmp_path / "a", {"__metadata__": {"k": 1}, "a": entry()}, EIGHT)
    with pytest.raises(LfpError, match="holds more than texts"):
        read_checkpoint(path)


def test_many_empty_arrays_stay_within_the_allowance(tmp_path, peak_of):
    header = {f"{number:x}": entry(0, 0, shape=(0,)) for number in range(100_000)}
    path = write(tmp_path / "a", header)

    def read():
        with pytest.raises(LfpError, match="far more than"):
            read_checkpoint(path)

    assert peak_of(read) < 16 * path.stat().st_size
