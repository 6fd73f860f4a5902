"""COCO's JSON as people write it: what is read, what is left out and counted, what is refused."""

import json

import numpy as np
import pytest
from dataset_trees import coco_content

from lfp_tf.data.detection.coco_file import read_coco, relabelled
from lfp_tf.data.detection.masks import bitmap_rle
from lfp_tf.errors import LfpError

BITMAP = np.zeros((4, 6), bool)
BITMAP[1:3, 2:5] = True


def read(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(content))
    return read_coco(path)


def objects(tmp_path, *annotations):
    """The objects of one image, and the notes without the file's name."""
    file = read(tmp_path, coco_content(*annotations))
    notes = [note.removeprefix(f"{tmp_path / 'a.json'}: ") for note in file.notes]
    return file.images[0].objects, notes


def test_categories_are_ordered_by_number(tmp_path):
    file = read(tmp_path, coco_content({"category_id": 3}, {"category_id": 1}))
    assert [category.name for category in file.categories] == ["cat", "dog"]
    assert [one.label for one in file.images[0].objects] == [2, 1]
    assert file.images[0].size == (4, 6) and file.images[0].id == "7"
    assert [one.label for one in relabelled(file.images[0], [1, 1]).objects] == [1, 1]


def test_texts_as_ids_keep_the_files_order(tmp_path):
    content = coco_content({"category_id": "z", "image_id": "first"}, {"category_id": "a"})
    content["categories"] = [{"id": "z", "name": "dog"}, {"id": "a"}]
    content["images"][0]["id"] = "first"
    content["annotations"][1]["image_id"] = "first"
    file = read(tmp_path, content)
    assert [category.name for category in file.categories] == ["dog", "a"]
    assert [one.label for one in file.images[0].objects] == [1, 2]


def test_what_may_be_missing_is_missing(tmp_path):
    content = coco_content({})
    del content["images"][0]["height"]
    (one,) = read(tmp_path, content).images[0].objects
    assert (one.box, one.area, one.is_crowd, one.is_ignored) == ((1, 0, 3, 2), None, False, False)
    assert one.polygons == () and one.counts is None
    content["annotations"] = []
    assert read(tmp_path, content).images[0].objects == ()
    assert read(tmp_path, content).images[0].size is None


@pytest.mark.parametrize("segmentation", [None, [], {}, [[]]])
def test_an_empty_mask_is_none(tmp_path, segmentation):
    ((one,), notes) = objects(tmp_path, {"segmentation": segmentation})
    assert one.polygons == () and one.counts is None and not notes


@pytest.mark.parametrize("counts", [bitmap_rle(BITMAP)["counts"], [9, 2, 2, 2, 2, 2, 5]])
def test_run_lengths_compressed_or_not(tmp_path, counts):
    crowd = {"segmentation": {"size": [4, 6], "counts": counts}, "iscrowd": 1, "area": 6}
    ((one,), _) = objects(tmp_path, crowd)
    np.testing.assert_array_equal(one.bitmap((4, 6)), BITMAP)
    assert one.is_crowd and one.area == 6.0


def test_polygons_may_leave_the_image_and_may_stand_without_a_list(tmp_path):
    parts = [[-2, 0, 9, 0, 9, 2, -2, 2], [0, 3, 6, 3, 6, 4]]
    (both, bare), notes = objects(tmp_path, {"segmentation": parts}, {"segmentation": parts[0]})
    assert [len(polygon) for polygon in both.polygons] == [4, 3] and len(bare.polygons) == 1
    assert bare.bitmap((4, 6))[:2].all() and not bare.bitmap((4, 6))[2:].any() and not notes


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ({"image_id": 8}, "are of images that the file does not list"),
        ({"category_id": 2}, "are of categories that the file does not list"),
        ({"bbox": [1, 2, 3]}, "boxes are not four finite numbers"),
        ({"bbox": [1, 2, 3, float("nan")]}, "boxes are not four finite numbers"),
        ({"bbox": None}, "boxes are not four finite numbers"),
        ({"bbox": [1, 2, -3, 4]}, "boxes have a width or height below 0"),
        ({"segmentation": "mask"}, "masks are of no known form"),
        ({"segmentation": [[1, 2, 3]]}, "a polygon that is no list of finite x, y"),
        ({"segmentation": [["a", "b"]]}, "a polygon that is no list of finite x, y"),
        ({"segmentation": [[0, 0, 1e9, 0, 0, 5]]}, "a polygon that leads far out of any image"),
        ({"segmentation": [[0, 0, 9e5, 5] * 20]}, "a polygon that leads far out of any image"),
        ({"segmentation": {"size": [4, 6], "counts": "\x01"}}, "run lengths that cannot be read"),
        ({"segmentation": {"size": [4, 6], "counts": [20]}}, "run lengths that do not fill"),
        ({"segmentation": {"size": [6, 4], "counts": [24]}}, "of another size than their image"),
        ({"segmentation": {"counts": [24]}}, "masks are of no known form"),
        ({"id": 1}, "annotations have the id of an earlier one"),
    ],
)
def test_what_cannot_be_used_is_left_out_and_counted(tmp_path, wrong, kind):
    several, (note,) = objects(tmp_path, {}, wrong, wrong)
    assert len(several) == 1
    number = wrong.get("id", 2)
    assert note.startswith("2 ") and kind in note
    assert note.endswith(f"left out, first annotation {number}.")


def test_images_that_cannot_be_used_are_left_out(tmp_path):
    content = coco_content({})
    content["images"] += [{"id": 8}, {"id": 7, "file_name": "b.jpg"}, 3]
    file = read(tmp_path, content)
    assert [image.file_name for image in file.images] == ["a.jpg"]
    assert [note.split(": ", 1)[1] for note in file.notes] == [
        '2 images without "id" or "file_name"; left out, first number 1 of the list.',
        "1 images have the id of an earlier one; left out, first b.jpg (7).",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": None}, 'no annotation in COCO\'s form: it has no list "images"'),
        ({"categories": []}, "names no categories, so its classes are unknown"),
        ({"categories": [{"name": "a"}]}, 'category 0 has no "id" that is a number or a text'),
        ({"categories": [{"id": 1}, {"id": 1}]}, "has two categories of the id 1"),
        ({"images": [{"id": 2}]}, 'names no image. .*: 1 images without "id"'),
    ],
)
def test_files_that_are_of_no_use_are_refused(tmp_path, change, message):
    with pytest.raises(LfpError, match=message):
        read(tmp_path, coco_content({}) | change)


def test_what_is_no_annotation_is_refused(tmp_path):
    with pytest.raises(LfpError, match="no annotation in COCO's form: it is no dictionary"):
        read(tmp_path, [1])
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(LfpError, match=r"a\.json cannot be read as JSON"):
        read_coco(tmp_path / "a.json")
