"""labelme's JSON: polygons, groups, boxes, masks, and what is left out."""

import base64

import numpy as np
import pytest
from dataset_trees import IMAGE, labelme_content, labelme_val, put, save

from lfp_tf.data.datasets import labelme
from lfp_tf.errors import LfpError
from lfp_tf.images.decode import encode_png


def objects(root, *shapes):
    labelme_val(root)
    put(root / "val/a.json", labelme_content(*shapes))
    plan = labelme.plan(root)
    return plan, plan.splits["val"][0].objects


def test_shapes_of_a_group_are_one_object(tmp_path):
    group = {"group_id": 3, "points": [[0, 3], [1, 3], [1, 4]]}
    plan, (single, joined) = objects(tmp_path, {}, {"group_id": 3}, group)
    assert plan.table.names == ("cat",) and single.label == 1
    assert len(single.polygons) == 1 and len(joined.polygons) == 2
    assert single.box == (1, 0, 3, 2) and joined.box == (0, 0, 4, 4)


def test_rectangles_are_boxes_and_masks_are_bitmaps(tmp_path):
    part = np.array([[0, 1], [1, 1]], np.uint8)
    corners = [[4, 3], [1, 1]]
    _, (box, mask) = objects(
        tmp_path,
        {"shape_type": "rectangle", "points": corners},
        {"shape_type": "mask", "points": [[2, 1], [3, 2]]}
        | {"mask": base64.b64encode(encode_png(part)).decode()},
    )
    assert box.box == (1, 1, 3, 2) and not box.polygons and box.counts is None
    bitmap = np.zeros((4, 6), bool)
    bitmap[1:3, 2:4] = part
    np.testing.assert_array_equal(mask.bitmap((4, 6)), bitmap)


def test_other_shapes_and_files_are_counted(tmp_path):
    put(tmp_path / "val/other.json", {"a": 1})
    plan, several = objects(tmp_path, {}, {"shape_type": "circle"}, {"shape_type": "point"})
    assert len(several) == 1
    assert "1 JSON files are not labelme's; left out: val/other.json." in plan.notes
    (note,) = (note for note in plan.notes if "shapes are neither" in note)
    assert note.startswith("2 ") and "a.json, shape 1 (circle)" in note


def test_the_image_beside_comes_before_the_one_that_is_named(tmp_path):
    labelme_val(tmp_path)
    save(tmp_path / "val/b.jpg", IMAGE)
    put(tmp_path / "val/b.json", labelme_content({"label": "dog"}) | {"imagePath": "old/z.jpg"})
    plan = labelme.plan(tmp_path)
    assert [image.name for image in plan.splits["val"]] == ["val/a.jpg", "val/b.jpg"]
    put(tmp_path / "classes.txt", "dog\ncow\n")
    with pytest.raises(LfpError, match='a.json .* of the class "cat", which is not listed'):
        labelme.plan(tmp_path)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ({"label": None}, "shape 0 has no label"),
        ({"points": [[1]]}, r"shape 0 has no points \[x, y\]"),
        ({"points": [["a", 1]]}, 'shape 0 has "a" where a number belongs'),
        ({"points": []}, "has a polygon without points"),
        ({"shape_type": "mask"}, "shape 0 has a mask that cannot be read"),
        (
            {"shape_type": "mask", "points": [[5, 3]]}
            | {"mask": base64.b64encode(encode_png(np.ones((2, 2), np.uint8))).decode()},
            "shape 0 has a mask that leaves the image",
        ),
    ],
)
def test_shapes_that_are_of_no_use_are_named(tmp_path, shape, message):
    with pytest.raises(LfpError, match=f"a.json.*{message}"):
        objects(tmp_path, shape)
