"""Real files with random damage: what comes out is a dictionary of arrays or one sentence."""

import json
import pathlib
import random
import time
import zipfile

import h5py
import numpy as np
import pytest
from checkpoints.formats import torch_writer
from checkpoints.formats.t7_writer import Function, Object, write_t7
from damage import damaged

from lfp_tf.checkpoints.formats.detectron import write_detectron
from lfp_tf.checkpoints.formats.safetensors import write_safetensors
from lfp_tf.checkpoints.read import read_checkpoint
from lfp_tf.errors import LfpError

GOLDEN = pathlib.Path(__file__).parents[2] / "golden" / "pspnet" / "files"
DETECTRON = GOLDEN.parents[1] / "maskx" / "files"
SECONDS_EACH = 5
ROOM = 4 << 20  # What any small file may cost: `SMALL_FILE_BYTES` and Python's own.


def sources(folder):
    """The bytes of every file to damage, by name."""
    arrays = {f"w{i}": np.random.RandomState(i).rand(3, 4, i + 1).astype("f4") for i in range(4)}
    np.savez(folder / "stored.npz", text=np.array("x"), **arrays)
    np.savez_compressed(folder / "packed.npz", **arrays)
    pickled = torch_writer.dictionary({k: torch_writer.whole(k, v) for k, v in arrays.items()})
    torch_writer.write_zip(folder / "zip.pth", pickled, arrays)
    torch_writer.write_legacy(folder / "legacy.pth", pickled, arrays)
    write_safetensors(folder / "plain.safetensors", arrays, {"k": "v"})
    content = {"model": [Object("nn.Linear", arrays)], "f": Function(b"code", {}), "n": [1, True]}
    write_t7(folder / "model.t7", content)
    config = "MODEL: {BBOX_REG_WEIGHTS: !!python/tuple [10.0, 10.0, 5.0, 5.0]}"
    write_detectron(folder / "detectron.pkl", arrays | {"bbox_pred_w": arrays["w0"]}, config)
    files = [*folder.iterdir(), *GOLDEN.glob("*.*"), *DETECTRON.glob("*.pkl")]
    return {file.name: file.read_bytes() for file in files if file.is_file()}


def h5_source(folder):
    with h5py.File(folder / "a.h5", "w") as file:
        file.attrs["layer_names"] = [b"conv"]
        file.create_group("conv").attrs["weight_names"] = [b"kernel"]
        file["conv"].create_dataset("kernel", data=np.ones((8, 8)), compression="gzip")
    with zipfile.ZipFile(folder / "a.keras", "w") as archive:
        layer = {"class_name": "Conv2D", "config": {"name": "conv"}}
        archive.writestr("config.json", json.dumps({"config": {"layers": [layer]}}))
        archive.write(folder / "a.h5", "model.weights.h5")
    return {name: (folder / name).read_bytes() for name in ("a.h5", "a.keras")}


def tfjs_source(folder, shards_to):
    """The bytes of a `model.json`; its shards are written where it will lie."""
    values = np.random.RandomState(0).rand(40).astype("f4").tobytes()
    packed = {"dtype": "uint8", "scale": 0.1, "min": -1}
    weights = [
        {"name": "conv/kernel", "shape": [2, 3, 5], "dtype": "float32"},
        {"name": "conv/bias", "shape": [5], "dtype": "int32"},
        {"name": "small", "shape": [20], "dtype": "float32", "quantization": packed},
    ]
    groups = [{"paths": ["shard1", "shard2"], "weights": weights}]
    (shards_to / "shard1").write_bytes(values[:100])
    (shards_to / "shard2").write_bytes(values[100:])
    (folder / "model.json").write_text(json.dumps({"weightsManifest": groups}))
    return {"model.json": (folder / "model.json").read_bytes()}


def attack(tmp_path, files, rounds, seed, peak_of):
    draw, others = random.Random(seed), list(files.values())
    counts = {"read": 0, "refused": 0}
    for number in range(rounds):
        name = draw.choice(sorted(files))
        data = damaged(files[name], others, draw)
        path = tmp_path / name
        path.write_bytes(data)
        start = time.process_time()

        def read(path=path):
            try:
                arrays = read_checkpoint(path)
            except LfpError as error:
                assert path.name in str(error) and "\n" not in str(error)
                counts["refused"] += 1
            else:
                assert all(type(values) is np.ndarray for values in arrays.values())
                counts["read"] += 1

        peak = peak_of(read) if number % 10 == 0 else read()
        assert (peak or 0) < 16 * len(data) + ROOM, (name, seed, number)
        assert time.process_time() - start < SECONDS_EACH, (name, seed, number)
    return counts


def test_damaged_files_end_in_arrays_or_one_sentence(tmp_path, peak_of):
    (tmp_path / "made").mkdir()
    counts = attack(tmp_path, sources(tmp_path / "made"), 1500, 0, peak_of)
    assert counts["refused"] > 300 and counts["read"] > 30


def test_damaged_h5_files_end_in_arrays_or_one_sentence(tmp_path, peak_of):
    (tmp_path / "made").mkdir()
    attack(tmp_path, h5_source(tmp_path / "made"), 12, 1, peak_of)


def test_damaged_tfjs_files_end_in_arrays_or_one_sentence(tmp_path, peak_of):
    (tmp_path / "made").mkdir()
    counts = attack(tmp_path, tfjs_source(tmp_path / "made", tmp_path), 400, 1, peak_of)
    assert counts["refused"] > 100 and counts["read"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 10))
def test_many_damaged_files(tmp_path, peak_of, seed):
    (tmp_path / "made").mkdir()
    attack(tmp_path, sources(tmp_path / "made"), 20_000, seed, peak_of)


@pytest.mark.slow
def test_many_damaged_h5_files(tmp_path, peak_of):
    (tmp_path / "made").mkdir()
    attack(tmp_path, h5_source(tmp_path / "made"), 400, 1, peak_of)


@pytest.mark.slow
def test_many_damaged_tfjs_files(tmp_path, peak_of):
    (tmp_path / "made").mkdir()
    attack(tmp_path, tfjs_source(tmp_path / "made", tmp_path), 20_000, 2, peak_of)
