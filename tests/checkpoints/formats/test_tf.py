import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.checkpoints.formats.tf import find_prefix
from lfp_tf.checkpoints.read import identify, read_checkpoint
from lfp_tf.errors import LfpError


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    saved = tf.train.Checkpoint(
        kernel=tf.Variable([[1.0, 2.0]]),
        half=tf.Variable([1.5, -2.0], dtype=tf.bfloat16),
        flag=tf.Variable([True, False]),
        word=tf.Variable("text"),
    )
    saved.save(str(folder / "ckpt"))
    return folder


def copy(bundle, tmp_path, without=()):
    for file in bundle.iterdir():
        if file.name not in without:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def test_bundle_gives_numbers_and_leaves_text_out(bundle):
    got = read_checkpoint(bundle)
    tail = "/.ATTRIBUTES/VARIABLE_VALUE"
    assert identify(bundle) == "tf1"
    assert sorted(got) == [f"{n}{tail}" for n in ("flag", "half", "kernel", "save_counter")]
    np.testing.assert_array_equal(got[f"kernel{tail}"], [[1, 2]])
    np.testing.assert_array_equal(got[f"half{tail}"], np.array([1.5, -2], "f4"))
    assert got[f"half{tail}"].dtype == np.float32 and got[f"flag{tail}"].dtype == bool
    assert got[f"save_counter{tail}"].dtype == np.int64


@pytest.mark.parametrize("state", ['"C:\\\\old\\\\ckpt-1"', '"/home/x/ckpt-1"', '"ckpt-1"'])
def test_paths_of_other_machines(bundle, tmp_path, state):
    copy(bundle, tmp_path)
    (tmp_path / "checkpoint").write_text(f"model_checkpoint_path: {state}\n")
    assert find_prefix(tmp_path) == tmp_path / "ckpt-1"


def test_only_index_without_a_state_file(bundle, tmp_path):
    copy(bundle, tmp_path, without=["checkpoint"])
    assert find_prefix(tmp_path) == tmp_path / "ckpt-1"
    assert find_prefix(tmp_path / "ckpt-1.index") == tmp_path / "ckpt-1"
    (tmp_path / "other.index").write_bytes(b"x")
    with pytest.raises(LfpError, match="2 checkpoints and no file"):
        find_prefix(tmp_path)


def test_every_file_of_a_checkpoint_opens_it(bundle, tmp_path):
    copy(bundle, tmp_path)
    (tmp_path / "ckpt-1.meta").write_bytes(b"graph")
    names = [
        "checkpoint",
        "ckpt-1",
        *(f"ckpt-1.{e}" for e in ("index", "meta", "data-00000-of-00001")),
    ]
    for name in names:
        assert find_prefix(tmp_path / name) == tmp_path / "ckpt-1"
        assert len(read_checkpoint(tmp_path / name)) == 4
    (tmp_path / "ckpt-1.index").unlink()
    with pytest.raises(LfpError, match=r"00001 has no ckpt-1\.index beside it; copy all files"):
        read_checkpoint(tmp_path / "ckpt-1.data-00000-of-00001")
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    (tmp_path / "checkpoint").write_bytes((tmp_path / "other.npz").read_bytes())
    assert identify(tmp_path / "checkpoint") == "npz"


def test_the_first_format_is_named_with_a_command_that_reads_it(tmp_path):
    path = tmp_path / "model.ckpt-7"
    weights = np.arange(6, dtype="f4").reshape(2, 3)
    tf.raw_ops.Save(filename=str(path), tensor_names=["conv6/weights"], data=[weights])
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "/old/model.ckpt-7"')
    for given in (path, tmp_path):
        with pytest.raises(LfpError, match=r"model\.ckpt-7 is a checkpoint of .* \(V1\)") as error:
            read_checkpoint(given)
    program = re.search(r'python -c "(.*)"$', str(error.value))[1]
    subprocess.run([sys.executable, "-c", program], check=True, stderr=subprocess.DEVNULL)
    np.testing.assert_array_equal(read_checkpoint(f"{path}.npz")["conv6/weights"], weights)


def test_an_index_under_another_name_is_told(bundle, tmp_path):
    (tmp_path / "weights").write_bytes((bundle / "ckpt-1.index").read_bytes())
    with pytest.raises(
        LfpError, match="is the index of a TensorFlow checkpoint under another name"
    ):
        read_checkpoint(tmp_path / "weights")


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("", "names no model_checkpoint_path"),
        ('model_checkpoint_path: "../ckpt-7"', '"ckpt-7", which is not'),
        (f'model_checkpoint_path: "{"x" * 5000}"', "which is not"),
    ],
)
def test_state_files_that_lead_nowhere(bundle, tmp_path, state, told):
    (copy(bundle, tmp_path) / "checkpoint").write_text(state)
    with pytest.raises(LfpError, match=told):
        read_checkpoint(tmp_path)


def test_missing_and_damaged_files(bundle, tmp_path):
    copy(bundle, tmp_path)
    data = next(tmp_path.glob("*.data-*"))
    content = data.read_bytes()
    data.write_bytes(content[:3])
    with pytest.raises(LfpError, match="ckpt-1"):
        read_checkpoint(tmp_path)
    data.write_bytes(bytes(len(content)))
    with pytest.raises(LfpError, match=r"ckpt-1 is damaged"):
        read_checkpoint(tmp_path)
    data.unlink()
    with pytest.raises(LfpError, match=r"no ckpt-1\.data"):
        read_checkpoint(tmp_path)
    index = tmp_path / "ckpt-1.index"
    data.write_bytes(content)
    index.write_bytes(index.read_bytes()[:-60])
    with pytest.raises(LfpError, match="ckpt-1"):
        read_checkpoint(tmp_path)
