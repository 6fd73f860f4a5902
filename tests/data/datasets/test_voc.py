"""VOC: palette indices, lists of both forms, SBD where it is."""

import pytest
from dataset_trees import IMAGE, problems, record, save, values

from lfp_tf.data.datasets import voc
from lfp_tf.errors import LfpError


def voc_tree(root, augmented=False):
    lists = root / "ImageSets/Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a\n")
    (lists / "val.txt").write_text("b\n")
    for name in "abc":
        save(root / f"JPEGImages/{name}.jpg", IMAGE)
    for name in "ab":
        path = root / f"SegmentationClass/{name}.png"
        save(path, values(0, 15, 255), palette=[0, 0, 0, 128, 0, 0] * 128)
    if augmented:
        for name in "abc":
            save(root / f"SegmentationClassAug/{name}.png", values(0, 15, 255))


def test_voc_takes_the_palettes_index_not_its_luminance(tmp_path):
    voc_tree(tmp_path / "VOCdevkit/VOC2012")
    plan = voc.plan(tmp_path)
    assert problems(plan) == []
    assert record(plan, "train")[1][0, :3].tolist() == [0, 15, 255]
    assert plan.notes == ("There is no SegmentationClassAug; train is VOC's own, without SBD.",)


def test_voc_trains_on_the_augmented_list(tmp_path):
    voc_tree(tmp_path, augmented=True)
    (tmp_path / "train_aug.txt").write_text(
        "/JPEGImages/c.jpg /SegmentationClassAug/c.png\n/JPEGImages/a.jpg /SegmentationClassAug/a.png\n"
    )
    plan = voc.plan(tmp_path)
    assert [sample.name for sample in plan.splits["train"]] == ["JPEGImages/c", "JPEGImages/a"]
    assert plan.options == {"train": "train_aug"} and not plan.notes


def test_voc_without_a_list_leaves_val_out_of_training(tmp_path):
    voc_tree(tmp_path, augmented=True)
    plan = voc.plan(tmp_path)
    assert [sample.name for sample in plan.splits["train"]] == ["JPEGImages/a", "JPEGImages/c"]
    assert "train is SegmentationClassAug without val" in plan.notes[0]


def test_voc_refuses_lists_that_lead_outside(tmp_path):
    voc_tree(tmp_path)
    (tmp_path / "ImageSets/Segmentation/train.txt").write_text("../../secret\n")
    with pytest.raises(
        LfpError, match=r'names "JPEGImages/\.\./\.\./secret.jpg", which lies outside'
    ):
        voc.plan(tmp_path)


def test_voc_names_missing_files(tmp_path):
    voc_tree(tmp_path)
    (tmp_path / "ImageSets/Segmentation/val.txt").write_text("b\nd\n")
    with pytest.raises(
        LfpError, match=r"2 files that the list of voc's val split names are missing"
    ):
        voc.plan(tmp_path)


def test_voc_suspects_luminance(tmp_path):
    voc_tree(tmp_path)
    save(tmp_path / "SegmentationClass/a.png", values(38))
    assert "holds the value 38" in problems(voc.plan(tmp_path))[0]
    assert "luminance of a palette" in problems(voc.plan(tmp_path))[0]


def test_voc_takes_the_lists_of_deeplab(tmp_path):
    root = tmp_path / "VOC2012"
    voc_tree(root, augmented=True)
    (root / "ImageSets/Segmentation").rename(root / "ImageSets/SegmentationAug")
    line = "/JPEGImages/{0}.jpg /SegmentationClassAug/{0}.png\n"
    for split, names in (("train_aug", "ca"), ("val", "b")):
        path = root / f"ImageSets/SegmentationAug/{split}.txt"
        path.write_text("".join(line.format(name) for name in names))
    plan = voc.plan(tmp_path)
    assert problems(plan) == [] and not plan.notes and plan.options == {"train": "train_aug"}
    assert [sample.name for sample in plan.splits["train"]] == ["JPEGImages/c", "JPEGImages/a"]
    assert [sample.name for sample in plan.splits["val"]] == ["JPEGImages/b"]
    assert plan.splits["val"][0].label.endswith("SegmentationClassAug/b.png")
