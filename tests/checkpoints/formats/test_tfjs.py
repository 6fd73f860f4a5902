"""TensorFlow.js: groups of shards become arrays; what does not fit or points outside is refused."""

import json

import numpy as np
import pytest

from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.checkpoints.formats.tfjs import read_tfjs
from lfp_tf.checkpoints.read import identify, read_checkpoint
from lfp_tf.errors import LfpError

KERNEL = np.arange(24, dtype="f4").reshape(2, 3, 4)
BIAS = np.array([1.5, -2, 0.25], "f4")


def entry(name, array, **more):
    return {"name": name, "shape": list(array.shape), "dtype": str(array.dtype)} | more


def group(folder, entries, data, *, shards=2, name="group1", suffix=".bin"):
    """Writes the bytes in shards of nearly equal size; returns the group."""
    size = -(-len(data) // shards) or 1
    paths = []
    for number in range(shards):
        paths.append(f"{name}-shard{number + 1}of{shards}{suffix}")
        (folder / paths[-1]).write_bytes(data[number * size : (number + 1) * size])
    return {"paths": paths, "weights": entries}


def model(folder, groups, **more):
    """Writes `model.json`; returns its path."""
    path = folder / "model.json"
    path.write_text(json.dumps({"format": "layers-model", "weightsManifest": groups} | more))
    return path


def plain(folder, **more):
    entries = [entry("conv/kernel", KERNEL), entry("conv/bias", BIAS)]
    return group(folder, entries, KERNEL.tobytes() + BIAS.tobytes(), **more)


def read(path):
    return read_tfjs(MappedFile(path))


@pytest.mark.parametrize("shards", [1, 2, 5])
def test_arrays_lie_across_shards(tmp_path, shards):
    path = model(tmp_path, [plain(tmp_path, shards=shards)], modelTopology={"a": [1, None]})
    arrays = read(path)
    assert list(arrays) == ["conv/kernel", "conv/bias"]
    for name, expected in (("conv/kernel", KERNEL), ("conv/bias", BIAS)):
        np.testing.assert_array_equal(arrays[name], expected)
        assert arrays[name].dtype == expected.dtype and arrays[name].flags.c_contiguous
        arrays[name][...] = 0  # A copy, not the file.


def test_a_file_its_folder_and_a_bare_list_are_the_same(tmp_path):
    groups = [plain(tmp_path, suffix=""), plain(tmp_path, name="b")]
    for weight in groups[1]["weights"]:
        weight["name"] += "_2"
    path = model(tmp_path, groups)
    bare = tmp_path / "weights_manifest"
    bare.write_text(" \n" + json.dumps(groups))
    for place in (path, tmp_path, bare):
        assert identify(place) == "tfjs"
        arrays = read_checkpoint(place)
        assert list(arrays) == ["conv/kernel", "conv/bias", "conv/kernel_2", "conv/bias_2"]
        np.testing.assert_array_equal(arrays["conv/kernel_2"], KERNEL)


def test_quantised_and_plain_types_in_one_shard(tmp_path):
    bytes_ = np.array([0, 1, 255], "u1")
    words = np.array([[0, 65535]], "<u2")
    half = np.array([0.5, -3], "<f2")
    whole = np.array([-7, 2**30], "<i4")
    truth = np.array([1, 0, 2], "u1")
    entries = [
        entry("a", bytes_, dtype="float32", quantization={"dtype": "uint8", "scale": 0.1, "min": -3.7}),
        entry("b", words, dtype="float32", quantization={"dtype": "uint16", "scale": 1e-4, "min": 2}),
        entry("c", bytes_, dtype="int32", quantization={"dtype": "uint8", "scale": 0.5, "min": -1}),
        entry("d", half, dtype="float32", quantization={"dtype": "float16"}),
        entry("e", whole),
        entry("f", truth, dtype="bool"),
        entry("g", np.zeros((0, 3), "f4")),
    ]  # fmt: skip
    parts = (bytes_, words, bytes_, half, whole, truth)
    data = b"".join(part.tobytes() for part in parts)
    arrays = read(model(tmp_path, [group(tmp_path, entries, data, shards=3)]))
    np.testing.assert_array_equal(arrays["a"], np.array([-3.7, 0.1 - 3.7, 25.5 - 3.7], "f4"))
    np.testing.assert_array_equal(arrays["b"], np.array([[2, 65535 * 1e-4 + 2]], "f4"))
    # 255 x 0.5 - 1 = 126.5 and 0.5 - 1 = -0.5: halves go up.
    assert arrays["c"].tolist() == [-1, 0, 127] and arrays["c"].dtype == np.int32
    np.testing.assert_array_equal(arrays["d"], half.astype("f4"))
    np.testing.assert_array_equal(arrays["e"], whole)
    assert arrays["f"].tolist() == [True, False, True] and arrays["f"].dtype == bool
    assert arrays["g"].shape == (0, 3)
    assert all(arrays[name].dtype == np.float32 for name in "abdg")


def test_a_missing_shard_is_named(tmp_path):
    path = model(tmp_path, [plain(tmp_path)])
    (tmp_path / "group1-shard2of2.bin").unlink()
    with pytest.raises(
        LfpError, match=r'model\.json names the shard "group1-shard2of2.bin", which is'
    ):
        read(path)


@pytest.mark.parametrize("change", [b"", b"x" * 200])
def test_shards_of_another_size_are_told_with_both_sizes(tmp_path, change):
    path = model(tmp_path, [plain(tmp_path)])
    (tmp_path / "group1-shard2of2.bin").write_bytes(change or b"1")
    with pytest.raises(
        LfpError, match="tells of 108 bytes of weights, but the shards of their group .* hold"
    ):
        read(path)


@pytest.mark.parametrize(
    "name",
    [
        "../a.bin", "/etc/passwd", "a/../../b", "a\\b", "http://x/y", "C:x", "", ".", "a//b", "a\0b",
        7, None, ["a"],
    ],
)  # fmt: skip
def test_shards_that_point_outside_are_refused(tmp_path, name):
    entry = plain(tmp_path, shards=1)
    (tmp_path.parent / "a.bin").write_bytes(b"x" * 108)
    entry["paths"] = [name]
    with pytest.raises(LfpError, match=r"names the shard .*, which points outside|no JSON"):
        read(model(tmp_path, [entry]))


def test_shards_in_a_folder_below_are_read(tmp_path):
    (tmp_path / "weights").mkdir()
    entry = plain(tmp_path / "weights", shards=1)
    entry["paths"] = [f"weights/{path}" for path in entry["paths"]]
    assert len(read(model(tmp_path, [entry]))) == 2


def test_a_shard_that_occurs_twice_is_refused(tmp_path):
    entry = plain(tmp_path, shards=1)
    with pytest.raises(LfpError, match='names the shard "group1-shard1of1.bin" twice'):
        read(model(tmp_path, [entry, entry]))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"dtype": "string"}, 'array "w" of type "string"; read are float32, int32 and bool'),
        ({"dtype": "complex64"}, 'of type "complex64"'),
        (
            {"quantization": {"dtype": "uint4", "scale": 1, "min": 0}},
            'type "float32 packed as uint4"',
        ),
        ({"quantization": {"dtype": "uint8", "min": 0}}, "entry 0 of a group's weights makes no"),
        ({"quantization": {"dtype": "uint8", "scale": "x", "min": 0}}, "makes no sense"),
        ({"quantization": {"dtype": "uint8", "scale": 1e999, "min": 0}}, "makes no sense"),
        ({"dtype": "int32", "quantization": {"dtype": "float16"}}, "int32 packed as float16"),
        ({"shape": [-2, -3]}, "makes no sense"),
        ({"shape": [2**39, 2**39]}, "makes no sense"),
        ({"shape": [10**6, 10**6]}, "tells of 4000000000000 bytes of weights"),
        ({"shape": [2.0, 3]}, "makes no sense"),
        ({"shape": [True]}, "makes no sense"),
        ({"shape": "23"}, "makes no sense"),
        ({"shape": 6}, "makes no sense"),
        ({"name": 3}, "makes no sense"),
        ({"dtype": []}, "makes no sense"),
    ],
)
def test_entries_that_cannot_be_are_refused_before_anything_is_built(
    tmp_path, change, sentence, peak_of
):
    entries = [entry("w", KERNEL) | change]
    path = model(tmp_path, [group(tmp_path, entries, KERNEL.tobytes())])
    path.write_text(path.read_text().replace("Infinity", "1e999"))

    def attempt():
        with pytest.raises(LfpError, match=sentence) as error:
            read(path)
        assert "model.json" in str(error.value) and "\n" not in str(error.value)

    assert peak_of(attempt) < 4 << 20


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"weightsManifest": [', "no JSON"),
        ('{"weightsManifest": NaN}', "no JSON"),
        ('{"weightsManifest": 3}', "no groups of weights"),
        ('{"weightsManifest": [3]}', "no groups of weights"),
        ('{"weightsManifest": []}', "no arrays of numbers"),
        ('{"weightsManifest": [{"paths": []}]}', "lacks its paths or weights"),
        ('{"weightsManifest": [{"paths": [], "weights": {}}]}', "lacks its paths or weights"),
        ('{"weightsManifest": [{"paths": [], "weights": [3]}]}', "entry 0 of a group's weights"),
        ('{"weightsManifest": ' + "[" * 100_000, "nests too deeply|far more than"),
        ('{"weightsManifest": "\xff"}', "no groups"),
        ('{"weightsManifest": ' + "1" * 5000 + "}", "no JSON"),
    ],
)
def test_json_that_is_no_manifest(tmp_path, text, sentence):
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(LfpError, match=sentence):
        read_checkpoint(tmp_path / "model.json")


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / "model.json").write_bytes(b'{"weightsManifest": "\xff"}')
    with pytest.raises(LfpError, match="no JSON"):
        read_checkpoint(tmp_path / "model.json")


