import collections
import pathlib
import pickle
import pickletools
import random
import struct
import time

import numpy as np
import pytest
from damage import damaged

from lfp_tf.checkpoints.formats.detectron import is_detectron, read_detectron, write_detectron
from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.errors import LfpError

GOLDEN = pathlib.Path(__file__).parents[2] / "golden" / "maskx" / "files"
NAMES = ("detectron-tiny.pkl", "detectron-tiny-protocol0.pkl", "detectron-tiny-flat.pkl")
CONFIG = "MODEL:\n  NUM_CLASSES: 5\n"
BLOBS = {
    "conv1_w": np.arange(24, dtype="f4").reshape(2, 3, 2, 2),
    "_[mask]_fcn1_b": np.array([-0.0, np.nan, np.inf, 1e-45], "f4"),
    "conv1_w_momentum": np.full((2, 3, 2, 2), 0.5, "f4"),
    "lr": np.array([0.02]),
    "step": np.array(7, "i8"),
    "empty": np.zeros((0, 3), "f4"),
    "flags": np.array([True, False]),
    "half": np.arange(3, dtype="f2"),
}


def written(tmp_path, data):
    path = tmp_path / "model.pkl"
    path.write_bytes(data)
    return MappedFile(path)


def read(tmp_path, data):
    return read_detectron(written(tmp_path, data))


def assert_same(arrays, others):
    assert list(arrays) == list(others)
    for name, array in arrays.items():
        other = others[name]
        assert (array.shape, array.dtype) == (other.shape, other.dtype), name
        assert array.tobytes() == other.tobytes(), name


@pytest.mark.parametrize("protocol", range(5))
def test_every_protocol_of_python_3(tmp_path, protocol):
    # Python 3 calls `bytes` for an empty array up to protocol 2, a name that is not on the list.
    blobs = {name: array for name, array in BLOBS.items() if array.size}
    data = pickle.dumps({"blobs": blobs, "cfg": CONFIG}, protocol)
    content = read(tmp_path, data)
    assert is_detectron(written(tmp_path, data))
    assert list(content.momentum) == ["conv1_w_momentum"] and content.config == CONFIG
    assert_same({n: a for n, a in blobs.items() if n != "conv1_w_momentum"}, content.blobs)


@pytest.mark.parametrize("protocol", range(5))
@pytest.mark.parametrize(
    "form", [dict, collections.OrderedDict, lambda blobs: {"model": blobs, "__author__": "a"}]
)
def test_files_that_are_their_blobs(tmp_path, form, protocol):
    data = pickle.dumps(form({"w": BLOBS["conv1_w"]}), protocol)
    assert is_detectron(written(tmp_path, data))
    content = read(tmp_path, data)
    assert_same({"w": BLOBS["conv1_w"]}, content.blobs)
    assert content.config is None and content.momentum == {}


@pytest.mark.parametrize("name", NAMES)
def test_files_of_python_2_as_python_reads_them(name):
    raw = (GOLDEN / name).read_bytes()
    content = read_detectron(MappedFile(GOLDEN / name))
    expected = pickle.loads(raw, encoding="latin1")
    blobs = expected.get("blobs", expected)
    assert_same(
        dict(sorted(blobs.items())), dict(sorted((content.blobs | content.momentum).items()))
    )
    assert content.config == expected.get("cfg")


