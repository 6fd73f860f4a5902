import pathlib
import struct

import numpy as np
import pytest
from checkpoints.formats import t7_writer as write
from checkpoints.formats.t7_writer import Function, Object, integer, text, write_t7
from hypothesis import given, settings
from hypothesis import strategies as st

from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.checkpoints.formats.t7 import Function as ReadFunction
from lfp_tf.checkpoints.formats.t7 import Table, parse_t7
from lfp_tf.checkpoints.read import identify, read_checkpoint
from lfp_tf.errors import LfpError

# Files that Torch wrote lie outside the checkout, where there are any.
FOLDERS = [folder / "shared" / "t7" for folder in pathlib.Path(__file__).parents]
REAL = next((folder for folder in FOLDERS if folder.is_dir()), FOLDERS[0])
VALUES = np.arange(24, dtype="f4")


def parsed(path):
    """What a file is, tables as dictionaries."""
    return plain(parse_t7(MappedFile(path)))


def plain(value):
    return {key: plain(inner) for key, inner in value.pairs} if type(value) is Table else value


def test_tensors_are_called_by_their_path(tmp_path):
    weight, bias = VALUES.reshape(2, 3, 4), np.arange(3.0)
    convolution = Object("nn.SpatialConvolution", {"weight": weight, "bias": bias, "kW": 3})
    content = {"model": Object("nn.Sequential", {"modules": [convolution]}), "epoch": 7}
    path = write_t7(tmp_path / "model.t7", content)
    got = read_checkpoint(path)
    assert identify(path) == "t7"
    assert list(got) == ["model/modules/1/weight", "model/modules/1/bias"]
    np.testing.assert_array_equal(got["model/modules/1/weight"], weight)
    assert got["model/modules/1/bias"].dtype == np.float64


@pytest.mark.parametrize("code", sorted(write.KINDS))
def test_types(tmp_path, code):
    values = np.arange(6).astype(code).reshape(2, 3)
    got = read_checkpoint(write_t7(tmp_path / "a.t7", values))["tensor"]
    assert got.dtype == values.dtype and got.tolist() == values.tolist()


def test_views_of_one_storage(tmp_path):
    base = np.arange(24, dtype="f4")
    views = {"turned": base[4:16].reshape(3, 4).T, "every other": base[1:9:2], "all": base}
    got = read_checkpoint(write_t7(tmp_path / "a.t7", views))
    assert (tmp_path / "a.t7").stat().st_size < 3 * base.nbytes + 500
    for name, view in views.items():
        np.testing.assert_array_equal(got[name], view)


def test_circles_end_and_the_shortest_path_counts(tmp_path):
    module = Object("nn.Linear", {"weight": VALUES})
    node = Object("nngraph.Node", {"module": module})
    node.fields["children"] = [node, {"back": node}]
    graph = Object("nn.gModule", {"nodes": {"first": {"data": node}}, "modules": [module]})
    got = read_checkpoint(write_t7(tmp_path / "a.t7", graph))
    assert list(got) == ["modules/1/weight"]


def test_a_long_chain_is_no_recursion(tmp_path):
    # Written by hand: the writer itself would recurse.
    links = 2000
    data = b"".join(
        integer(3) + integer(n + 1) + integer(1) + b"\2\0\0\0\1\0\0\0n" for n in range(links)
    )
    tensor = write.Writer().write(VALUES)
    data += tensor.replace(integer(4) + integer(1), integer(4) + integer(links + 1), 1).replace(
        integer(4) + integer(2), integer(4) + integer(links + 2), 1
    )
    path = tmp_path / "a.t7"
    path.write_bytes(data)
    with pytest.raises(LfpError, match="far more than"):  # Its names would be endless.
        read_checkpoint(path)
    assert parse_t7(MappedFile(path)).pairs[0][0] == "n"


def test_functions_are_passed_over(tmp_path):
    called = Function(b"\x1bLJ os.execute('touch ran')", {1: "os", 2: {"a": VALUES}})
    path = write_t7(tmp_path / "a.t7", {"f": called, "w": VALUES, "again": called})
    assert list(read_checkpoint(path)) == ["w"]
    assert type(parsed(path)["f"]) is ReadFunction
    old = b"\6\0\0\0" + text(b"code") + integer(0)
    (tmp_path / "b.t7").write_bytes(
        integer(3) + integer(1) + integer(1) + integer(2) + text("f") + old
    )
    assert type(parsed(tmp_path / "b.t7")["f"]) is ReadFunction
    assert not pathlib.Path("ran").exists()


TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False)
    | st.text(st.characters(max_codepoint=255), max_size=9),
    lambda inner: st.dictionaries(st.text("ab", max_size=3) | st.floats(1, 9), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(tree=st.dictionaries(st.text("ab", max_size=3), TREES))
def test_what_is_written_is_read(tmp_path_factory, tree):
    path = write_t7(tmp_path_factory.getbasetemp() / "tree.t7", tree)
    assert parsed(path) == tree


def storage(count=2, raw=bytes(8), number=2):
    head = integer(4) + integer(number) + text("V 1") + text("torch.FloatStorage")
    return head + struct.pack("<q", count) + raw


def tensor(size=(2,), stride=(1,), offset=1, stored=None, kind="torch.FloatTensor"):
    place = struct.pack("<i", len(size)) + struct.pack(f"<{len(size)}q", *size)
    place += struct.pack(f"<{len(stride)}q", *stride) + struct.pack("<q", offset)
    head = integer(4) + integer(1) + text("V 1") + text(kind)
    return head + place + (storage() if stored is None else stored)


def table(*pairs, number=1, count=None):
    head = integer(3) + integer(number) + integer(len(pairs) if count is None else count)
    return head + b"".join(key + value for key, value in pairs)


NAME = integer(2) + text("a")
HOSTILE = {
    "outside": (tensor(offset=2), "lies outside its storage"),
    "beyond": (tensor(size=(3,)), "lies outside its storage"),
    "huge stride": (tensor(stride=(1 << 39,)), "lies outside its storage"),
    "negative stride": (tensor(stride=(-1,)), "make no sense"),
    "offset before": (tensor(offset=0), "make no sense"),
    "negative size": (tensor(size=(-2,)), "make no sense"),
    "huge size": (tensor(size=(1 << 39, 1 << 39), stride=(0, 0)), "make no sense"),
    "bomb": (tensor(size=(1 << 30,), stride=(0,)), "far more than"),
    "many axes": (integer(4) + integer(1) + text("torch.FloatTensor") + integer(1 << 30), "breaks"),
    "no storage": (tensor(stored=integer(0)), "lies outside its storage"),
    "a text for a storage": (tensor(stored=NAME), "make no sense"),
    "itself for a storage": (tensor(stored=integer(4) + integer(1)), "make no sense"),
    "other type": (tensor(kind="torch.IntTensor"), "another type than its storage"),
    "storage breaks off": (tensor(stored=storage(count=3)), "breaks off"),
    "negative storage": (tensor(stored=storage(count=-1, raw=b"")), "breaks off"),
    "huge storage": (tensor(stored=storage(count=1 << 61)), "breaks off"),
    "more behind": (tensor() + b"x", "1 bytes behind its object"),
    "unknown tag": (table((NAME, integer(99))), "unknown type 99"),
    "endless table": (table(count=(1 << 31) - 1), "breaks off"),
    "negative table": (table(count=-1), "make no sense"),
    "negative text": (table((integer(2) + integer(-1), NAME)), "make no sense"),
    "long text": (table((integer(2) + integer(1 << 30), NAME)), "breaks off"),
    "number 0": (table((NAME, integer(3) + integer(0))), "make no sense"),
    "fields that are none": (
        table((NAME, integer(4) + integer(2) + text("nn.X") + integer(1) + bytes(8))),
        "make no sense",
    ),
    "long function": (table((NAME, integer(8) + integer(2) + integer(1 << 30))), "breaks off"),
    "a class of its own way": (
        integer(4) + integer(1) + text("V 1") + text("tds.Hash\x1b[2J") + bytes(8),
        r'class "tds\.Hash\\x1b\[2J", which is written in a way of its own',
    ),
    "a generator": (integer(4) + integer(1) + text("torch.Generator"), "torch.Generator"),
    "nothing": (table(), "holds no tensors"),
    "text form": (b"4\n1\n3\nV 1\n17\ntorch.FloatTensor\n", "in text form"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_damaged_and_hostile_files_are_one_sentence(tmp_path, name):
    data, told = HOSTILE[name]
    (tmp_path / "a.t7").write_bytes(data)
    with pytest.raises(LfpError, match=told) as error:
        read_checkpoint(tmp_path / "a.t7")
    assert "a.t7" in str(error.value) and "\n" not in str(error.value)


def test_every_cut_is_one_sentence(tmp_path):
    data = write.Writer().write({"a": VALUES, "f": Function(b"code", {}), "b": [1, True, "x"]})
    for length in range(8, len(data)):
        (tmp_path / "a.t7").write_bytes(data[:length])
        with pytest.raises(LfpError, match=r"a\.t7 is damaged: it breaks off"):
            read_checkpoint(tmp_path / "a.t7")


def test_two_tensors_of_one_name(tmp_path):
    path = write_t7(tmp_path / "a.t7", {"a": {1: VALUES, "1": VALUES + 1}})
    with pytest.raises(LfpError, match='two arrays of the name "a/1"'):
        read_checkpoint(path)


def test_empty_tensors_are_left_out(tmp_path):
    empty = tensor((), (), 1, stored=integer(0)).replace(
        integer(4) + integer(1), integer(4) + integer(2), 1
    )
    whole = write.Writer().write(VALUES)
    whole = whole.replace(integer(4) + integer(2), integer(4) + integer(4), 1)
    whole = whole.replace(integer(4) + integer(1), integer(4) + integer(3), 1)
    (tmp_path / "a.t7").write_bytes(table((NAME, empty), (integer(2) + text("b"), whole)))
    assert list(read_checkpoint(tmp_path / "a.t7")) == ["b"]


@pytest.mark.parametrize("kind", ["nil", "table", "number"])
def test_many_small_values_stay_within_the_allowance(tmp_path, peak_of, kind):
    small = {"nil": integer(0), "number": b"\1\0\0\0" + bytes(8)}
    values = (small.get(kind) or table(number=number + 2) for number in range(100_000))
    path = tmp_path / "a.t7"
    path.write_bytes(table(*((NAME, value) for value in values)))

    def read():
        with pytest.raises(LfpError, match="far more than|holds no tensors"):
            read_checkpoint(path)

    assert peak_of(read) < 16 * path.stat().st_size


def real(name):
    """What a file of Torch's is, as `parse_t7` gives it."""
    return parse_t7(MappedFile(REAL / f"{name}.t7"))


needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the files of Torch are not here")


@needs_real
def test_files_that_torch_wrote():
    assert parsed(REAL / "hello=123.t7") == {"hello": 123}
    listed = {1: "hello", 2: "world", 3: "third item", 4: 123}
    assert parsed(REAL / "list_table.t7") == listed
    assert parsed(REAL / "map_table1.t7") == {0: "zero"} | listed
    assert parsed(REAL / "map_table2.t7") == listed | {"a": "non number key"}
    doubles = read_checkpoint(REAL / "doubletensor.t7")["tensor"]
    assert doubles.tolist() == [[1, 2, 3], [4, 5, 6.9]]
    floats = read_checkpoint(REAL / "floattensor.t7")["tensor"]
    first = [0.863531, 0.536122, 0.482063, 0.542346, 0.335974, 0.814899, 0.468108, 0.226279]
    assert floats.dtype == np.float32 and floats.shape == (2, 3, 4)
    np.testing.assert_allclose(floats.reshape(-1)[:8], first, atol=1e-6)
    own = parse_t7(MappedFile(REAL / "recursive_kv_table.t7"))
    assert own.pairs[0][0] is own and own.pairs[0][1] is own
    an_a = parse_t7(MappedFile(REAL / "recursive_class.t7"))
    assert an_a.kind == "A" and an_a.pairs[0][1] is an_a
    blah = parse_t7(MappedFile(REAL / "custom_class.t7"))
    assert (blah.kind, blah.pairs) == ("Blah", [])


@needs_real
def test_a_graph_that_torch_wrote():
    got = read_checkpoint(REAL / "gmodule_with_linear_identity.t7")
    assert got["modules/3/weight"].shape == (2, 1) and got["modules/3/bias"].shape == (2,)
    assert parse_t7(MappedFile(REAL / "gmodule_with_linear_identity.t7")).kind == "nn.gModule"


@needs_real
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("function", "holds no tensors"),
        ("function_upvals", "holds no tensors"),
        ("tds_hash", r'"tds\.Hash"'),
        ("tds_vec", r'"tds\.Vec"'),
    ],
)
def test_files_of_torch_without_tensors(name, told):
    with pytest.raises(LfpError, match=told):
        read_checkpoint(REAL / f"{name}.t7")
