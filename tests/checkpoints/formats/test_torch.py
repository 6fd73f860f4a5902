import pickle

import numpy as np
import pytest
from checkpoints.formats import torch_writer as write

from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.checkpoints.formats.torch import read_torch
from lfp_tf.checkpoints.read import read_checkpoint
from lfp_tf.errors import LfpError

VALUES = np.arange(12, dtype="f4")


def read(path):
    return read_torch(MappedFile(path))


def write_both(tmp_path, pickled, storages):
    return [
        write.write_zip(tmp_path / "a.pth", pickled, storages),
        write.write_legacy(tmp_path / "b.pth", pickled, storages),
    ]


def test_views_of_one_storage_in_both_containers(tmp_path):
    stored = write.storage("0", "Float", 12)
    entries = {
        "all": write.tensor(stored, 0, (3, 4), (4, 1)),
        "turned": write.tensor(stored, 0, (4, 3), (1, 4)),
        "middle": write.tensor(stored, 5, (2, 2), (4, 1)),
        "scalar": write.tensor(stored, 7, (), ()),
        "repeated": write.tensor(stored, 2, (3, 2), (0, 1)),
        "empty": write.tensor(stored, 12, (0, 3), (3, 1)),
        "axis of one": write.tensor(stored, 11, (1, 1), (99, 99)),
    }
    for path in write_both(tmp_path, write.dictionary(entries), {"0": VALUES}):
        got = read(path)
        matrix = VALUES.reshape(3, 4)
        assert list(got) == list(entries)
        np.testing.assert_array_equal(got["all"], matrix)
        np.testing.assert_array_equal(got["turned"], matrix.T)
        np.testing.assert_array_equal(got["middle"], [[5, 6], [9, 10]])
        assert got["scalar"].shape == () and got["scalar"] == 7
        np.testing.assert_array_equal(got["repeated"], [[2, 3]] * 3)
        assert got["empty"].shape == (0, 3)
        np.testing.assert_array_equal(got["axis of one"], [[11]])
        assert all(values.flags.c_contiguous and values.flags.writeable for values in got.values())


@pytest.mark.parametrize("code", ["f4", "f8", "f2", "i8", "i4", "i2", "i1", "u1", "?"])
def test_types_stay(tmp_path, code):
    kind = {"i4": "Int", "i2": "Short", "i1": "Char"} | write.KINDS
    values = np.array([0, 1, 1, 0, 1], code)
    pickled = write.dictionary({"a": write.whole("0", values, kind[code])})
    for path in write_both(tmp_path, pickled, {"0": values}):
        assert read(path)["a"].dtype == values.dtype
        np.testing.assert_array_equal(read(path)["a"], values)


def test_bfloat16_is_the_upper_half_of_float32(tmp_path):
    raw = np.array([0x3F80, 0xC000, 0x4049, 0x7F80], "<u2")  # 1, -2, 3.140625, infinity
    pickled = write.dictionary(
        {"a": write.tensor(write.storage("0", "BFloat16", 4), 0, (4,), (1,))}
    )
    for path in write_both(tmp_path, pickled, {"0": raw}):
        assert read(path)["a"].dtype == np.float32
        np.testing.assert_array_equal(read(path)["a"], [1, -2, 3.140625, np.inf])


@pytest.mark.parametrize("key", ["state_dict", "model"])
def test_content_under_its_key_alone(tmp_path, key):
    inner = write.dictionary({"module.w": write.whole("0", VALUES)})[2:-1]
    optimizer = b"}" + b"J\x01\x00\x00\x00" + write.whole("1", VALUES) + b"s"
    pickled = write.dictionary({"epoch": b"K\x07", key: inner, "optimizer": optimizer})
    for path in write_both(tmp_path, pickled, {"0": VALUES, "1": VALUES}):
        assert list(read_checkpoint(path)) == ["module.w"]


