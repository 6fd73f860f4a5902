"""Detectron's files of detectors, read and written by `lfp-tf convert`."""

import pickle
import shutil

import numpy as np
import pytest
import yaml

from lfp_tf.checkpoints.formats.detectron import write_detectron
from lfp_tf.checkpoints.names.detectron import TRANSLATIONS
from lfp_tf.checkpoints.read import read_checkpoint
from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.cli.main import main
from lfp_tf.recipes import experiments, networks

RECIPE = """
base: _base
about: {network: Mask R-CNN, dataset: scenes}
config:
  task:
    dataset: scenes
    model: {classes: 4, width: 0.125, pyramid_dim: 16, box_dim: 8, mask_dim: 16, mask_convolutions: 2}
  trainer: {train_steps: 1}
"""
DETECTRON = TRANSLATIONS["detectron"]
CONFIG = "MODEL: {BBOX_REG_WEIGHTS: !!python/tuple [10.0, 10.0, 5.0, 5.0], TYPE: generalized_rcnn}"


@pytest.fixture(autouse=True, scope="module")
def small_experiment(tmp_path_factory):
    """An experiment `tiny_mask` of an eighth of the widths."""
    folder = tmp_path_factory.mktemp("experiments")
    shutil.copytree(experiments._FOLDER / "detection", folder / "detection")
    (folder / "detection" / "tiny_mask.yaml").write_text(RECIPE)
    batch = RECIPE.replace("{classes", "{norm: batch, classes")
    (folder / "detection" / "tiny_batch.yaml").write_text(batch)
    before, experiments._FOLDER = experiments._FOLDER, folder
    experiments.paths.cache_clear()
    yield
    experiments._FOLDER = before
    experiments.paths.cache_clear()


@pytest.fixture(scope="module")
def blobs(small_experiment):
    """A Detectron file's blobs of that network, with momentum and a backup besides."""
    model, rng = networks.build("tiny_mask"), np.random.default_rng(0)
    arrays = {}
    for name, variable in variables_by_name(model).items():
        theirs = DETECTRON.their_name(name, model.recipe.options)
        drawn = rng.normal(size=variable.shape).astype(np.float32)
        arrays[theirs] = DETECTRON.to_theirs(drawn, name)
    arrays["fc7_w_momentum"] = arrays["fc7_w"] / 2
    arrays["cls_score_w_jcvbackup"] = np.ones((9, 8), "f4")
    return arrays


def convert(file, out, *words):
    return main(["convert", str(file), "--experiment=tiny_mask", f"--out={out}", *words])


def assert_same(arrays, others):
    assert sorted(arrays) == sorted(others)
    for name, array in arrays.items():
        assert array.tobytes() == others[name].tobytes(), name


def test_a_file_comes_back_blob_by_blob_with_what_it_kept(tmp_path, blobs, capsys):
    write_detectron(tmp_path / "model_final.pkl", blobs, CONFIG)
    out = tmp_path / "new"
    assert convert(tmp_path / "model_final.pkl", out, "--to=again.pkl") == 0
    said = capsys.readouterr()
    assert "lineage rcnn-detectron" in said.out and "1 momentum blobs were skipped" in said.out
    assert "2 blobs that the network does not know are kept" in said.err
    assert {file.name for file in out.iterdir()} == {"again.pkl", "options.yaml"}
    python = pickle.loads((out / "again.pkl").read_bytes(), encoding="latin1")
    assert_same(blobs, python["blobs"])
    assert python["cfg"] == CONFIG
    for given in (out, out / "again.pkl"):
        model, report = networks.load("tiny_mask", given)
        assert not report.missing and model.recipe.preprocess == "detectron"


def test_a_file_becomes_a_checkpoint_of_ours_and_a_detectron_file_again(tmp_path, blobs, capsys):
    write_detectron(tmp_path / "model_final.pkl", blobs, CONFIG)
    assert convert(tmp_path / "model_final.pkl", tmp_path / "ours") == 0
    assert convert(tmp_path / "ours", tmp_path / "back", "--to=model.pkl") == 0
    arrays = read_checkpoint(tmp_path / "back")
    plain = {name: array for name, array in blobs.items() if not name.endswith(("backup", "tum"))}
    assert_same(plain, arrays)
    assert "BBOX_REG_WEIGHTS: !!python/tuple [10.0, 10.0, 5.0, 5.0]" in arrays.config
    assert "NUM_CLASSES: " in arrays.config and arrays.notes == []


def test_what_a_run_began_with_travels_but_its_momentum(tmp_path, blobs, capsys):
    write_detectron(tmp_path / "start.pkl", blobs, CONFIG)
    assert convert(tmp_path / "start.pkl", tmp_path / "run") == 0
    options = yaml.safe_load((tmp_path / "run" / "options.yaml").read_text())
    options["task"]["init_checkpoint"] = str(tmp_path / "start.pkl")
    (tmp_path / "run" / "options.yaml").write_text(yaml.safe_dump(options))
    assert convert(tmp_path / "run", tmp_path / "out", "--to=a.pkl") == 0
    names = set(read_checkpoint(tmp_path / "out"))
    assert "cls_score_w_jcvbackup" in names and "fc7_w_momentum" not in names
    (tmp_path / "start.pkl").unlink()
    assert convert(tmp_path / "run", tmp_path / "later", "--to=a.pkl") == 0
    assert "start.pkl, which the run began with, is no file" in capsys.readouterr().err