def test_torchs_pickles_are_none_of_detectrons(tmp_path):
    assert not is_detectron(written(tmp_path, b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."))
    assert not is_detectron(written(tmp_path, pickle.dumps([1], 2)))


def test_what_is_written_is_what_was_given_bit_for_bit(tmp_path):
    path = tmp_path / "a.pkl"
    write_detectron(path, BLOBS, CONFIG)
    content = read_detectron(MappedFile(path))
    assert_same(
        dict(sorted(BLOBS.items())), dict(sorted((content.blobs | content.momentum).items()))
    )
    python = pickle.loads(path.read_bytes(), encoding="latin1")
    assert_same(BLOBS, python["blobs"])
    assert python["cfg"] == CONFIG


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_read_and_written_is_read_as_before(tmp_path, name):
    first = read_detectron(MappedFile(GOLDEN / name))
    write_detectron(tmp_path / "a.pkl", first.blobs | first.momentum, first.config)
    second = read_detectron(MappedFile(tmp_path / "a.pkl"))
    assert_same(first.blobs, second.blobs)
    assert_same(first.momentum, second.momentum)
    assert second.config == first.config


def test_only_byte_strings_are_written_as_python_2_needs(tmp_path):
    write_detectron(tmp_path / "a.pkl", BLOBS, CONFIG)
    raw = (tmp_path / "a.pkl").read_bytes()
    opcodes = {opcode.name for opcode, *_ in pickletools.genops(raw)}
    assert not opcodes & {"BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES", "FRAME"}


def test_other_layouts_and_byte_orders_are_written_in_one(tmp_path):
    matrix = np.arange(6, dtype=">f4").reshape(2, 3)
    write_detectron(tmp_path / "a.pkl", {"big": matrix, "turned": matrix.T}, None)
    blobs = pickle.loads((tmp_path / "a.pkl").read_bytes(), encoding="latin1")["blobs"]
    assert np.array_equal(blobs["big"], matrix) and np.array_equal(blobs["turned"], matrix.T)
    assert blobs["big"].dtype == np.dtype("<f4")


def test_texts_come_back_letter_for_letter(tmp_path):
    names = {"é": np.ones(1, "f4"), "重": np.ones(1, "f4"), "x" * 300: np.ones(1, "f4")}
    config = "# ü\n" + "A: 1\n" * 2000
    write_detectron(tmp_path / "a.pkl", names, config)
    content = read_detectron(MappedFile(tmp_path / "a.pkl"))
    assert list(content.blobs) == list(names) and content.config == config


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.ones(2, "c8"), 'the blob "w" of type complex64'),
        (np.array(["a"]), 'the blob "w" of type <U1'),
        (np.broadcast_to(np.float32(0), (1 << 20, 1 << 10)), "at most 2 GiB a blob"),
    ],
)
def test_blobs_that_no_file_can_hold(tmp_path, array, told):
    with pytest.raises(LfpError, match=told):
        write_detectron(tmp_path / "a.pkl", {"w": array}, None)


ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
GLOBALS = {
    "in place of a blob": (b"}S'w'\ncposix\nsystem\ns.", "posix.system"),
    "called": (b"}S'w'\ncos\nsystem\n(S'true'\ntRs.", "os.system"),
    "behind the blobs": (b"}S'blobs'\n}s0cos\nsystem\n.", "os.system"),
    "in the configuration": (b"}S'cfg'\ncbuiltins\neval\ns.", "builtins.eval"),
    "as a key": (b"}cos\ngetcwd\n)RNs.", "os.getcwd"),
    "python 2": (b"}S'w'\nc__builtin__\neval\ns.", "builtins.eval"),
    "yaml's class": (b"}S'cfg'\ncutils.collections\nAttrDict\n)Rs.", "utils.collections.AttrDict"),
    "numpy's loader": (b"}S'w'\ncnumpy\nload\ns.", "numpy.load"),
    "numpy, private": (b"}S'w'\ncnumpy.core._multiarray_umath\nfromfile\ns.", "fromfile"),
    "stack global": (b"\x80\x04}\x8c\x01w\x8c\x02os\x8c\x06system\x93s.", "os.system"),
    "behind a decoy": (b"}S'w'\n" + ARRAY + b"s0cbuiltins\nexec\n.", "builtins.exec"),
    "torch's": (b"}S'w'\nctorch._utils\n_rebuild_tensor\ns.", "torch._utils._rebuild_tensor"),
    "dotted": (
        b"\x80\x04}\x8c\x01w\x8c\x05numpy\x8c\x10ndarray.__init__\x93s.",
        "ndarray.__init__",
    ),
}


@pytest.mark.parametrize("name", GLOBALS)
def test_names_that_arrays_do_not_need_are_refused_by_name(tmp_path, name, capsys):
    data, told = GLOBALS[name]
    assert is_detectron(written(tmp_path, data))
    with pytest.raises(LfpError) as error:
        read(tmp_path, data)
    assert told in str(error.value) and "model.pkl" in str(error.value)
    assert capsys.readouterr() == ("", "")