def test_dictionaries_of_python_2_give_their_items_as_lists(tmp_path):
    items = b"".join(b"](" + write.text(key) + write.whole("0", VALUES) + b"e" for key in "ab")
    ordered = b"ccollections\nOrderedDict\n](" + items + b"e\x85R"
    state = b"}" + write.text("_metadata") + b"Nsb"
    for pickled in (b"\x80\x02" + ordered + b".", b"\x80\x02" + ordered + state + b"."):
        for path in write_both(tmp_path, pickled, {"0": VALUES}):
            assert list(read(path)) == ["a", "b"]
            np.testing.assert_array_equal(read(path)["b"], VALUES)


@pytest.mark.parametrize("items", [b"K\x05", b"](K\x05e", b"](](K\x05ee", b"](](](eK\x05ee", b"}"])
def test_items_that_are_none(tmp_path, items):
    pickled = b"\x80\x02ccollections\nOrderedDict\n" + items + b"\x85R."
    with pytest.raises(LfpError, match="makes no sense"):
        read(write.write_zip(tmp_path / "a.pth", pickled, {}))


def test_nested_lists_count_and_bare_tensors_have_a_name(tmp_path):
    leaf = write.whole("0", VALUES)
    path = write.write_zip(
        tmp_path / "a.pth",
        b"\x80\x02](" + leaf + b"}" + write.text("k") + leaf + b"se.",
        {"0": VALUES},
    )
    assert list(read(path)) == ["0", "1/k"]
    path = write.write_zip(tmp_path / "b.pth", b"\x80\x02" + leaf + b".", {"0": VALUES})
    assert list(read(path)) == ["tensor"]


def test_old_rebuild_and_parameters(tmp_path):
    old = (
        b"ctorch._utils\n_rebuild_tensor\n("
        + write.storage("0", "Float", 12)
        + b"K\x01K\x03\x85K\x02\x85tR"
    )
    parameter = b"ctorch._utils\n_rebuild_parameter\n(" + write.whole("0", VALUES) + b"\x88}tR"
    for path in write_both(tmp_path, write.dictionary({"o": old, "p": parameter}), {"0": VALUES}):
        np.testing.assert_array_equal(read(path)["o"], [1, 3, 5])
        np.testing.assert_array_equal(read(path)["p"], VALUES)


def test_legacy_storage_that_is_a_view(tmp_path):
    view = b"(" + write.text("v") + b"K\x04K\x03t"
    pickled = write.dictionary(
        {"a": write.tensor(write.storage("0", "Float", 12, view), 1, (2,), (1,))}
    )
    path = write.write_legacy(tmp_path / "a.pth", pickled, {"0": VALUES})
    np.testing.assert_array_equal(read(path)["a"], [5, 6])


GOOD = write.dictionary({"a": write.whole("0", VALUES)})


def a_tensor(offset=0, size=(12,), stride=(1,), count=12, kind="Float"):
    return write.dictionary(
        {"a": write.tensor(write.storage("0", kind, count), offset, size, stride)}
    )


