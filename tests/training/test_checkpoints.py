"""Checkpoints in a run's folder, ours and what their run says of them."""

import json

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import yaml

from lfp_tf.errors import LfpError
from lfp_tf.training.best import BestCheckpoint, best_info
from lfp_tf.training.checkpoints import Checkpoints, find_newest, remove_debris
from lfp_tf.training.own_checkpoints import Newest, own_checkpoint, restore, task_fields


class Kept:
    """A step and a network of one layer, as a trainer keeps them."""

    def __init__(self, folder, *, units=2, max_to_keep=2):
        inputs = tf_keras.Input([3])
        self.model = tf_keras.Model(inputs, tf_keras.layers.Dense(units, name="fc")(inputs))
        self.step = tf.Variable(0, dtype=tf.int64)
        checkpoint = tf.train.Checkpoint(model=self.model, global_step=self.step)
        self.checkpoints = Checkpoints(folder, checkpoint, written=folder, max_to_keep=max_to_keep)

    @property
    def kernel(self):
        return self.model.get_layer("fc").kernel

    def save(self, step):
        self.step.assign(step)
        self.checkpoints.save(step)


def test_the_newest_are_kept_and_gone_back_to(tmp_path):
    kept = Kept(tmp_path)
    assert kept.checkpoints.newest() == Newest(None, 0, ())
    for step in (2, 4, 6):
        kept.kernel.assign(tf.fill([3, 2], float(step)))
        kept.save(step)
    assert sorted(p.stem for p in tmp_path.glob("*.index")) == ["ckpt-4", "ckpt-6"]
    assert kept.checkpoints.last == str(tmp_path / "ckpt-6")
    assert find_newest(tmp_path) == Newest(str(tmp_path / "ckpt-6"), 6)
    kept.checkpoints.restore(str(tmp_path / "ckpt-4"))
    assert int(kept.step) == 4 and float(kept.kernel[0, 0]) == 4.0


def test_another_network_or_a_damaged_file_is_refused(tmp_path):
    Kept(tmp_path).save(2)
    prefix = str(tmp_path / "ckpt-2")
    with pytest.raises(LfpError, match="ckpt-2 does not fit this experiment's network or is dama"):
        Kept(tmp_path, units=5).checkpoints.restore(prefix)
    (tmp_path / "ckpt-2.index").write_bytes(b"cut")
    with pytest.raises(
        LfpError, match="holds checkpoints, but none is whole .the newest, .*ckpt-2"
    ):
        find_newest(tmp_path)
    with pytest.raises(LfpError, match="does not fit this experiment's network or is damaged"):
        Kept(tmp_path).checkpoints.restore(prefix)


DAMAGES = {
    "the index is cut": ("index", lambda path: path.write_bytes(path.read_bytes()[:-20])),
    "the index is empty": ("index", lambda path: path.write_bytes(b"")),
    "the index is lost": ("index", lambda path: path.unlink()),
    "the data are cut": (
        "data-00000-of-00001",
        lambda path: path.write_bytes(path.read_bytes()[:-8]),
    ),
    "a byte is wrong": (
        "data-00000-of-00001",
        lambda path: path.write_bytes(b"\xff" + path.read_bytes()[1:]),
    ),
    "the data are lost": ("data-00000-of-00001", lambda path: path.unlink()),
}


