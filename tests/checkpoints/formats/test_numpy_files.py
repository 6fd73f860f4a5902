import io
import pickle
import zipfile

import numpy as np
import pytest

from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.checkpoints.formats.numpy_files import read_npy_dictionary, read_npz
from lfp_tf.errors import LfpError

MATRIX = np.arange(6, dtype="f4").reshape(2, 3)
HEADER = (
    b"\x93NUMPY\x01\x00v\x00"
    + b"{'descr': '|O', 'fortran_order': False, 'shape': (), }".ljust(117)
    + b"\n"
)


def npy(tmp_path, value, protocol=4):
    path = tmp_path / "a.npy"
    array = np.empty((), object)
    array[()] = value
    path.write_bytes(HEADER + pickle.dumps(array, protocol))
    return path


def read(path):
    return read_npy_dictionary(MappedFile(path))


@pytest.mark.parametrize("protocol", range(5))
def test_layer_and_leaf_in_every_protocol(tmp_path, protocol):
    layers = {
        "conv": {
            "weights": MATRIX,
            "turned": np.asfortranarray(MATRIX),
            "big": MATRIX.astype(">f8"),
        },
        "bn": {
            "mean": np.array(3, "f4"),
            "bool": np.array([True, False]),
            "i": np.arange(3),
        },
    }
    got = read(npy(tmp_path, layers, protocol))
    assert list(got) == [f"{a}/{b}" for a, leaves in layers.items() for b in leaves]
    for name, values in got.items():
        expected = layers[name.split("/")[0]][name.split("/")[1]]
        np.testing.assert_array_equal(values, expected)
        assert values.dtype == expected.dtype.newbyteorder("=") and values.shape == expected.shape


def test_lists_count_and_other_values_are_left_out(tmp_path):
    got = read(
        npy(
            tmp_path,
            {
                "nets": [{"w": MATRIX}, {"w": MATRIX}],
                "step": 3,
                "s": np.float32(2),
                "t": np.array("x"),
            },
        )
    )
    assert list(got) == ["nets/0/w", "nets/1/w"]


def test_object_array_that_holds_a_list(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"w": MATRIX}, {"v": MATRIX}], object), allow_pickle=True)
    assert list(read(tmp_path / "a.npy")) == ["0/w", "1/v"]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"a": print}, "builtins.print"),
        ({"a": np.ones(2, "c8")}, '"c8"'),
        ({"a": np.ones(2, "M8[s]")}, "M8|Timestamp|datetime|makes no sense"),
        ({"a": np.zeros(2, [("x", "f4")])}, '"V4"|makes no sense'),
        ({"a": 1}, "no dictionary of arrays"),
        ({"a/b": MATRIX, "a": {"b": MATRIX}}, 'two arrays of the name "a/b"'),
    ],
)
def test_what_is_no_dictionary_of_numbers(tmp_path, value, told):
    with pytest.raises(LfpError, match=told):
        read(npy(tmp_path, value))


def test_array_without_a_name(tmp_path):
    np.save(tmp_path / "a.npy", MATRIX)
    with pytest.raises(LfpError, match="one array without a name"):
        read(tmp_path / "a.npy")


def test_second_pickle(tmp_path):
    path = npy(tmp_path, {"a": MATRIX})
    path.write_bytes(path.read_bytes() + pickle.dumps(print, 0))
    with pytest.raises(LfpError, match="second pickle"):
        read(path)


@pytest.mark.parametrize(
    ("old", "new"), [(b"K\x02K\x03\x86", b"K\x02K\x04\x86"), (b"K\x02K\x03\x86", b"K\xffK\xff\x86")]
)
def test_inner_shape_that_does_not_fit(tmp_path, old, new):
    path = npy(tmp_path, {"a": MATRIX})
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(LfpError, match="has 24 bytes"):
        read(path)


@pytest.mark.parametrize("method", [np.savez, np.savez_compressed])
def test_npz_keeps_names_types_and_shapes(tmp_path, method):
    arrays = {
        "a/b": MATRIX,
        "c": MATRIX.T,
        "d": np.array(7),
        "e": MATRIX.astype(">f2"),
        "f": np.array([True]),
    }
    method(tmp_path / "a.npz", text=np.array(["x", "yy"]), bytes=np.array(b"x"), **arrays)
    got = read_npz(MappedFile(tmp_path / "a.npz"))
    assert list(got) == list(arrays)
    for name, expected in arrays.items():
        np.testing.assert_array_equal(got[name], expected)
        assert got[name].shape == expected.shape
        assert got[name].dtype == expected.dtype.newbyteorder("=")


def test_npz_with_objects_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", a=MATRIX, b=np.array([print], object))
    with pytest.raises(LfpError, match='"b" of type "O"'):
        read_npz(MappedFile(tmp_path / "a.npz"))


def test_npz_of_structures_and_of_nothing(tmp_path):
    np.savez(tmp_path / "a.npz", b=np.zeros(2, [("x", "f4")]))
    with pytest.raises(LfpError, match='"b" of type'):
        read_npz(MappedFile(tmp_path / "a.npz"))
    np.savez(tmp_path / "b.npz", text=np.array("x"))
    with pytest.raises(LfpError, match="no arrays of numbers"):
        read_npz(MappedFile(tmp_path / "b.npz"))


def test_npz_bomb(tmp_path, peak_of):
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(10 << 20, "f4"))

    def attempt():
        with pytest.raises(LfpError, match="far more than"):
            read_npz(MappedFile(tmp_path / "a.npz"))

    assert peak_of(attempt) < 4 << 20


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2, -3), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999, 99999999999999, 0, 1), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2 3), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (__import__('os').getpid(),), }",
        "(" * 9000,
        "{'descr': '<f4'}",
    ],
)
def test_headers_that_lie(tmp_path, header):
    text = header.encode() + b"\n"
    member = b"\x93NUMPY\x02\x00" + len(text).to_bytes(4, "little") + text + MATRIX.tobytes()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.npy", member)
    (tmp_path / "a.npz").write_bytes(stream.getvalue())
    with pytest.raises(LfpError, match="damaged"):
        read_npz(MappedFile(tmp_path / "a.npz"))
