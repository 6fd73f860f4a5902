import os
import resource
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

from lfp_tf.checkpoints.formats import h5 as h5_format
from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.checkpoints.read import identify, read_checkpoint
from lfp_tf.errors import LfpError

KERNEL = np.arange(6, dtype="f4").reshape(2, 3)


def keras_group(top, layers, as_bytes=True):
    """Writes {layer: {weight name: values}} as Keras does."""
    encode = (lambda names: [n.encode() for n in names]) if as_bytes else list
    top.attrs["layer_names"] = encode(layers)
    for layer, weights in layers.items():
        group = top.create_group(layer)
        group.attrs["weight_names"] = encode(weights)
        for name, values in weights.items():
            group[name] = values


@pytest.mark.parametrize("as_bytes", [True, False])
@pytest.mark.parametrize("place", ["/", "model_weights"])
def test_weight_names_are_followed(tmp_path, place, as_bytes):
    path = tmp_path / "a.h5"
    layers = {"conv": {"net/conv/kernel:0": KERNEL, "net/conv/bias:0": KERNEL[0]}, "relu": {}}
    with h5py.File(path, "w") as file:
        keras_group(file.require_group(place), layers, as_bytes)
        if place != "/":
            file.attrs["model_config"] = '{"class_name": "Lambda"}'
            file.create_group("optimizer_weights")["conv/m"] = KERNEL
    got = read_checkpoint(path)
    assert identify(path) == "h5"
    assert list(got) == ["net/conv/kernel:0", "net/conv/bias:0"]
    np.testing.assert_array_equal(got["net/conv/kernel:0"], KERNEL)
    assert got["net/conv/bias:0"].dtype == np.float32


