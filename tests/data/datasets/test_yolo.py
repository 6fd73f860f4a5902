"""YOLO's text files: middles and shares, polygons, names, images without a file."""

import numpy as np
import pytest
from dataset_trees import IMAGE, put, save, yolo_val

from lfp_tf.data.datasets import yolo
from lfp_tf.errors import LfpError


def test_boxes_and_polygons_are_shares_of_the_image(tmp_path):
    yolo_val(tmp_path)
    put(tmp_path / "labels/val/a.txt", "1 0.5 0.25 0.5 0.5\n\n0 0 0 0.5 0 0.5 1\n")
    plan = yolo.plan(tmp_path)
    box, polygon = plan.splits["val"][0].objects
    assert (box.box, box.label, box.polygons) == ((1.5, 0, 3, 2), 2, ())
    assert (polygon.box, polygon.label) == ((0, 0, 3, 4), 1)
    np.testing.assert_array_equal(polygon.polygons[0], [[0, 0], [3, 0], [3, 4]])
    assert plan.table.names == ("dog", "cat")


@pytest.mark.parametrize("place", ["{}/images", "images/{}", "yolo/images/{}/deep"])
def test_layouts_and_images_without_a_file(tmp_path, place):
    for split in ("train", "valid"):
        folder = place.format(split)
        for name in "ab":
            save(tmp_path / folder / f"{name}.jpg", IMAGE)
        put(tmp_path / folder.replace("images", "labels") / "a.txt", "0 0.5 0.5 1 1")
    put(tmp_path / "classes.txt", "cow\n")
    put(tmp_path / "labels/other.txt", "")
    plan = yolo.plan(tmp_path)
    assert {split: len(images) for split, images in plan.splits.items()} == {"train": 2, "val": 2}
    assert [len(image.objects) for image in plan.splits["train"]] == [1, 0]
    assert "1 files of labels have no image; left out: labels/other.txt." in plan.notes


def test_names_may_be_numbered(tmp_path):
    yolo_val(tmp_path)
    put(tmp_path / "data.yaml", "names:\n  0: dog\n  1: cat\n")
    assert yolo.plan(tmp_path).table.names == ("dog", "cat")
    put(tmp_path / "data.yaml", "nc: 2\n")
    with pytest.raises(LfpError, match="data.yaml does not list names of classes"):
        yolo.plan(tmp_path)
    (tmp_path / "data.yaml").unlink()
    with pytest.raises(LfpError, match="has no data.yaml or classes.txt that names its classes"):
        yolo.plan(tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2 0.5 0.5 1 1", 'the class "2", but 2 classes are named, 0 to 1'),
        ("cat 0.5 0.5 1 1", 'the class "cat", but 2 classes are named'),
        ("0 0.5 0.5 1", "3 numbers behind its class; a box has 4, a polygon an even number"),
        ("0 0.5 0.5 1 1 0.9", "5 numbers behind its class"),
        ("0 0.5 x 1 1", '"x" where a number belongs'),
        ("0 0.5 0.5 -1 1", "a width or height below 0"),
    ],
)
def test_other_lines_are_named(tmp_path, line, message):
    yolo_val(tmp_path)
    put(tmp_path / "labels/val/a.txt", f"0 0.5 0.5 1 1\n{line}\n")
    with pytest.raises(LfpError, match=f"a.txt, line 2 has {message}"):
        yolo.plan(tmp_path)