@pytest.mark.parametrize("state", ["whole", "lost", "cut"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_the_newest_whole_one_counts(tmp_path, damage, state):
    kept = Kept(tmp_path, max_to_keep=3)
    for step in (2, 4, 6):
        kept.save(step)
    suffix, spoil = DAMAGES[damage]
    spoil(tmp_path / f"ckpt-6.{suffix}")
    if state != "whole":
        (tmp_path / "checkpoint").write_text("model_check" if state == "cut" else "")
    if state == "lost":
        (tmp_path / "checkpoint").unlink()
    expected = Newest(str(tmp_path / "ckpt-4"), 4, (str(tmp_path / "ckpt-6"),))
    assert find_newest(tmp_path) == expected
    again = Kept(tmp_path, max_to_keep=2)
    again.checkpoints.restore(expected.prefix)
    # The step that was lost is written anew, and the oldest goes as if nothing had happened.
    again.save(6)
    assert find_newest(tmp_path) == Newest(str(tmp_path / "ckpt-6"), 6)
    assert sorted(p.stem for p in tmp_path.glob("*.index")) == ["ckpt-4", "ckpt-6"]


def test_what_a_kill_left_is_removed(tmp_path):
    Kept(tmp_path).save(2)
    (tmp_path / "ckpt-4_temp").mkdir()
    (tmp_path / "ckpt-4_temp" / "part").write_text("x")
    remove_debris(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        *("checkpoint", "ckpt-2.data-00000-of-00001", "ckpt-2.index"),
    ]


def test_the_best_wins_over_the_newest(tmp_path):
    kept = Kept(tmp_path)
    assert own_checkpoint(tmp_path) is None
    kept.kernel.assign(tf.fill([3, 2], 1.0))
    kept.save(1)
    assert own_checkpoint(tmp_path) == str(tmp_path / "ckpt-1")
    best = BestCheckpoint(tmp_path, kept.model, metric="score")
    assert [best.update(step, {"score": s}) for step, s in ((1, 0.5), (2, 0.25), (3, 0.5))] == [
        *(True, False, False),
    ]
    assert best_info(tmp_path) == {
        "step": 1, "metric": "score", "value": 0.5, "checkpoint": "step-1/ckpt",
    }  # fmt: skip
    # A run that was stopped after its evaluation comes by again.
    assert best.update(1, {"score": 0.5})
    kept.kernel.assign(tf.fill([3, 2], 9.0))
    kept.save(4)
    assert own_checkpoint(tmp_path) == str(tmp_path / "best" / "step-1" / "ckpt")
    restore(kept.model, own_checkpoint(tmp_path))
    assert float(kept.kernel[0, 0]) == 1.0
    assert best.update(5, {"score": 0.75})
    assert [p.name for p in (tmp_path / "best").iterdir() if p.is_dir()] == ["step-5"]


def test_lower_may_be_better(tmp_path):
    best = BestCheckpoint(tmp_path, Kept(tmp_path).model, metric="loss", is_higher_better=False)
    scores = ((1, 0.5), (2, 0.75), (3, 0.25))
    assert [best.update(step, {"loss": s}) for step, s in scores] == [True, False, True]
    with pytest.raises(LfpError, match="metric is loss, but the evaluation gives a, b."):
        best.update(4, {"b": 1, "a": 1})


def test_a_prefix_is_ours_and_others_files_are_not(tmp_path):
    Kept(tmp_path / "run").save(2)
    prefix = tmp_path / "run" / "ckpt-2"
    assert own_checkpoint(prefix) == own_checkpoint(f"{prefix}.index") == str(prefix)
    other = tf.train.Checkpoint(weights=tf.Variable([1.0])).write(str(tmp_path / "other" / "ckpt"))
    for path in (other, tmp_path / "other", tmp_path / "none", tmp_path / "run" / "ckpt-9"):
        assert own_checkpoint(path) is None
    with pytest.raises(LfpError, match="does not fit this network or is damaged"):
        restore(Kept(tmp_path / "new", units=7).model, str(prefix))


def test_a_runs_fields_are_those_of_its_params_or_options(tmp_path):
    assert task_fields(tmp_path) is None
    (tmp_path / "options.yaml").write_text(
        yaml.safe_dump({"task": {"dataset": "voc", "model": {}}})
    )
    assert task_fields(tmp_path) == {"dataset": "voc", "model": {}}
    (tmp_path / "params.yaml").write_text(
        json.dumps({"task": {"dataset": "lsp", "model": {}}, "trainer": {}})
    )
    assert task_fields(tmp_path) == {"dataset": "lsp", "model": {}}


def test_arrays_come_back_bit_for_bit(tmp_path):
    kept = Kept(tmp_path)
    values = np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32)
    kept.kernel.assign(values)
    kept.save(1)
    kept.kernel.assign(0 * values)
    kept.checkpoints.restore(find_newest(tmp_path).prefix)
    np.testing.assert_array_equal(kept.kernel, values)
