"""`dataset.json` says what records are for, and commands for another task refuse them."""

import argparse
import json

import numpy as np
import pytest
from PIL import Image

from lfp_tf.cli import data
from lfp_tf.data.description import check_task, read_dataset, task_classes
from lfp_tf.errors import LfpError
from lfp_tf.images.skeleton import JOINTS
from lfp_tf.recipes import config, preflight
from lfp_tf.tasks.catalog import CLASSIFICATION, POSE, SEGMENTATION
from lfp_tf.tasks.evaluation_facts import comparable_split


def run(*words):
    parser = argparse.ArgumentParser()
    data.add_arguments(parser)
    return data.run(parser.parse_args([*map(str, words), "--workers", "1"]))


@pytest.fixture
def classes(tmp_path):
    for name in ("train/a/1.png", "train/b/1.png", "train/b/2.png"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((8, 9, 3), np.uint8)).save(path)
    return tmp_path / "in"


def people(root, second):
    (root / "images").mkdir(parents=True)
    Image.fromarray(np.zeros((40, 30, 3), np.uint8)).save(root / "images/a.png")
    points = np.random.RandomState(0).uniform(5, 25, (14, 2)).tolist()
    entries = [{"file_name": "a.png", "joints": points, "visible": [1] * 14}]
    entries.append(entries[0] | second)
    content = {"joint_names": list(JOINTS["lsp"]), "train": entries}
    (root / "annotations.json").write_text(json.dumps(content))
    return root


def test_classification_from_the_command(classes, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("imagenet", "--source", classes, "--out", out, "--show", 2) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[-1] == f"{out}: 3 train records"
    assert "imagenet: 2 classes, 3 train images" in said.err
    assert f"val is left out: There is no folder {classes / 'val'}." in said.err
    dataset = read_dataset(out)
    assert (dataset["tasks"], dataset["classes"], dataset["synsets"]) == (
        ["classification"],
        ["a", "b"],
        ["a", "b"],
    )
    assert len(list((out / "show").iterdir())) == 2
    with pytest.raises(LfpError, match="holds records of imagenet for classification, but this is"):
        check_task(dataset, out, SEGMENTATION)


def test_commands_for_segmentation_refuse_records_for_another_task(classes, tmp_path, capsys):
    out = tmp_path / "out"
    run("imagenet", "--source", classes, "--out", out)
    params = config.of_network("pspnet")
    params.task.dataset = "imagenet"
    with pytest.raises(LfpError, match="records of imagenet for classification, but this is seg"):
        preflight.fill_in(params, data_dir=out)
    params = config.of_network("lfp_classifier")
    params.task.dataset = "imagenet"
    with pytest.raises(LfpError, match="out has no split 'val'; it has train."):
        preflight.fill_in(params, data_dir=out)
    params.task.validation_data.split = "train"
    assert preflight.fill_in(params, data_dir=out)["name"] == "imagenet"
    with pytest.raises(LfpError, match="records of imagenet for classification, but this is seg"):
        comparable_split(None, out, "train", SEGMENTATION)


def test_people_that_cannot_be_used_are_named(tmp_path, capsys):
    root = people(tmp_path / "in", {"visible": [0] * 14})
    run("lsp", "--source", root, "--out", tmp_path / "out", "--show", 1)
    said = capsys.readouterr().err
    assert "lsp: 14 joints, 2 train people" in said
    assert "Left out, because they cannot be used (1):" in said
    assert "annotations.json, train 1 (a.png) has no person: no joint is annotated." in said
    assert read_dataset(tmp_path / "out")["splits"]["train"]["count"] == 1
    with pytest.raises(LfpError, match="has 1 people that cannot be used, named above"):
        run("lsp", "--source", root, "--check")


def test_two_people_of_one_image_are_drawn_apart(tmp_path, capsys):
    root = people(tmp_path / "in", {})
    run("lsp", "--source", root, "--out", tmp_path / "out", "--show", 2, "--check")
    assert len(list((tmp_path / "out/show").iterdir())) == 2


def test_older_records_are_of_segmentation(tmp_path):
    run("scenes", "--counts", "1,0,0", "--size", "16,16", "--out", tmp_path)
    dataset = json.loads((tmp_path / "dataset.json").read_text())
    assert dataset.pop("tasks") == ["segmentation", "detection"]
    (tmp_path / "dataset.json").write_text(json.dumps(dataset))
    assert read_dataset(tmp_path)["tasks"] == []
    check_task(read_dataset(tmp_path), tmp_path, SEGMENTATION)
    with pytest.raises(LfpError, match="records of scenes for another task, but this is pose"):
        check_task(read_dataset(tmp_path), tmp_path, POSE)


def test_records_of_version_1_tell_one_task(tmp_path):
    run("scenes", "--counts", "1,0,0", "--size", "16,16", "--out", tmp_path)
    dataset = json.loads((tmp_path / "dataset.json").read_text())
    del dataset["tasks"]
    old = dataset | {"format_version": 1, "task": "pose"}
    (tmp_path / "dataset.json").write_text(json.dumps(old))
    read = read_dataset(tmp_path)
    assert read["tasks"] == ["pose"] and "task" not in read
    check_task(read, tmp_path, POSE)


def test_records_may_serve_several_tasks(tmp_path):
    dataset = {"name": "both", "tasks": ["segmentation", "pose"]}
    check_task(dataset, tmp_path, SEGMENTATION)
    check_task(dataset, tmp_path, POSE)
    with pytest.raises(LfpError, match="of both for segmentation and pose, but this is class"):
        check_task(dataset, tmp_path, CLASSIFICATION)


def test_each_task_has_its_classes(tmp_path):
    run("scenes", "--counts", "1,0,0", "--size", "16,16", "--out", tmp_path)
    dataset = read_dataset(tmp_path)
    assert task_classes(dataset, "detection") == ["car", "person", "sign"]
    assert task_classes(dataset, "segmentation") == dataset["classes"]
    assert len(dataset["classes"]) == 8
    old = {key: value for key, value in dataset.items() if key != "task_classes"}
    assert task_classes(old, "segmentation") == dataset["classes"]
    (tmp_path / "dataset.json").write_text(json.dumps(dataset | {"task_classes": {"pose": 3}}))
    with pytest.raises(LfpError, match="does not tell task_classes as lfp-tf writes it"):
        read_dataset(tmp_path)
