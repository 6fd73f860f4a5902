"""Structures of MATLAB files become plain values; damage is told in one sentence."""

import pathlib
import struct
import time
import zlib

import numpy as np
import pytest
import scipy.io

from lfp_tf.data.datasets.matlab_tree import read_matlab_numbers, read_matlab_tree
from lfp_tf.errors import LfpError

TREE = {
    "one": 2.5,
    "text": "a dog",
    "matrix": np.arange(6.0).reshape(2, 3),
    "small": np.arange(3, dtype=np.uint8),
    "nothing": np.zeros((0, 0)),
    "cells": np.array(["x", 3.0, {"deep": 1.0}], object),
    "people": np.array([{"x": 1.0, "y": "a"}, {"x": 2.0, "y": "b"}], object),
}


def save(path, value, compressed=True, name="RELEASE"):
    scipy.io.savemat(path, {name: value}, do_compression=compressed)
    return path


@pytest.mark.parametrize("compressed", [False, True])
def test_values_are_plain(tmp_path, compressed):
    (tree,) = read_matlab_tree(save(tmp_path / "a.mat", TREE, compressed), "RELEASE")
    assert list(tree) == list(TREE)
    assert tree["one"] == 2.5 and tree["text"] == "a dog" and tree["nothing"] is None
    np.testing.assert_array_equal(tree["matrix"], TREE["matrix"])
    assert tree["small"].ravel().tolist() == [0, 1, 2]
    assert tree["cells"] == ["x", 3.0, [{"deep": 1.0}]]


def test_structure_arrays_are_lists(tmp_path):
    people = np.array([(1.0, "a"), (2.0, "b")], [("x", object), ("y", object)])
    tree = read_matlab_tree(save(tmp_path / "a.mat", people), "RELEASE")
    assert tree == [{"x": 1.0, "y": "a"}, {"x": 2.0, "y": "b"}]


def test_numbers_keep_their_shape(tmp_path):
    table = np.random.RandomState(0).uniform(size=(3, 4, 5))
    joints = read_matlab_numbers(save(tmp_path / "a.mat", table, name="joints"), "joints")
    np.testing.assert_array_equal(joints, table)
    whole = read_matlab_numbers(save(tmp_path / "b.mat", table > 0.5, name="joints"), "joints")
    np.testing.assert_array_equal(whole, table > 0.5)


def test_other_variables_are_named(tmp_path):
    with pytest.raises(LfpError, match=r"a\.mat has no variable joints; it holds RELEASE\."):
        read_matlab_numbers(save(tmp_path / "a.mat", TREE), "joints")
    with pytest.raises(LfpError, match="holds no numbers as RELEASE"):
        read_matlab_numbers(tmp_path / "a.mat", "RELEASE")


def test_values_of_classes_are_not_read(tmp_path):
    sparse = scipy.sparse.csc_matrix(np.eye(3))
    with pytest.raises(LfpError, match="it holds a sparse, which is not read"):
        read_matlab_tree(save(tmp_path / "a.mat", {"s": sparse}), "RELEASE")


def test_too_many_levels_are_refused(tmp_path):
    value = 1.0
    for _ in range(30):
        value = {"a": value}
    with pytest.raises(LfpError, match="it nests too deep"):
        read_matlab_tree(save(tmp_path / "a.mat", value), "RELEASE")


def test_changed_bytes_give_a_sentence_or_values(tmp_path):
    random = np.random.RandomState(1)
    for compressed in (False, True):
        path = save(tmp_path / f"{compressed}.mat", TREE, compressed)
        content = np.frombuffer(path.read_bytes(), np.uint8)
        for number in range(300):
            changed = content.copy()
            places = random.randint(0, len(content), 1 + number % 4)
            changed[places] = random.randint(0, 256, len(places))
            path.write_bytes(changed.tobytes())
            try:
                read_matlab_tree(path, "RELEASE")
            except LfpError as error:
                assert str(path) in str(error) and "\n" not in str(error)


@pytest.mark.parametrize("length", [0, 60, 129, 140, 200, 400])
def test_files_that_are_cut_short(tmp_path, length):
    path = save(tmp_path / "a.mat", TREE)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(LfpError, match=r"a\.mat (is empty|is no whole MATLAB 5 file)"):
        read_matlab_tree(path, "RELEASE")


def packed(path, kind, sides, content):
    """A file of one compressed variable `joints`: its class' number, its sides, what follows."""

    def part(number, data):
        return struct.pack("<II", number, len(data)) + data + bytes(-len(data) % 8)

    flags = part(6, struct.pack("<II", kind, 0))
    header = flags + part(5, struct.pack(f"<{len(sides)}i", *sides)) + part(1, b"joints")
    data = zlib.compress(part(14, header + content), 9)
    start = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"
    path.write_bytes(start + struct.pack("<II", 15, len(data)) + data)
    return path


EMPTY = struct.pack("<II", 14, 0)
FIELD = struct.pack("<HHi", 5, 4, 32) + struct.pack("<II", 1, 32 * 100)
BOMBS = {
    "cells": (1, (2_000_000, 1), EMPTY * 2_000_000),
    "structures": (
        2,
        (200, 200),
        FIELD + b"".join(b"%-32d" % n for n in range(100)) + EMPTY * 4000,
    ),
    "numbers": (6, (2000, 2000), struct.pack("<II", 9, 32_000_000) + bytes(32_000_000)),
    "small numbers": (6, (8000, 4000), struct.pack("<II", 2, 32_000_000) + bytes(32_000_000)),
    "text": (4, (1, 8_000_000), struct.pack("<II", 2, 8_000_000) + bytes(8_000_000)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_small_files_that_unpack_to_far_more_are_refused_at_once(tmp_path, peak_of, name):
    path, start = packed(tmp_path / "a.mat", *BOMBS[name]), time.monotonic()

    def read():
        with pytest.raises(LfpError, match=r"a\.mat is no whole MATLAB 5 file: "):
            read_matlab_tree(path, "joints")

    assert peak_of(read) < 70 * path.stat().st_size + (1 << 20)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("path", sorted(pathlib.Path("/work/shared/faults").glob("*.mat")), ids=str)
def test_matlab_files_that_failed(path):
    start = time.monotonic()
    with pytest.raises(LfpError, match="is no whole MATLAB 5 file"):
        read_matlab_tree(path, "joints")
    assert time.monotonic() - start < 5


def test_nested_values_are_not_copied_at_every_level(tmp_path, peak_of):
    value = np.random.RandomState(0).uniform(size=200_000)
    for _ in range(15):
        value = {"a": value}
    path = save(tmp_path / "a.mat", value, compressed=False)
    assert peak_of(lambda: read_matlab_tree(path, "RELEASE")) < 6 * path.stat().st_size
