"""A run keeps the name of its experiment: under another one's it is refused, not renamed."""

import json
import shutil

import pytest
import tiny
import yaml
from small_network import random_images
from small_recipes import SMALL_DETECTOR

from lfp_tf.cli.main import main
from lfp_tf.errors import LfpError
from lfp_tf.images.decode import encode_png
from lfp_tf.recipes import config, networks


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of `pspnet18_scenes` under a name that tells nothing."""
    folder = tmp_path_factory.mktemp("runs")
    records = tiny.make_records(folder / "scenes", train=4, val=2)
    done = tiny.train(records, folder / "mine", "--mode=train", trainer__train_steps=1)
    assert done.returncode == 0, done.stderr
    return folder / "mine"


@pytest.fixture
def street(tmp_path):
    (image,) = random_images((33, 41))
    (tmp_path / "street.png").write_bytes(encode_png(image))
    return tmp_path / "street.png"


def test_a_run_names_its_experiment(run):
    assert json.loads((run / "run.json").read_text()) == {"experiment": "pspnet18_scenes"}


@pytest.mark.parametrize("name", ["pspnet18_camvid", "pspnet50_ade20k"])
def test_another_experiment_does_not_take_its_name_over_a_runs_classes(
    run, street, tmp_path, capsys, name
):
    words = ["predict", f"--experiment={name}", f"--checkpoint={run}", str(street)]
    assert main([*words, f"--out={tmp_path / 'out'}"]) == 2
    assert "is a network for scenes, not for" in (said := capsys.readouterr().err)
    assert "give its own experiment, pspnet18_scenes." in said
    assert not (tmp_path / "out").exists()


def test_its_own_experiment_and_one_that_was_told_its_data_set_take_it(run, tmp_path):
    own, _ = networks.load("pspnet18_scenes", run)
    told = tmp_path / "told"
    shutil.copytree(run, told)
    (told / "run.json").write_text(json.dumps({"experiment": "pspnet18_camvid"}))
    model, _ = networks.load("pspnet18_camvid", told)
    assert model.recipe.classes == own.recipe.classes and len(own.recipe.classes) == 8


def test_an_older_run_is_known_by_its_folder(run, tmp_path):
    for name in ("pspnet18_scenes", "anything"):
        shutil.copytree(run, tmp_path / name)
        (tmp_path / name / "run.json").unlink()
    with pytest.raises(LfpError, match=r"give its own experiment, pspnet18_scenes\."):
        networks.build("pspnet18_camvid", checkpoint=tmp_path / "pspnet18_scenes")
    networks.build("pspnet18_camvid", checkpoint=tmp_path / "anything")


@pytest.mark.parametrize("classes", [11, 8])
def test_load_weights_says_whose_run_it_is(run, classes):
    changes = {"task": {"model": {"width": 0.125, "depth": 18, "classes": classes}}}
    model = networks.build("pspnet18_camvid", changes=changes)
    with pytest.raises(LfpError) as error:
        networks.load_weights(model, run)
    assert "does not fit this network" in str(error.value)
    assert "it is of pspnet18_scenes, a pspnet for scenes with 8 classes" in str(error.value)
    assert "build that experiment with" in str(error.value) and str(run) in str(error.value)


def test_load_weights_with_a_run_of_another_depth_says_whose_it_is(run):
    model = networks.build("pspnet18_scenes", changes={"task": {"model": {"width": 0.25}}})
    with pytest.raises(LfpError, match=r"or is damaged: it is of pspnet18_scenes, a pspnet for"):
        networks.load_weights(model, run)


def test_a_damaged_run_file_is_told(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    for text in ("{", "[]", '{"experiment": 3}'):
        (tmp_path / "run" / "run.json").write_text(text)
        with pytest.raises(LfpError, match=r"run\.json does not name an experiment"):
            networks.build("pspnet18_scenes", checkpoint=tmp_path / "run")


@pytest.mark.parametrize(("words", "kept"), [(["car"], ["car"]), (None, ["person"])])
def test_a_detectors_run_keeps_the_classes_whose_masks_it_learnt(tmp_path, words, kept):
    task = {"model": SMALL_DETECTOR["model"]}
    trained = {"task": task if words is None else task | {"mask_classes": words}}
    fields = config.of_experiment("maskrcnn_small_scenes", changes=trained).as_dict()
    if words is None:  # As a run of a release that had no such field.
        del fields["task"]["mask_classes"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(fields))
    changes = {"task": {"mask_classes": ["person"]}}
    model = networks.build("maskrcnn_small_scenes", checkpoint=tmp_path, changes=changes)
    assert model.recipe.evaluation["mask_classes"] == kept
