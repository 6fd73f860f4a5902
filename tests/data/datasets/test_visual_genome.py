"""Visual Genome: synsets by hand, splits, records with COCO's classes first, and what is refused."""

import json

import pytest
from dataset_trees import IMAGE, put, save

from lfp_tf.cli.main import main
from lfp_tf.data.datasets import visual_genome
from lfp_tf.data.datasets.visual_genome import (
    category_names,
    frequent_synsets,
    joint_synsets,
    split_images,
)
from lfp_tf.data.description import read_dataset
from lfp_tf.data.detection.records import read_truth
from lfp_tf.errors import LfpError
from lfp_tf.images.palette import class_table

COCO = class_table("coco_objects").names


def entry(image, *synsets):
    """The objects of an image, one for each tuple of synsets."""
    boxes = [
        {"object_id": 10 * image + n, "x": 1, "y": 0, "w": 3, "h": 2, "synsets": list(some)}
        for n, some in enumerate(synsets)
    ]
    return {"image_id": image, "objects": boxes}


def described(image, coco_id=None, folder="VG_100K"):
    url = f"https://cs.stanford.edu/people/rak248/{folder}/{image}.jpg"
    return {"image_id": image, "width": 6, "height": 4, "url": url, "coco_id": coco_id}


TREE, TRUCK, ARM = ("tree.n.01",), ("truck.n.01",), ("arm.n.01",)


@pytest.fixture
def source(tmp_path):
    """Six images: one of minival, one of COCO's others, four of neither."""
    root = tmp_path / "in"
    images = [described(1, 5), described(2, 6, "VG_100K_2"), *map(described, range(3, 7))]
    objects = [
        entry(1, TREE, TRUCK, (*TREE, *ARM)),
        entry(2, TREE, (), ("rare.n.01",)),
        entry(3, ARM),
        entry(4, TREE, ("rare.n.01",), ARM),
        entry(5, TRUCK),
        entry(6),
    ]
    put(root / "image_data.json", images)
    put(root / "objects.json", objects)
    put(root / "annotations/instances_val2017.json", {"images": [{"id": 5}, {"id": 99}]})
    for image in images:
        save(root / "/".join(image["url"].split("/")[-2:]), IMAGE)
    return root


def test_synsets_count_with_all_that_an_object_has_and_ties_stay_in_order():
    objects = [entry(1, TRUCK, TREE, (*TREE, *ARM)), entry(2, ARM, ("cup.n.01",))]
    assert frequent_synsets(objects, 3) == [*TREE, *ARM, *TRUCK]


def test_coco_classes_are_first_and_the_commonest_synset_of_a_name_is_theirs():
    synsets = ["mouse.n.04", "zoo.n.01", "mouse.n.01", "arm.n.01", "sofa.n.01", "hot_dog.n.01"]
    joint = joint_synsets(synsets, ["mouse", "couch", "hot dog", "zebra"])
    assert joint[:4] == ["mouse.n.04", "sofa.n.01", "hotdog.n.01", "zebra.n.01"]
    assert joint[4:] == ["arm.n.01", "hot_dog.n.01", "mouse.n.01", "zoo.n.01"]
    assert category_names(joint, 4)[3:5] == ["zebra.n.01.coco", "arm.n.01"]


def test_all_of_coco_have_a_synset_of_their_own():
    joint = joint_synsets([], COCO)
    assert len(joint) == len(set(joint)) == 80
    assert joint[0] == "person.n.01" and joint[9] == "traffic_light.n.01"


def test_images_of_minival_are_val_and_the_last_that_coco_lacks_are_test():
    images = [described(1), described(2, 5), described(3), described(4, 6), described(5)]
    parts = split_images(images, {5}, 2)
    ids = {split: [image["image_id"] for image in part] for split, part in parts.items()}
    assert ids == {"train": [1, 4], "val": [2], "test": [3, 5]}
    assert split_images(images, {5}, 0)["test"] == []
    assert len(split_images(images, {5}, 9)["test"]) == 3


def test_records_have_coco_classes_by_their_names(source, tmp_path, capsys):
    out = tmp_path / "records"
    words = ["data", "visual_genome", f"--source={source}", f"--out={out}", "--workers=1"]
    assert main([*words, "--synsets=3", "--test_images=2"]) == 0
    said = capsys.readouterr().err
    assert "visual_genome: 82 classes, 3 train, 1 val, 2 test images" in said
    assert "1 objects with no synset are left out." in said
    assert "1 objects with several synsets are left out." in said
    assert "2 objects with a synset that is not kept are left out." in said
    dataset = read_dataset(out)
    assert dataset["classes"] == [*COCO, "arm.n.01", "tree.n.01"]
    assert dataset["synsets"][7] == "truck.n.01.coco" and dataset["synsets"][80] == "arm.n.01"
    truth = read_truth(out, "train")
    found = {
        image["file_name"]: [
            one["category_id"] for one in truth["annotations"] if one["image_id"] == image["id"]
        ]
        for image in truth["images"]
    }
    assert found == {"VG_100K_2/2.jpg": [82], "VG_100K/3.jpg": [81], "VG_100K/4.jpg": [82, 81]}
    assert [one["area"] for one in truth["annotations"]] == [6.0] * 4
    val = read_truth(out, "val")
    assert [one["category_id"] for one in val["annotations"]] == [82, 8]
    assert read_truth(out, "test")["images"][1]["source_id"] == "6"


def test_the_list_of_val_may_lie_elsewhere(source, tmp_path):
    elsewhere = put(tmp_path / "other.json", {"images": [{"id": 6}]})
    plan = visual_genome.plan(source, ["val"], minival=str(elsewhere))
    assert [image.source_id for image in plan.splits["val"]] == ["2"]
    assert plan.options["minival"] == "other.json"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("objects.json", None, "holds no objects.json. Expected: image_data.json"),
        ("annotations/instances_val2017.json", None, "holds no instances_minival2014.json or inst"),
        ("objects.json", "[", "objects.json cannot be read as JSON"),
        ("objects.json", {"a": 1}, "objects.json is no list of Visual Genome's images"),
        ("objects.json", [{"image_id": 1}], "entry 0 lacks image_id or objects"),
        ("objects.json", [entry(1), entry(2, (4,))], "entry 1 lacks .* version 1.2 or later"),
        ("image_data.json", [described(1), {"image_id": 2}], "entry 1 does not tell image_id, wid"),
        ("image_data.json", [described(77, 5)], "1 of the 1 images .*VG_100K/77.jpg"),
        ("annotations/instances_val2017.json", {"images": 3}, "lists no images as COCO's files do"),
    ],
)
def test_files_of_another_form_are_refused(source, name, content, message):
    if content is None:
        (source / name).unlink()
    else:
        put(source / name, content)
    with pytest.raises(LfpError, match=message):
        visual_genome.plan(source)


def test_boxes_that_cannot_be_are_left_out_and_told(source):
    objects = json.loads((source / "objects.json").read_text())
    objects[2]["objects"][0]["w"] = -3
    put(source / "objects.json", objects)
    plan = visual_genome.plan(source, ["test"], synsets=3, test_images=4)
    assert any("boxes have a width or height below 0" in note for note in plan.notes)
    assert [len(image.objects) for image in plan.splits["test"]] == [0, 2, 1, 0]
