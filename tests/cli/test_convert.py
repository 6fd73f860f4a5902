"""Old checkpoints of each naming become folders that load back to the same numbers."""

import shutil

import numpy as np
import pytest
import yaml

from lfp_tf.checkpoints.names.pspnet import TRANSLATIONS, their_name
from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.cli.main import main
from lfp_tf.recipes import experiments, networks

RECIPE = """
base: _base
about: {network: PSPNet-50, dataset: scenes}
config:
  task: {dataset: scenes, model: {depth: 50, width: 0.0625}, train_data: {crop: [49, 49]}}
  trainer: {train_steps: 1}
"""


@pytest.fixture(autouse=True, scope="module")
def small_experiment(tmp_path_factory):
    """An experiment `tiny50` of a sixteenth of the widths."""
    folder = tmp_path_factory.mktemp("experiments")
    shutil.copytree(experiments._FOLDER / "pspnet", folder / "pspnet")
    (folder / "pspnet" / "tiny50.yaml").write_text(RECIPE)
    before, experiments._FOLDER = experiments._FOLDER, folder
    experiments.paths.cache_clear()
    yield
    experiments._FOLDER = before
    experiments.paths.cache_clear()


def old_file(path, translation, preset, *, prefix="", without=()):
    """Writes a drawn network under an original's names; gives its arrays under ours."""
    model = networks.build("tiny50", preset=preset)
    rng, ours, theirs = np.random.default_rng(0), {}, {}
    for name, variable in variables_by_name(model).items():
        ours[name] = rng.normal(size=variable.shape).astype(np.float32)
        source = their_name(name, translation, model.recipe.options["bins"])
        if not any(name.startswith(part) for part in without):
            theirs[prefix + source] = TRANSLATIONS[translation].to_theirs(ours[name], name)
    np.savez(path, **theirs)
    return ours


def loaded(folder):
    model, _ = networks.load("tiny50", folder)
    return model, {name: v.numpy() for name, v in variables_by_name(model).items()}


def test_a_torch_file_comes_back_variable_by_variable(tmp_path, capsys):
    ours = old_file(tmp_path / "old.npz", "torch", None, prefix="module.")
    out = tmp_path / "new"
    assert main(["convert", str(tmp_path / "old.npz"), "--experiment=tiny50", f"--out={out}"]) == 0
    said = capsys.readouterr()
    assert f"lineage pspnet-torch: {len(ours)} variables loaded" in said.out
    assert said.out.rstrip().endswith(str(out))
    assert "preset torch, the file's own lineage" in said.err
    model, arrays = loaded(out)
    assert model.recipe.preprocess == "torch"
    for name, array in ours.items():
        np.testing.assert_array_equal(arrays[name], array, err_msg=name)


def test_a_caffe_file_brings_its_graph_and_preprocessing(tmp_path, capsys):
    ours = old_file(tmp_path / "old.npz", "caffe", "caffe")
    out = tmp_path / "new"
    assert main(["convert", str(tmp_path / "old.npz"), "--experiment=tiny50", f"--out={out}"]) == 0
    assert "preset caffe, the file's own lineage" in capsys.readouterr().err
    options = yaml.safe_load((out / "options.yaml").read_text())["task"]
    assert options["dataset"] == "scenes" and options["train_data"] == {"crop": [49, 49]}
    assert options["model"]["preprocess"] == "caffe"
    assert options["model"]["pooling"] == "window" and options["model"]["stride_in"] == "1x1"
    model, arrays = loaded(out)
    assert model.recipe.preprocess == "caffe" and "aux_logits/kernel" not in arrays
    for name, array in ours.items():
        np.testing.assert_array_equal(arrays[name], array, err_msg=name)


def test_safetensors_are_written_and_loaded_again(tmp_path, capsys):
    ours = old_file(tmp_path / "old.npz", "caffe", "caffe")
    out = tmp_path / "new"
    words = ["convert", str(tmp_path / "old.npz"), "--experiment=tiny50", "--to=safetensors"]
    assert main([*words, f"--out={out}"]) == 0
    assert {file.name for file in out.iterdir()} == {"options.yaml", "weights.safetensors"}
    arrays = networks.read_checkpoint(out / "weights.safetensors")
    for name, array in ours.items():
        np.testing.assert_array_equal(arrays[name], array, err_msg=name)
    for given in (out, out / "weights.safetensors"):
        model, arrays = loaded(given)
        assert model.recipe.preprocess == "caffe" and model.recipe.options["stride_in"] == "1x1"
        for name, array in ours.items():
            np.testing.assert_array_equal(arrays[name], array, err_msg=name)


def test_a_run_of_our_own_becomes_safetensors_and_nothing_else(tmp_path, capsys):
    run = tmp_path / "run"
    old_file(tmp_path / "old.npz", "torch", None)
    words = ["--experiment=tiny50", f"--out={run}"]
    assert main(["convert", str(tmp_path / "old.npz"), *words]) == 0
    words = ["convert", str(run), "--experiment=tiny50", f"--out={tmp_path / 'new'}"]
    assert main(words) == 2
    assert "is one of our own trainings already" in capsys.readouterr().err
    assert main([*words, "--to=safetensors"]) == 0
    _, before = loaded(run)
    _, after = loaded(tmp_path / "new")
    assert set(before) == set(after)
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array, err_msg=name)


def test_a_preset_that_the_file_contradicts_is_refused(tmp_path, capsys):
    old_file(tmp_path / "old.npz", "caffe", "caffe")
    words = ["convert", str(tmp_path / "old.npz"), "--experiment=tiny50", "--preset=torch"]
    assert main([*words, f"--out={tmp_path / 'new'}"]) == 2
    error = capsys.readouterr().err
    assert "pspnet-caffe file" in error and "--preset=caffe" in error
    assert not (tmp_path / "new").exists()


def test_the_auxiliary_head_may_be_missing_and_nothing_else(tmp_path, capsys):
    old_file(tmp_path / "deploy.npz", "torch", None, without=["aux_"])
    words = ["--experiment=tiny50", f"--out={tmp_path / 'new'}"]
    assert main(["convert", str(tmp_path / "deploy.npz"), *words]) == 0
    assert "7 missing in the file: aux_conv/kernel" in capsys.readouterr().out
    old_file(tmp_path / "cut.npz", "torch", None, without=["stage4_block3"])
    words = ["--experiment=tiny50", f"--out={tmp_path / 'cut'}"]
    assert main(["convert", str(tmp_path / "cut.npz"), *words]) == 2
    assert "lacks 15 of the network's variables" in capsys.readouterr().err
    assert not (tmp_path / "cut").exists()


def test_nothing_is_overwritten_and_mistakes_are_sentences(tmp_path, capsys):
    (tmp_path / "there").mkdir()
    (tmp_path / "file").write_text("x")
    for words, sentence in (
        (["--experiment=tiny50", f"--out={tmp_path / 'there'}"], "exists already"),
        (["--experiment=tiny5", "--out=x"], 'Did you mean "tiny50"?'),
        (["--experiment=tiny50"], "--out is missing"),
        (["--out=x"], "--experiment is missing"),
    ):
        assert main(["convert", str(tmp_path / "file"), *words]) == 2
        assert sentence in capsys.readouterr().err
    assert main(["convert", str(tmp_path / "no"), "--experiment=tiny50", "--out=x"]) == 2
    assert "FILE " in (said := capsys.readouterr().err) and "does not exist" in said
