"""Families of experiments: one YAML file, an experiment for each of its variants."""

import re

import pytest

from lfp_tf.errors import LfpError
from lfp_tf.recipes import experiments

FAMILY = """
# A family.
base: _base
about: {network: plain, batch: 16}
config:
  task: {dataset: coco, model: {depth: 50}}
variants:
  a:
    about: {published: "1"}
    config: {task: {model: {depth: 101}}}
    variants:
      x: {config: {task: {model: {masks: false}}}}
      y: {about: {published: "2"}, config: {task: {mask_classes: [voc]}}}
  b: {about: {network: other}}
"""
BASE = (
    "about: {protocol: COCO}\nconfig: {task: {model: {network: rcnn}}, trainer: {train_steps: 9}}\n"
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of experiments, in place of the library's."""
    (tmp_path / "some").mkdir()
    monkeypatch.setattr(experiments, "_FOLDER", tmp_path)
    experiments.paths.cache_clear()
    yield tmp_path / "some"
    experiments.paths.cache_clear()


def written(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)


def test_variants_are_experiments_of_their_own(folder):
    written(folder, _base=BASE, family=FAMILY)
    path = folder / "family.yaml"
    assert experiments.paths() == dict.fromkeys(["family_a_x", "family_a_y", "family_b"], path)
    first, second, last = (experiments.read(name) for name in experiments.paths())
    assert (first.name, first.path, first.dataset) == ("family_a_x", path, "coco")
    assert first.config["task"]["model"] == {"network": "rcnn", "depth": 101, "masks": False}
    assert second.config["task"]["mask_classes"] == ["voc"]
    assert second.config["task"]["model"] == {"network": "rcnn", "depth": 101}
    assert last.config["task"]["model"]["depth"] == 50
    assert last.config["trainer"] == {"train_steps": 9}
    published = [one.about.get("published") for one in (first, second, last)]
    assert published == ["1", "2", None]
    assert last.about == {"protocol": "COCO", "network": "other", "batch": 16}


def test_a_family_is_no_experiment_and_its_variants_are_suggested(folder):
    written(folder, _base=BASE, family=FAMILY)
    with pytest.raises(LfpError, match='No experiment "family_bb". Did you mean "family_b"'):
        experiments.read("family_bb")


def test_variants_of_a_base_count_where_the_file_has_some(folder):
    more = "base: family\nvariants: {b: {about: {batch: 8}}, c: {}}\n"
    single = "base: family\nabout: {batch: 4}\n"
    written(folder, _base=BASE, family=FAMILY, more=more, single=single)
    names = [name for name in experiments.paths() if not name.startswith("family")]
    assert names == ["more_a_x", "more_a_y", "more_b", "more_c", "single"]
    assert experiments.read("more_b").about["batch"] == 8
    assert experiments.read("more_b").about["network"] == "other"
    assert experiments.read("single").config["task"]["model"]["depth"] == 50
    assert experiments.read("single").about["batch"] == 4


def test_what_a_caller_changes_stays_with_it(folder):
    written(folder, _base=BASE, family=FAMILY)
    experiments.read("family_b").config["task"]["model"]["depth"] = 18
    assert experiments.read("family_b").config["task"]["model"]["depth"] == 50


def test_no_two_files_have_one_name():
    files = set(experiments.paths().values())
    assert sum(len(experiments._names(path)) for path in files) == len(experiments.paths())


def test_the_names_of_maskx_tell_what_is_learnt():
    """The rule of docs/maskx.md: SETA is `mask_classes`, the words after it are the mask head's."""
    names = [
        name
        for name in experiments.paths()
        if re.fullmatch("maskx_resnet.*", name) and not re.search("_vg_|_coco_mini", name)
    ]
    assert len(names) == 95
    for name in names:
        task = experiments.read(name).config["task"]
        model = task["model"]
        sets = [f"_{word}_" in f"{name}_" for word in task.get("mask_classes", ["oracle"])]
        assert all(sets), name
        assert ("_e2e_" in name) != (task.get("trainable") == "mask_head"), name
        source = model.get("transfer_input", "none").replace("+", "_")
        assert source == "none" or f"_{source}" in name, name
        assert ("agnostic" in name) == (not model.get("class_specific_masks", True)), name
        assert name.endswith("_mlp") == ("mask_mlp" in model), name
        assert ("_relu" in name) == ("transfer_activation" in model), name
        layers = model.get("transfer_layers", 2)
        assert (f"_{layers}_layer" in name) == (layers != 2), name
        assert ("_grad" in name) == ("transfer_stop_gradient" in model), name
        assert ("_hourglass" in name) == (model.get("mask_head") == "hourglass"), name
        in_true_boxes = "_true_boxes" in name or "_hourglass" in name
        assert in_true_boxes == ("use_gt_boxes_for_masks" in task.get("sampling", {})), name
        assert f"_resnet{model['depth']}_" in name, name
