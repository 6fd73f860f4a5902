"""Any set in COCO's JSON: which files are read, where images are found, how classes are made."""

import argparse

import pytest
from dataset_trees import IMAGE, coco_content, save
from dataset_trees import put as trees_put

from lfp_tf.cli import data
from lfp_tf.data.datasets import coco, coco_json
from lfp_tf.data.description import read_dataset
from lfp_tf.data.detection.records import read_truth
from lfp_tf.errors import LfpError


def run(*words):
    parser = argparse.ArgumentParser()
    data.add_arguments(parser)
    return data.run(parser.parse_args([*map(str, words), "--workers", "1"]))


def put(path, content=None):
    trees_put(path, content or coco_content({}))


@pytest.mark.parametrize(
    ("file", "image", "split"),
    [
        ("instances_train.json", "images/a.jpg", "train"),
        ("instances_val2017.json", "val2017/a.jpg", "val"),
        ("annotations/instances_train2014.json", "images/train2014/a.jpg", "train"),
        ("annotations/instances_default.json", "images/default/a.jpg", "train"),
        ("annotations/instances_minival2014.json", "val2014/a.jpg", "minival"),
        ("valid/_annotations.coco.json", "valid/a.jpg", "val"),
        ("annotations/test.json", "test/a.jpg", "test"),
        ("train_annotations.json", "a.jpg", "train"),
        ("result.json", "images/a.jpg", "result"),
    ],
)
def test_layouts(tmp_path, file, image, split):
    put(tmp_path / file)
    save(tmp_path / image, IMAGE)
    put(tmp_path / "annotations/captions_val2017.json", {"images": []})
    plan = coco_json.plan(tmp_path)
    assert list(plan.splits) == [split] and plan.splits[split][0].name == image
    assert plan.table.names == ("cat", "dog") and plan.facts == {"category_ids": [1, 3]}


def test_images_are_found_by_the_end_of_their_path(tmp_path):
    for place in ("train/x/a.jpg", "val/x/a.jpg", "val/y/a.jpg"):
        save(tmp_path / place, IMAGE)
    put(tmp_path / "instances_train.json", coco_content({}, name="x/a.jpg"))
    put(tmp_path / "instances_val.json", coco_content({}, name="C:\\data\\y\\a.jpg"))
    with pytest.raises(LfpError, match=r"a\.jpg of .*val.json may be any of val/x/a.jpg, val/y"):
        coco_json.plan(tmp_path)
    put(tmp_path / "instances_val.json", coco_content({}, name="y\\a.jpg"))
    plan = coco_json.plan(tmp_path)
    assert plan.splits["train"][0].name == "train/x/a.jpg"
    assert plan.splits["val"][0].name == "val/y/a.jpg"


def test_missing_images_and_files_are_refused(tmp_path):
    with pytest.raises(LfpError, match="holds no annotations. Expected: instances_SPLIT.json"):
        coco_json.plan(tmp_path)
    put(tmp_path / "instances_train2014.json")
    with pytest.raises(LfpError, match="1 of the 1 images that .* names are nowhere in .*: a.jpg"):
        coco_json.plan(tmp_path)
    put(tmp_path / "instances_train2017.json")
    with pytest.raises(LfpError, match="are both of the split train; which one is meant"):
        coco_json.plan(tmp_path)
    with pytest.raises(LfpError, match="holds no instances_train2017.json"):
        coco.plan(put(tmp_path / "annotations/x.json") or tmp_path)


def test_classes_are_those_of_all_splits(tmp_path):
    for split in ("train", "val"):
        save(tmp_path / split / "a.jpg", IMAGE)
    put(tmp_path / "instances_train.json", coco_content({"category_id": 3}))
    content = coco_content({"category_id": 3}, {"category_id": 2})
    content["categories"][1] = {"id": 2, "name": "bus", "supercategory": "vehicle"}
    put(tmp_path / "instances_val.json", content)
    plan = coco_json.plan(tmp_path)
    assert plan.table.names == ("cat", "bus", "dog")
    labels = {s: [one.label for one in plan.splits[s][0].objects] for s in plan.splits}
    assert labels == {"train": [3], "val": [3, 2]}
    plan = coco_json.plan(tmp_path, supercategories=True)
    assert plan.table.names == ("animal", "vehicle") and not plan.facts
    labels = {s: [one.label for one in plan.splits[s][0].objects] for s in plan.splits}
    assert labels == {"train": [1], "val": [1, 2]}
    content["categories"][0]["name"] = "wolf"
    put(tmp_path / "instances_val.json", content)
    with pytest.raises(
        LfpError, match='val.json calls the category 3 "wolf", but another file calls'
    ):
        coco_json.plan(tmp_path)


def test_from_the_command_to_the_truth(tmp_path, capsys):
    save(tmp_path / "in/train2017/a.jpg", IMAGE)
    polygon = [[1, 0, 4, 0, 4, 2, 1, 2]]
    content = coco_content({"segmentation": polygon}, {"bbox": [1]})
    put(tmp_path / "in/annotations/instances_train2017.json", content)
    for name in ("coco", "coco_json"):
        out = tmp_path / name
        assert run(name, "--source", tmp_path / "in", "--out", out, "--show", 1) == 0
        said = capsys.readouterr()
        assert f"{out}: 1 train records" in said.out
        assert f"{name}: 2 classes, 1 train images" in said.err
        assert "1 boxes are not four finite numbers" in said.err
        assert (out / "show/train_train2017_a.jpg.png").exists()
        dataset = read_dataset(out)
        assert dataset["tasks"] == ["detection"] and dataset["category_ids"] == [1, 3]
        (one,) = read_truth(out, "train")["annotations"]
        assert one["area"] == 6 and one["category_id"] == 1
    assert run("coco_json", "--source", tmp_path / "in", "--check", "--supercategories") == 0
    assert "coco_json train: 1 images, no problems" in capsys.readouterr().out


def test_it_is_told_where_only_some_objects_have_masks(tmp_path):
    save(tmp_path / "a.jpg", IMAGE)
    polygon = [[1, 0, 4, 0, 4, 2, 1, 2]]
    for objects, notes in (
        (
            [{"segmentation": polygon}, {}, {"segmentation": []}],
            ["train: 1 of 3 objects have a mask"],
        ),
        ([{"segmentation": polygon}], []),
        ([{}], []),
    ):
        put(tmp_path / "instances_train.json", coco_content(*objects))
        assert [note for note in coco_json.plan(tmp_path).notes if "mask" in note] == notes


def test_other_years_and_halves_of_coco(tmp_path):
    save(tmp_path / "val2014/a.jpg", IMAGE)
    put(tmp_path / "annotations/instances_minival2014.json")
    plan = coco.plan(tmp_path, ["minival"], year="2014")
    assert plan.options["annotations"] == ["annotations/instances_minival2014.json"]
    with pytest.raises(LfpError, match='--year is 2017 or 2014, not "2015"'):
        coco.DATASET.options["year"].read("year", "2015")