def test_other_json_is_no_checkpoint(tmp_path):
    (tmp_path / "package.json").write_text('{"name": "x"}')
    with pytest.raises(LfpError, match="no checkpoint of a known format"):
        read_checkpoint(tmp_path / "package.json")


@pytest.mark.parametrize("unit", ["[],", "{},", '{"a":1},', '"ab",', "257,", "[[],[]],"])
def test_json_that_swells_is_refused_or_stays_within_the_allowance(tmp_path, unit, peak_of):
    path = tmp_path / "model.json"
    text = '{"weightsManifest": [' + unit * (1_000_000 // len(unit)) + "0]}"
    path.write_text(text)

    def attempt():
        with pytest.raises(LfpError, match="far more than|no groups of weights"):
            read(path)

    assert peak_of(attempt) < 16 * len(text) + (1 << 20)


def test_two_arrays_of_one_name(tmp_path):
    entries = [entry("w", BIAS), entry("w", BIAS)]
    path = model(tmp_path, [group(tmp_path, entries, BIAS.tobytes() * 2)])
    with pytest.raises(LfpError, match='two arrays of the name "w"'):
        read(path)


def test_a_folder_with_a_tensorflow_checkpoint_stays_one(tmp_path):
    (tmp_path / "model.json").write_text("{}")
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "gone"\n')
    with pytest.raises(LfpError, match='names "gone", which is not in this folder'):
        identify(tmp_path)
