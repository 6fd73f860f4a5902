import collections
import pickle
import struct
import time

import numpy as np
import pytest

from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.checkpoints.formats.pickle_machine import run_pickle
from lfp_tf.errors import LfpError

ORDERED = {("collections", "OrderedDict"): lambda *_: {}}


def run(tmp_path, data, **options):
    path = tmp_path / "file.pkl"
    path.write_bytes(data)
    file = MappedFile(path)
    return run_pickle(file, file.view, **({"allowed": ORDERED} | options))


VALUES = [
    {"a": [1, -2, 300, 70000, 2**40, -(2**90)], "b": (1.5, None, True, False), "c": "grün\n'\"\\"},
    [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), {}, [], [[]], ""],
    list(range(3000)),
    {str(i): i for i in range(1500)},
    "x" * 300,
]


@pytest.mark.parametrize("protocol", range(5))
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_plain_values_read_as_python_reads_them(tmp_path, value, protocol):
    data = pickle.dumps(value, protocol)
    assert run(tmp_path, data) == (value, len(data))


@pytest.mark.parametrize("protocol", [3, 4])
def test_bytes_stay_bytes_and_long_ones_stay_views(tmp_path, protocol):
    short, long = run(tmp_path, pickle.dumps((b"abc", b"z" * 5000), protocol))[0]
    assert short == b"abc"
    assert isinstance(long, memoryview) and bytes(long) == b"z" * 5000


def test_python_2_strings_are_latin_1(tmp_path):
    data = b"(S'a\\xe9\\n\\''\nU\x01\xe9T\x02\x00\x00\x00\xe9bt."
    assert run(tmp_path, data)[0] == ("aé\n'", "é", "éb")


def test_same_object_twice_stays_one(tmp_path):
    inner = [1]
    first, second = run(tmp_path, pickle.dumps([inner, inner], 4))[0]
    assert first is second


def test_ordered_dictionary_with_a_state_is_a_dictionary(tmp_path):
    value = collections.OrderedDict(a=1)
    value._metadata = {"": {"version": 1}}
    assert run(tmp_path, pickle.dumps(value, 2))[0] == {"a": 1}


SMUGGLED = {
    "global": (b"cos\nsystem\n(S'true'\ntR.", "os.system"),
    "looked up, never called": (b"\x80\x02cos\nsystem\n0N.", "os.system"),
    "alias posix": (b"cposix\nsystem\n.", "posix.system"),
    "alias nt": (b"cnt\nsystem\n.", "nt.system"),
    "stack global": (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "os.system"),
    "stack global by memo": (
        b"\x80\x04\x8c\x02os\x94\x8c\x06system\x940h\x00h\x01\x93.",
        "os.system",
    ),
    "dotted": (
        b"\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.__init__\x93.",
        "OrderedDict.__init__",
    ),
    "split otherwise": (
        b"\x80\x04\x8c\x00\x8c\x17collections.OrderedDict\x93.",
        "collections.OrderedDict",
    ),
    "instance": (b"(S'true'\nios\nsystem\n.", "os.system"),
    "object": (b"(cos\nsystem\nS'true'\no.", "os.system"),
    "python 2": (b"c__builtin__\neval\n.", "builtins.eval"),
    "decoy first": (b"ccollections\nOrderedDict\n)R0cbuiltins\nexec\n.", "builtins.exec"),
    "extension": (b"\x80\x02\x82\x01.", "EXT1"),
    "persistent": (b"Pos.system\n.", "outside its pickle"),
    "protocol 9": (b"\x80\x09N.", "protocol 9"),
}


@pytest.mark.parametrize("name", SMUGGLED)
def test_smuggled_names_are_refused_by_name(tmp_path, name):
    data, told = SMUGGLED[name]
    with pytest.raises(LfpError) as error:
        run(tmp_path, data)
    assert told in str(error.value) and "file.pkl" in str(error.value)


SENSELESS = {
    "no stop": b"N",
    "empty stack": b".",
    "values left": b"NN.",
    "mark left": b"(N.",
    "call of text": b"S'os.system'\n)R.",
    "state for text": b"S'x'\n}b.",
    "unknown memo": b"h\x07.",
    "text too long": b"X\xff\xff\xff\x7fabc.",
    "negative length": b"T\xff\xff\xff\xffabc.",
    "negative long": b"\x8b\xff\xff\xff\xff.",
    "unhashable key": b"}]Ns.",
    "tuple key": b"}()ts.",
    "huge key": b"}\x8a\x20" + b"\x01" * 32 + b"Ns.",
    "long number": b"I" + b"9" * 6000 + b"\n.",
    "list of nothing": b"Na.",
    "frame beyond": b"\x80\x04\x95" + b"\xff" * 8 + b"N.",
}


@pytest.mark.parametrize("name", SENSELESS)
def test_senseless_pickles_are_damaged(tmp_path, name):
    with pytest.raises(LfpError, match="is damaged"):
        run(tmp_path, SENSELESS[name])


BOMBS = {
    "opening marks": b"(" * 1_000_000,
    "lists": b"(" + b"]" * 1_000_000 + b"l.",
    "nested tuples": b"N" + b"\x85" * 1_000_000 + b".",
    "memo": b"N" + b"\x94" * 1_000_000 + b".",
    "memo at distant places": b"N"
    + b"".join(b"r" + struct.pack("<I", 4999 * i) for i in range(200_000)),
    "pairs": b"}("
    + b"".join(b"M" + struct.pack("<H", i % 65536) + b"N" for i in range(250_000))
    + b"u.",
    "doubled lists": b"]" + b"(2222e" * 200_000 + b".",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_within_16_times_their_size(tmp_path, name, peak_of):
    data, start = BOMBS[name], time.process_time()

    def attempt():
        with pytest.raises(LfpError):
            run(tmp_path, data)

    assert peak_of(attempt) < 16 * len(data) + (2 << 20)
    assert time.process_time() - start < 10


def test_key_that_hashes_deep_does_not_crash(tmp_path):
    with pytest.raises(LfpError):
        run(tmp_path, b"}N" + b"\x85" * 15_000 + b"Ns.")


def test_numbers_of_an_array_are_no_business_of_the_machine(tmp_path):
    with pytest.raises(LfpError, match="multiarray._reconstruct"):
        run(tmp_path, pickle.dumps(np.ones(3), 2))
