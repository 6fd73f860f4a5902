import argparse
import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
from checkpoints.formats import torch_writer

from lfp_tf.checkpoints import lineages
from lfp_tf.cli import inspect
from lfp_tf.errors import LfpError

ARRAYS = {"conv/weights": np.arange(6, dtype="f4").reshape(2, 3), "step": np.array(7, "i8")}


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(
        lineages, "lineage_name", lambda arrays: "tf1" if "step" in arrays else None
    )
    np.savez(tmp_path / "a.npz", **ARRAYS)
    return tmp_path / "a.npz"


def inspected(capsys, *words):
    parser = argparse.ArgumentParser()
    inspect.add_arguments(parser)
    assert inspect.run(parser.parse_args([str(word) for word in words])) == 0
    return capsys.readouterr().out


def test_json_tells_format_lineage_and_arrays(path, capsys):
    assert json.loads(inspected(capsys, path, "--json")) == {
        "format": "npz",
        "lineage": "tf1",
        "arrays": [
            {"name": "conv/weights", "shape": [2, 3], "dtype": "float32"},
            {"name": "step", "shape": [], "dtype": "int64"},
        ],
    }


def test_digest_is_of_little_endian_float32_in_c_order(path, capsys):
    rows = json.loads(inspected(capsys, path, "--json", "--digest"))["arrays"]
    digests = [hashlib.sha256(v.astype("<f4").tobytes()).hexdigest() for v in ARRAYS.values()]
    assert [row["sha256"] for row in rows] == digests


def test_table_is_aligned(path, capsys):
    assert inspected(capsys, path) == (
        "format   npz\n"
        "lineage  tf1\n"
        "arrays   2 with 7 values\n"
        "\n"
        "conv/weights  2x3     float32\n"
        "step          scalar  int64\n"
    )


def test_table_shows_digests_and_no_control_signs(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(lineages, "lineage_name", lambda arrays: None)
    np.savez(tmp_path / "a.npz", **{"a\x1b[2J": np.ones(1, "f4")})
    lines = inspected(capsys, tmp_path / "a.npz", "--digest").splitlines()
    assert lines[1] == "lineage  unknown"
    assert lines[-1].startswith(r"a\x1b[2J  1  float32  ") and len(lines[-1].split()[-1]) == 64


def test_no_checkpoint_is_a_user_error(tmp_path, capsys):
    (tmp_path / "a.pth").write_text("hello there")
    with pytest.raises(LfpError, match="no checkpoint of a known format"):
        inspected(capsys, tmp_path / "a.pth")


def test_numpy_files_need_no_tensorflow(path):
    code = (
        "import sys, argparse; from lfp_tf.cli import inspect;"
        f"inspect.run(argparse.Namespace(file={str(path)!r}, json=True, digest=False));"
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_the_part_of_a_training_checkpoint_is_told(tmp_path, capsys):
    values = np.ones(4, "f4")
    inner = torch_writer.dictionary({"layer0.0.weight": torch_writer.whole("0", values)})[2:-1]
    path = torch_writer.write_zip(
        tmp_path / "a.pth", torch_writer.dictionary({"net": inner, "ema": inner}), {"0": values}
    )
    said = inspected(capsys, path)
    assert 'note     the weights under "net" were taken\n' in said
    assert f'note     an averaged copy, "ema", stands beside these weights; {path}::ema' in said
