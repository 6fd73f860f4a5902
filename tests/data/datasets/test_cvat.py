"""CVAT's XML: boxes, polygons in groups, masks, splits, classes in the task's order."""

import numpy as np
import pytest
from dataset_trees import CVAT_XML, cvat_val, put

from lfp_tf.data.datasets import cvat
from lfp_tf.errors import LfpError

BOX = '<box label="cat" xtl="1" ytl="0" xbr="4" ybr="2"/>'


def objects(root, *shapes):
    cvat_val(root)
    put(root / "annotations.xml", CVAT_XML.replace(BOX, "".join(shapes)))
    plan = cvat.plan(root)
    return plan, plan.splits["val"][0].objects


def test_shapes(tmp_path):
    plan, (box, mask, single, joined) = objects(
        tmp_path,
        BOX,
        '<polygon label="dog" points="0,0;2,0;2,2"/>',
        '<polygon label="dog" points="0,0;2,0;2,2" group_id="4"/>',
        '<polygon label="dog" points="3,1;5,1;5,4" group_id="4"/>',
        '<mask label="cat" rle="1, 3" left="2" top="1" width="2" height="2"/>',
        '<tag label="dog"/>',
        '<ellipse label="dog"/>',
    )
    assert plan.table.names == ("dog", "cat")
    assert (box.box, box.label, box.polygons) == ((1, 0, 3, 2), 2, ())
    assert len(single.polygons) == 1 and single.label == 1
    assert len(joined.polygons) == 2 and joined.box == (0, 0, 5, 4)
    bitmap = np.zeros((4, 6), bool)
    bitmap[1:3, 2:4] = [[False, True], [True, True]]
    np.testing.assert_array_equal(mask.bitmap((4, 6)), bitmap)
    (note,) = (note for note in plan.notes if "shapes are neither" in note)
    assert note.startswith("1 ") and "(ellipse)" in note


def test_images_that_are_not_there_are_counted(tmp_path):
    cvat_val(tmp_path)
    more = '<image name="gone.jpg" width="6" height="4"/></annotations>'
    put(tmp_path / "annotations.xml", CVAT_XML.replace("</annotations>", more))
    plan = cvat.plan(tmp_path)
    assert "1 annotated images are not there; left out: gone.jpg." in plan.notes
    (tmp_path / "images/a.jpg").unlink()
    with pytest.raises(LfpError, match=r"image a\.jpg is of a\.jpg, which is nowhere below"):
        cvat.plan(tmp_path)


def test_some_images_of_a_split_and_others_without_are_refused(tmp_path):
    cvat_val(tmp_path)
    put(
        tmp_path / "annotations.xml",
        CVAT_XML.replace(
            "</annotations>", ('<image name="images/a.jpg" width="6" height="4"/></annotations>')
        ),
    )
    with pytest.raises(LfpError, match="1 of 2 annotated images in .* belong to no split"):
        cvat.plan(tmp_path)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (BOX.replace('"1"', '"one"'), 'shape 0 has "one" where a number belongs'),
        ('<box label="cat"/>', 'shape 0 has "None" where a number belongs'),
        ('<polygon label="cat" points="1"/>', "shape 0 has no points x,y;x,y;..."),
        (
            '<mask label="cat" rle="1,2" left="0" top="0" width="2" height="2"/>',
            "run lengths that do not fill its 2x2 pixels",
        ),
        (
            '<mask label="cat" rle="4" left="5" top="0" width="2" height="2"/>',
            "has a mask that leaves the image",
        ),
        (BOX.replace("cat", "cow"), 'an object of the class "cow", which is not listed'),
    ],
)
def test_shapes_that_are_of_no_use_are_named(tmp_path, shape, message):
    with pytest.raises(LfpError, match=message):
        objects(tmp_path, shape)
