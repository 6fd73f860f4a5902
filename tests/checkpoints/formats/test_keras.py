import base64
import importlib
import io
import json
import marshal
import zipfile

import h5py
import numpy as np
import pytest

from lfp_tf.checkpoints.formats import keras as keras_format
from lfp_tf.checkpoints.read import identify, read_checkpoint
from lfp_tf.errors import LfpError

KERNEL = np.arange(6, dtype="f4").reshape(1, 1, 2, 3)
NORM = [np.full(3, number, "f4") for number in range(4)]
NAMES = {"conv1_1_3x3_s2/kernel", "conv6/kernel", "conv6/bias"} | {
    f"conv1_1_3x3_s2_bn/{leaf}" for leaf in ("gamma", "beta", "moving_mean", "moving_variance")
}


def layer(kind, name, layers=None):
    """What `config.json` says of a layer, or of a model inside a model."""
    inner = {} if layers is None else {"layers": layers}
    return {"class_name": kind, "config": {"name": name, **inner}}


def weights(arrays, names=()):
    """An HDF5 file of {path of a layer: its variables}, with names of layers as Keras 3 has them."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for path, variables in arrays.items():
            group = file.require_group(f"{path}/vars")
            for number, values in enumerate(variables):
                group[str(number)] = values
            if path in dict(names):
                group.attrs["name"] = dict(names)[path]
    return stream.getvalue()


def write(path, config, data, **how):
    text = config if isinstance(config, (str, bytes)) else json.dumps(config)
    with zipfile.ZipFile(path, "w", **how) as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.1.0"}')
        archive.writestr("config.json", text)
        archive.writestr("model.weights.h5", data)
    return path


PATHS = {"layers/conv2d": [KERNEL], "layers/batch_normalization": NORM, "layers/conv2d_1": [KERNEL]}
MODEL = layer(
    "Functional",
    "model",
    [
        layer("InputLayer", "input_1"),
        layer("Conv2D", "b"),
        layer("BatchNormalization", "norm"),
        layer("Conv2D", "a"),
    ],
)


@pytest.mark.parametrize("container", ["layers", "_layer_checkpoint_dependencies"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_names_come_from_the_description(tmp_path, method, container):
    arrays = {path.replace("layers", container): values for path, values in PATHS.items()}
    arrays["optimizer"] = [np.array(7)]
    path = write(tmp_path / "a.h5", MODEL, weights(arrays), compression=method)
    got = read_checkpoint(path)
    assert identify(path) == "keras"
    leaves = ("gamma", "beta", "moving_mean", "moving_variance")
    assert set(got) == {"a/kernel", "b/kernel", *(f"norm/{leaf}" for leaf in leaves)}
    assert [got[f"norm/{leaf}"][0] for leaf in leaves] == [0, 1, 2, 3]
    np.testing.assert_array_equal(got["b/kernel"], KERNEL)


def test_models_inside_models_and_what_has_no_name(tmp_path):
    inner = layer("Sequential", "inner", [layer("DepthwiseConv2D", "dw"), layer("Dense", "twice")])
    model = layer("Functional", "m", [inner, layer("Dense", "twice"), layer("MyLayer", "mine")])
    arrays = {
        "layers/sequential/layers/depthwise_conv2d": [KERNEL, NORM[0]],
        "layers/sequential/layers/dense": [KERNEL],
        "layers/dense": [KERNEL],
        "layers/my_layer": [KERNEL],
        "layers/batch_normalization": NORM[:3],
    }
    got = read_checkpoint(write(tmp_path / "a.keras", model, weights(arrays)))
    paths = {f"{path}/vars/{n}" for path in arrays for n in range(len(arrays[path]))}
    known = "layers/sequential/layers/depthwise_conv2d/vars/"
    assert set(got) == paths - {f"{known}0", f"{known}1"} | {"dw/depthwise_kernel", "dw/bias"}


def test_weights_alone_are_named_where_keras_3_tells_the_layers(tmp_path):
    names = {"layers/conv2d": "conv1", "layers/batch_normalization": "norm", "layers/conv2d_1": 7}
    (tmp_path / "a.weights.h5").write_bytes(weights(PATHS, names))
    got = read_checkpoint(tmp_path / "a.weights.h5")
    assert {"conv1/kernel", "norm/beta", "layers/conv2d_1/vars/0"} < set(got)


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
def test_files_that_keras_wrote(tmp_path, library):
    """The same arrays and names from `.keras`, `.h5` and, of Keras 3, `.weights.h5`."""
    keras = importlib.import_module(library)
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, use_bias=False, name="conv1_1_3x3_s2")(images)
    x = keras.layers.BatchNormalization(name="conv1_1_3x3_s2_bn")(x)
    x = keras.layers.Conv2D(2, 1, name="conv6")(x)
    model = keras.Model(images, x)
    expected = {variable.shape: variable for variable in map(np.asarray, model.get_weights())}
    endings = ("keras", "h5", "weights.h5") if library == "keras" else ("keras", "h5")
    for ending in endings:
        path = tmp_path / f"a.{ending}"
        (model.save_weights if ending == "weights.h5" else model.save)(path)
        got = {name.split(":")[0]: array for name, array in read_checkpoint(path).items()}
        assert set(got) == NAMES
        for name in ("conv1_1_3x3_s2/kernel", "conv6/kernel", "conv6/bias"):
            np.testing.assert_array_equal(got[name], expected[got[name].shape])
        assert got["conv1_1_3x3_s2_bn/moving_variance"].tolist() == [1] * 4
        assert got["conv1_1_3x3_s2_bn/moving_mean"].tolist() == [0] * 4


def test_code_in_a_description_is_never_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = compile("open('ran', 'w')", "x", "exec")
    lambda_layer = layer("Lambda", "trap") | {"registered_name": "os>system", "module": "os"}
    lambda_layer["config"]["function"] = {
        "class_name": "__lambda__",
        "config": {"code": base64.b64encode(marshal.dumps(code)).decode()},
    }
    model = layer("Functional", "m", [layer("Conv2D", "conv"), lambda_layer])
    path = write(tmp_path / "a.keras", model, weights({"layers/conv2d": [KERNEL]}))
    assert list(read_checkpoint(path)) == ["conv/kernel"]
    assert {file.name for file in tmp_path.iterdir()} == {"a.keras"}


DATA = weights(PATHS)
DEEP: dict = layer("Dense", "d")
for _ in range(70):
    DEEP = layer("Sequential", "s", [DEEP])
HOSTILE = {
    "no JSON": ("{", DATA, "its member config.json is no JSON"),
    "deep JSON": ("[" * 100_000, DATA, "nests too deeply|far more"),
    "deep models": (DEEP, DATA, "nests deeper than 60 levels"),
    "no HDF5": (MODEL, b"hello" * 100, "is damaged: "),
    "cut HDF5": (MODEL, DATA[: len(DATA) // 2], "is damaged: "),
    "no arrays": (MODEL, weights({"layers/conv2d": []}), "holds no arrays"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_damaged_and_hostile_files_are_one_sentence(tmp_path, name):
    config, data, told = HOSTILE[name]
    path = write(tmp_path / "a.keras", config, data)
    with pytest.raises(LfpError, match=told) as error:
        read_checkpoint(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("config", [[], 3, {}, {"config": []}, {"config": {"layers": [1, {}, []]}}])
def test_descriptions_without_layers_leave_the_paths(tmp_path, config):
    got = read_checkpoint(write(tmp_path / "a.keras", config, DATA))
    assert set(got) == {f"{path}/vars/{n}" for path in PATHS for n in range(len(PATHS[path]))}


def test_a_link_inside_and_a_bomb_are_refused(tmp_path):
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["a"] = h5py.ExternalLink("/etc/other.h5", "/x")
    with pytest.raises(LfpError, match="a link to another file"):
        read_checkpoint(write(tmp_path / "a.keras", MODEL, stream.getvalue()))
    bomb = write(tmp_path / "b.keras", MODEL, bytes(1 << 25), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(LfpError, match="far more than"):
        read_checkpoint(bomb)


def test_a_missing_description_and_every_kind_of_cut(tmp_path):
    with zipfile.ZipFile(tmp_path / "b.keras", "w") as archive:
        archive.writestr("model.weights.h5", DATA)
    with pytest.raises(LfpError, match=r"b\.keras is damaged: its member config\.json is missing"):
        read_checkpoint(tmp_path / "b.keras")
    whole = write(tmp_path / "a.keras", MODEL, DATA).read_bytes()
    for length in range(4, len(whole) - 1, 97):
        (tmp_path / "a.keras").write_bytes(whole[:length])
        with pytest.raises(LfpError, match=r"a\.keras is damaged: its zip directory is missing"):
            read_checkpoint(tmp_path / "a.keras")


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keras_format.tempfile, "NamedTemporaryFile", full)
    with pytest.raises(LfpError, match=r"a\.keras cannot be unpacked into .* \(No space left"):
        read_checkpoint(write(tmp_path / "a.keras", MODEL, DATA))