def test_a_very_old_file_is_told_and_so_is_the_network_for_it(tmp_path, blobs, capsys):
    write_detectron(tmp_path / "old.pkl", blobs)
    assert convert(tmp_path / "old.pkl", tmp_path / "new") == 0
    said = capsys.readouterr().out
    assert "its box regressor assumes the weights 1, 1, 1, 1" in said
    assert "task.model.box_weights=[1.0,1.0,1.0,1.0]" in said
    changes = {"task": {"model": {"box_weights": [1.0, 1.0, 1.0, 1.0]}}}
    _, report = networks.load("tiny_mask", tmp_path / "old.pkl", changes=changes)
    assert not any("box regressor" in note for note in report.notes)


def test_inspect_tells_the_box_weights(tmp_path, blobs, capsys):
    write_detectron(tmp_path / "a.pkl", blobs, CONFIG)
    assert main(["inspect", str(tmp_path / "a.pkl")]) == 0
    said = capsys.readouterr().out
    assert "format   detectron\nlineage  rcnn-detectron\n" in said
    assert "boxes    learnt with the weights 10.0, 10.0, 5.0, 5.0" in said


@pytest.mark.parametrize("form", ["npz", ".pkl", "folder/a.pkl", "a.pickle"])
def test_other_forms_are_refused(tmp_path, form, capsys):
    (tmp_path / "a").write_text("x")
    assert convert(tmp_path / "a", tmp_path / "new", f"--to={form}") == 2
    assert "must be checkpoint, safetensors or the name of a file" in capsys.readouterr().err


def test_a_network_that_detectron_does_not_know_is_refused(tmp_path, capsys):
    model = networks.build("tiny_batch")
    from lfp_tf.cli.convert import write_folder

    write_folder(tmp_path / "ours", model)
    words = ["--experiment=tiny_batch", f"--out={tmp_path / 'new'}", "--to=a.pkl"]
    assert main(["convert", str(tmp_path / "ours"), *words]) == 2
    assert "network with batch norms is none of Detectron's" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def change(file, *words):
    return main(["convert", str(file), *map(str, words)])


def test_class_rows_are_cut_and_put_back(tmp_path, blobs, capsys):
    start, names = tmp_path / "start.pkl", tmp_path / "classes.txt"
    others = ("cls_score_w_jcvbackup", "mask_fcn_logits_w", "mask_fcn_logits_b")
    plain = {name: array for name, array in blobs.items() if name not in others}
    write_detectron(start, plain, CONFIG)
    names.write_text("one\ntwo\n")
    assert change(start, "--classes", names, "--to", tmp_path / "cut.pkl") == 0
    assert "2 classes in place of 4; all rows are kept as .._jcvb" in capsys.readouterr().err
    cut = read_checkpoint(tmp_path / "cut.pkl")
    assert cut["cls_score_w"].shape == (3, 8) and cut.config == CONFIG
    np.testing.assert_array_equal(cut["bbox_pred_b"], blobs["bbox_pred_b"][:12])
    assert change(tmp_path / "cut.pkl", "--classes=4", "--out", tmp_path, "--to=back.pkl") == 0
    assert capsys.readouterr().out == f"{tmp_path / 'back.pkl'}\n"
    back = read_checkpoint(tmp_path / "back.pkl")
    assert_same(plain, {name: back[name] for name in plain})
    assert set(back) - set(plain) == {name for name in back if name.endswith("_jcvbackup")}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--classes=4"], "--classes needs --to FILE.pkl"),
        (["--classes=4", "--to=a.pkl", "--experiment=tiny_mask"], "leave out --experiment"),
        (["--classes=nowhere.txt", "--to=a.pkl"], "no file nowhere.txt for --classes"),
        (["--classes=2", "--to=start.pkl"], "start.pkl exists already"),
        (["--classes=4", "--to=a.pkl"], "start.pkl has rows of 4 classes already"),
        (["--classes=2", "--to=a.pkl"], "has a last layer of masks with a row for each class"),
    ],
)
def test_changes_of_rows_that_cannot_be_are_refused(
    tmp_path, blobs, words, message, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    write_detectron("start.pkl", blobs)
    assert change("start.pkl", *words) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "a.pkl").exists()


def test_rows_of_other_files_are_not_changed(tmp_path, capsys):
    np.savez(tmp_path / "a.npz", cls_score_w=np.zeros((3, 2)))
    assert change(tmp_path / "a.npz", "--classes=1", "--to", tmp_path / "b.pkl") == 2
    assert "a.npz is no Detectron file" in capsys.readouterr().err