HOSTILE = {
    "offset beyond": (a_tensor(offset=1), "outside its storage"),
    "stride beyond": (a_tensor(stride=(2,)), "outside its storage"),
    "negative offset": (a_tensor(offset=-1), "makes no sense"),
    "negative stride": (a_tensor(stride=(-1,)), "makes no sense"),
    "negative size": (a_tensor(size=(-12,)), "makes no sense"),
    "huge by repeating": (a_tensor(size=(2**30, 2**20), stride=(0, 0)), "far more than"),
    "product overflows": (a_tensor(size=(2**30,) * 8, stride=(0,) * 8), "makes no sense"),
    "strides missing": (a_tensor(stride=()), "makes no sense"),
    "storage too long": (a_tensor(count=13), "storage"),
    "storage negative": (a_tensor(count=-1), "makes no sense"),
    "other type": (a_tensor(kind="Double"), "storage"),
    "complex": (a_tensor(kind="ComplexFloat"), "torch.ComplexFloatStorage"),
    "quantised": (a_tensor(kind="QInt8"), "torch.QInt8Storage"),
    "sparse": (
        b"\x80\x02ctorch._utils\n_rebuild_sparse_tensor\n.",
        "torch._utils._rebuild_sparse_tensor",
    ),
    "module": (b"\x80\x02cmodel.pspnet\nPSPNet\n)\x81.", "model.pspnet.PSPNet"),
    "decoys, then a call": (GOOD[:-1] + b"0cos\nsystem\n.", "os.system"),
    "no tensors": (write.dictionary({"epoch": b"K\x07"}), "holds no tensors"),
    "call of a storage class": (b"\x80\x02ctorch\nFloatStorage\n)R.", "makes no sense"),
    "list in itself": (b"\x80\x02]q\x00h\x00a.", "nests deeper"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_content_is_refused_in_both_containers(tmp_path, name):
    pickled, told = HOSTILE[name]
    storages = {"0": VALUES} if b"storage" in pickled else {}
    for path in write_both(tmp_path, pickled, storages):
        with pytest.raises(LfpError, match=told) as error:
            read(path)
        assert path.name in str(error.value)


def test_second_pickle_behind_the_first(tmp_path):
    evil = GOOD + pickle.dumps(print, 2)
    with pytest.raises(LfpError, match="second pickle"):
        read(write.write_zip(tmp_path / "a.pth", evil, {"0": VALUES}))
    with pytest.raises(LfpError, match="print"):
        read(write.write_legacy(tmp_path / "b.pth", evil, {"0": VALUES}))


def test_legacy_magic_that_is_computed_by_a_call(tmp_path):
    header = b"\x80\x02cbuiltins\neval\n" + write.text("0x1950a86a20f9469cfc6c") + b"\x85R."
    with pytest.raises(LfpError, match=r"builtins\.eval"):
        read(write.write_legacy(tmp_path / "a.pth", GOOD, {"0": VALUES}, header=header))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"\x8a\x0al\xfc", b"\x8a\x0al\xfd", "none that torch.save wrote"),
        (b"endian\x88", b"endian\x89", "big-endian"),
    ],
)
def test_legacy_headers_of_others(tmp_path, old, new, told):
    header = write.HEADER.replace(old, new)
    with pytest.raises(LfpError, match=told):
        read(write.write_legacy(tmp_path / "a.pth", GOOD, {"0": VALUES}, header=header))


def test_legacy_sizes_must_fit_exactly(tmp_path):
    path = write.write_legacy(tmp_path / "a.pth", GOOD, {"0": VALUES})
    data = path.read_bytes()
    for changed in (data + b"\0", data[:-1], data[:-48], data[:-56] + b"\xff" * 8 + data[-48:]):
        path.write_bytes(changed)
        with pytest.raises(LfpError):
            read(path)


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        (("archive/byteorder", b"big"), "byte order"),
        (("archive/constants.pkl", b"N."), "TorchScript"),
        (("other/data.pkl", b"N."), "2 members"),
    ],
)
def test_zips_of_others(tmp_path, extra, told):
    with pytest.raises(LfpError, match=told):
        read(write.write_zip(tmp_path / "a.pth", GOOD, {"0": VALUES}, extra=[extra]))


def test_zip_without_a_storage(tmp_path):
    with pytest.raises(LfpError, match='storage "0" is missing'):
        read(write.write_zip(tmp_path / "a.pth", GOOD, {}))


def test_many_doubled_dictionaries_end(tmp_path):
    doubled = b"\x80\x02}q\x000" + b"}(K\x00h\x00K\x01h\x00uq\x000" * 50 + b"h\x00."
    with pytest.raises(LfpError, match="far more"):
        read(write.write_zip(tmp_path / "a.pth", doubled, {}))
