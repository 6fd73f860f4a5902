"""VOC's XML: corners that count from 1, lists of splits, files that define entities."""

import pytest
from dataset_trees import IMAGE, VOC_XML, put, save, voc_xml_val

from lfp_tf.data.datasets import voc_xml
from lfp_tf.errors import LfpError


def test_corners_count_from_one_and_belong_to_the_box(tmp_path):
    voc_xml_val(tmp_path)
    plan = voc_xml.plan(tmp_path)
    (image,) = plan.splits["val"]
    (one,) = image.objects
    assert (one.box, one.label, one.is_ignored) == ((1, 0, 3, 2), 1, False)
    assert image.size == (4, 6) and plan.table.names == ("cat",)


def test_difficult_objects_are_not_learned_and_other_files_are_counted(tmp_path):
    voc_xml_val(tmp_path)
    put(tmp_path / "Annotations/a.xml", VOC_XML.replace("<difficult>0", "<difficult>1"))
    put(tmp_path / "Annotations/b.xml", VOC_XML)
    plan = voc_xml.plan(tmp_path)
    assert plan.splits["val"][0].objects[0].is_ignored
    assert "1 annotations are in no list; left out: Annotations/b.xml." in plan.notes


def test_without_lists_folders_or_a_division_give_splits(tmp_path):
    for place in ("train", "valid"):
        save(tmp_path / f"one/{place}/a.jpg", IMAGE)
        put(tmp_path / f"one/{place}/a.xml", VOC_XML)
    plan = voc_xml.plan(tmp_path / "one")
    assert [plan.splits[split][0].name for split in plan.splits] == ["train/a.jpg", "valid/a.jpg"]
    for number in range(5):
        save(tmp_path / f"two/{number}.jpg", IMAGE)
        put(tmp_path / f"two/{number}.xml", VOC_XML)  # Renamed: the name inside is another.
    plan = voc_xml.plan(tmp_path / "two", val_share=0.4)
    assert {split: len(images) for split, images in plan.splits.items()} == {"train": 3, "val": 2}
    assert plan.options == {"seed": 0, "val_share": 0.4}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<!DOCTYPE a []>" + VOC_XML, "defines a document type, as no annotation tool does"),
        ("<annotation>", "cannot be read as XML"),
        ("<a/>", "holds <a>, not <annotation>"),
        (VOC_XML.replace("<xmin>2", "<xmin>two"), 'object 0 has "two" where a number belongs'),
        (VOC_XML.replace("<xmin>2", "<xmin>nan"), 'object 0 has "nan" where a number belongs'),
        (VOC_XML.replace("<xmin>2", "<xmin>9"), r"has a box from \(8, 0\) to \(4, 2\)"),
        (VOC_XML.replace("cat", ""), "object 0 has no name"),
        (VOC_XML.replace("a.jpg", "b.jpg"), None),
    ],
)
def test_files_that_are_of_no_use_are_named(tmp_path, content, message):
    voc_xml_val(tmp_path)
    put(tmp_path / "Annotations/a.xml", content)
    if message is None:  # The image of its own name is meant.
        assert voc_xml.plan(tmp_path).splits["val"][0].name == "JPEGImages/a.jpg"
        return
    with pytest.raises(LfpError, match=f"a.xml.*{message}"):
        voc_xml.plan(tmp_path)


def test_missing_images_and_files_are_named(tmp_path):
    put(tmp_path / "a.xml", VOC_XML)
    with pytest.raises(LfpError, match=r"a\.xml is of a\.jpg, which is nowhere below the folder"):
        voc_xml.plan(tmp_path)
    for place in ("x", "y"):
        save(tmp_path / f"{place}/a.jpg", IMAGE)
    with pytest.raises(LfpError, match=r"which may be any of x/a\.jpg, y/a\.jpg; which one is"):
        voc_xml.plan(tmp_path)
    put(tmp_path / "ImageSets/Main/train.txt", "a\nb -1\n")
    with pytest.raises(LfpError, match=r"1 of the 2 names in .*train\.txt have no \.xml: b\."):
        voc_xml.plan(tmp_path)