def test_equal_weight_names_get_their_layer_in_front(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        keras_group(file, {"a": {"kernel:0": KERNEL}, "b": {"kernel:0": KERNEL}})
    assert list(read_checkpoint(tmp_path / "a.h5")) == ["a/kernel:0", "b/kernel:0"]


def test_long_lists_in_pieces_and_other_types(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names0"], file.attrs["layer_names1"] = [b"a"], [b"b"]
        for name, values in {"a": KERNEL.astype(">f8"), "b": np.array(3)}.items():
            file.create_group(name).attrs["weight_names"] = [name.encode()]
            file[name][name] = values
    got = read_checkpoint(path)
    assert list(got) == ["a", "b"] and got["b"].shape == () and got["b"] == 3
    assert got["a"].dtype == np.dtype("<f8") and got["a"].tolist() == KERNEL.tolist()


def test_file_without_layers_gives_its_paths(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["layers/conv/vars/0"] = KERNEL
        file["layers/conv/flags"] = np.array([True, False])
        file["text"] = "hello"
        file.create_dataset("packed", data=KERNEL, compression="gzip")
    got = read_checkpoint(tmp_path / "a.h5")
    assert set(got) == {"layers/conv/vars/0", "layers/conv/flags", "packed"}
    assert got["layers/conv/flags"].tolist() == [True, False]
    np.testing.assert_array_equal(got["packed"], KERNEL)


def test_user_block_before_the_file(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w", userblock_size=512) as file:
        file["a"] = KERNEL
    assert list(read_checkpoint(tmp_path / "a.h5")) == ["a"]


def external_link(file):
    file["a"] = h5py.ExternalLink("/etc/other.h5", "/x")


def soft_link(file):
    file["a"] = h5py.SoftLink("/b")
    file["b"] = KERNEL


def external_values(file):
    (name := file.filename + ".raw") and open(name, "wb").close()
    file.create_dataset("a", shape=(3,), dtype="f4", external=[(name, 0, 12)])


def virtual_values(file):
    layout = h5py.VirtualLayout(shape=(3,), dtype="f4")
    layout[:] = h5py.VirtualSource("/etc/other.h5", "x", shape=(3,))
    file.create_virtual_dataset("a", layout)


def link_in_a_listed_layer(file):
    keras_group(file, {"conv": {"kernel": KERNEL}})
    file["conv"]["bias"] = h5py.ExternalLink("/etc/other.h5", "/x")


def missing_weight(file):
    keras_group(file, {"conv": {}})
    file["conv"].attrs["weight_names"] = [b"kernel"]


def missing_layer(file):
    file.attrs["layer_names"] = [b"conv"]


def bomb(file):
    file.create_dataset("a", shape=(1 << 31,), dtype="f4", chunks=(1 << 20,))


HOSTILE = {
    external_link: "a link to another file",
    soft_link: "a link that weights do not need",
    external_values: "values lie in another file",
    virtual_values: "values lie in another file",
    link_in_a_listed_layer: "a link to another file",
    missing_weight: 'names the weight "kernel"',
    missing_layer: 'names the layer "conv"',
    bomb: "would unpack to",
}


@pytest.mark.parametrize("write", HOSTILE, ids=lambda function: function.__name__)
def test_hostile_files(tmp_path, write):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write(file)
    with pytest.raises(LfpError, match=HOSTILE[write]) as error:
        read_checkpoint(tmp_path / "a.h5")
    assert "a.h5" in str(error.value)


def test_group_within_itself_ends(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"] = KERNEL
        file["loop"] = file["/"]
    with pytest.raises(LfpError, match="in two places"):
        read_checkpoint(tmp_path / "a.h5")


def test_cut_file(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"] = np.ones(1000)
    data = (tmp_path / "a.h5").read_bytes()
    (tmp_path / "a.h5").write_bytes(data[: len(data) // 2])
    with pytest.raises(LfpError, match="is damaged"):
        read_checkpoint(tmp_path / "a.h5")


CHILDREN = {
    "crash": ("import os; os.abort()", "HDF5 library stop"),
    "stall": ("import time; time.sleep(60)", "more than 0.1 seconds"),
    "nonsense": ("print('[1]')", "is damaged"),
    "huge": ('print(\'{"name": "a", "dtype": "<f4", "shape": [1099511627775]}\')', "far more"),
    "objects": ('print(\'{"name": "a", "dtype": "|O", "shape": [1]}\')', "is damaged"),
    "short": ('print(\'{"name": "a", "dtype": "<f4", "shape": [9]}\')', "HDF5 library stop"),
}


@pytest.mark.parametrize("name", CHILDREN)
def test_whatever_the_child_does_is_one_sentence(tmp_path, monkeypatch, name):
    code, told = CHILDREN[name]
    (tmp_path / "child.py").write_text(code)
    (tmp_path / "a.h5").write_bytes(h5_format.MAGIC)
    monkeypatch.setattr(h5_format, "CHILD", tmp_path / "child.py")
    if name == "stall":
        monkeypatch.setattr(h5_format, "LEAST_SECONDS", 0.1)
    start = time.process_time()
    with pytest.raises(LfpError, match=told):
        h5_format.read_h5(MappedFile(tmp_path / "a.h5"))
    assert time.process_time() - start < 10


def test_a_child_that_cannot_limit_its_memory_is_watched(tmp_path, monkeypatch):
    (tmp_path / "child.py").write_text("import time; x = bytearray(200 << 20); time.sleep(60)")
    (tmp_path / "a.h5").write_bytes(h5_format.MAGIC)
    monkeypatch.setattr(h5_format, "CHILD", tmp_path / "child.py")
    monkeypatch.setattr(h5_format, "LIMITS_ITSELF", False)
    monkeypatch.setattr(h5_format, "CHILD_BYTES", 100 << 20)
    start = time.process_time()
    with pytest.raises(LfpError, match="or all memory"):
        h5_format.read_h5(MappedFile(tmp_path / "a.h5"))
    assert time.process_time() - start < 10


def test_a_watched_child_reads_as_any(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"] = KERNEL
    monkeypatch.setattr(h5_format, "LIMITS_ITSELF", False)
    np.testing.assert_array_equal(read_checkpoint(tmp_path / "a.h5")["a"], KERNEL)


def test_memory_is_limited_where_the_system_heeds_it():
    code = (
        "import resource, sys; sys.platform = sys.argv[2]; sys.path.insert(0, sys.argv[1]);"
        "import h5_child; h5_child.limit(1 << 20, 9);"
        "print(resource.getrlimit(resource.RLIMIT_AS)[0], resource.getrlimit(resource.RLIMIT_CPU)[0])"
    )
    for platform, is_limited in (("linux", True), ("darwin", False)):
        done = subprocess.run(
            [sys.executable, "-c", code, str(h5_format.CHILD.parent), platform],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        memory, seconds = map(int, done.stdout.split())
        assert (memory != resource.RLIM_INFINITY) == is_limited and seconds == 9


def test_a_system_without_limits_is_told_where_to_go(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"] = KERNEL
    monkeypatch.setitem(sys.modules, "resource", None)
    with pytest.raises(LfpError, match="a.h5 is read on Linux and macOS only.*use WSL on Windows"):
        read_checkpoint(tmp_path / "a.h5")


def test_a_module_beside_the_user_is_not_loaded(tmp_path, monkeypatch):
    (tmp_path / "h5py.py").write_text("open('loaded', 'w')")
    (tmp_path / "json.py").write_text("open('loaded', 'w')")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"] = KERNEL
    monkeypatch.chdir(tmp_path)
    assert list(read_checkpoint("a.h5")) == ["a"]
    assert not os.path.exists("loaded")