def test_the_evil_file_is_refused_by_name(capsys):
    with pytest.raises(LfpError, match="builtins.print"):
        read_detectron(MappedFile(GOLDEN / "detectron-tiny-evil.pkl"))
    assert capsys.readouterr() == ("", "")


def test_class_of_arrays_is_a_name_and_never_called(tmp_path):
    with pytest.raises(LfpError):
        read(tmp_path, b"}S'w'\ncnumpy\nndarray\n(I4\ntRs.")


def test_what_is_no_dictionary_of_blobs(tmp_path):
    with pytest.raises(LfpError, match="holds no blobs"):
        read(tmp_path, pickle.dumps({"blobs": {}, "cfg": CONFIG}))
    with pytest.raises(LfpError, match="no dictionary of blobs"):
        read(tmp_path, pickle.dumps([1], 2))
    with pytest.raises(LfpError, match='type "c8"'):
        read(tmp_path, pickle.dumps({"w": np.ones(2, "c8")}, 2))


def test_second_pickle(tmp_path):
    data = pickle.dumps({"w": np.ones(2, "f4")}, 2)
    with pytest.raises(LfpError, match="second pickle"):
        read(tmp_path, data + b"cos\nsystem\n.")


@pytest.mark.parametrize("size", [-1, 1 << 20, 1 << 62, 1 << 70])
def test_shapes_that_do_not_fit_their_bytes(tmp_path, size):
    data = pickle.dumps({"w": np.ones((2, 3), "f4")}, 2)
    shape = b"K\x02K\x03\x86"
    assert shape in data
    raw = size.to_bytes(10, "little", signed=True)
    with pytest.raises(LfpError, match="is damaged"):
        read(tmp_path, data.replace(shape, b"\x8a\x0a" + raw + b"K\x03\x86"))


@pytest.mark.parametrize("name", NAMES)
def test_files_that_break_off_are_refused_everywhere(tmp_path, name):
    raw = (GOLDEN / name).read_bytes()
    for end in range(1, len(raw), 37):
        with pytest.raises(LfpError):
            read(tmp_path, raw[:end])


BOMBS = {
    "dictionaries": b"}" * 1_000_000 + b".",
    "opening marks": b"(d" + b"(" * 1_000_000,
    "nested lists": b"}S'w'\n" + b"(" * 190 + b"]" * 400_000,
    "one array again and again": b"}(S'w'\n"
    + pickle.dumps(np.ones(4000, "f4"), 2)[2:-1]
    + b"p9\n"
    + b"".join(b"J" + struct.pack("<i", i) + b"g9\n" for i in range(50_000))
    + b"u.",
    "nested a thousand deep": b"}S'blobs'\n" + b"}S'a'\n" * 1000 + b"N" + b"s" * 1001 + b".",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_cost_at_most_16_times_their_size(tmp_path, name, peak_of):
    data, start = BOMBS[name], time.process_time()

    def attempt():
        try:
            read(tmp_path, data)
        except LfpError:
            pass

    assert peak_of(attempt) < 16 * len(data) + (2 << 20)
    assert time.process_time() - start < 10


def attack(tmp_path, rounds, seed):
    files = [(GOLDEN / name).read_bytes() for name in NAMES]
    files += [pickle.dumps({"blobs": BLOBS, "cfg": CONFIG}, protocol) for protocol in range(5)]
    draw, counts = random.Random(seed), [0, 0]
    for _ in range(rounds):
        path = tmp_path / "model.pkl"
        path.write_bytes(damaged(draw.choice(files), files, draw))
        try:
            file = MappedFile(path)
            content = read_detectron(file)
        except LfpError as error:
            assert path.name in str(error) and "\n" not in str(error)
            counts[1] += 1
        else:
            assert all(type(a) is np.ndarray for a in content.blobs.values())
            counts[0] += 1
    return counts


def test_damaged_files_end_in_arrays_or_one_sentence(tmp_path):
    intact, refused = attack(tmp_path, 800, 0)
    assert intact > 30 and refused > 200


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 5))
def test_many_damaged_files(tmp_path, seed):
    attack(tmp_path, 20_000, seed)
