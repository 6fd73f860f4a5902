"""Cityscapes: train ids, or label ids mapped to them."""

import pytest
from dataset_trees import IMAGE, LABELS, labelled, problems, record, save, values

from lfp_tf.data.datasets import cityscapes
from lfp_tf.errors import LfpError


def cityscapes_tree(root, end="labelTrainIds", labels=LABELS, splits=("train", "val")):
    for split in splits:
        name = f"{split}/ulm/ulm_000000_000019"
        labelled(
            root / "leftImg8bit" / f"{name}_leftImg8bit.png",
            root / "gtFine" / f"{name}_gtFine_{end}.png",
            labels,
        )


def test_cityscapes_reads_train_ids(tmp_path):
    cityscapes_tree(tmp_path, labels=values(0, 18, 255))
    plan = cityscapes.plan(tmp_path)
    assert problems(plan) == []
    assert plan.splits["val"][0].name == "ulm/ulm_000000_000019"
    assert plan.options == {"labels": "trainIds"}
    assert record(plan, "train")[1][0, :3].tolist() == [0, 18, 255]


def test_cityscapes_maps_label_ids(tmp_path):
    cityscapes_tree(tmp_path, "labelIds", values(7, 33, 0))
    plan = cityscapes.plan(tmp_path)
    assert problems(plan) == [] and plan.options == {"labels": "labelIds"}
    assert record(plan, "train")[1][0, :4].tolist() == [0, 18, 255, 255]


def test_cityscapes_suspects_label_ids_among_train_ids(tmp_path):
    cityscapes_tree(tmp_path, labels=values(7, 33, 26))
    sentences = problems(cityscapes.plan(tmp_path))
    assert len(sentences) == 2
    assert (
        "labelTrainIds.png holds the values 26, 33, but 0-18 and 255 are expected. " in sentences[0]
    )
    assert "Label ids instead of train ids?" in sentences[0]


def test_cityscapes_leaves_out_images_without_labels(tmp_path):
    cityscapes_tree(tmp_path)
    save(tmp_path / "leftImg8bit/val/ulm/b_leftImg8bit.png", IMAGE)
    plan = cityscapes.plan(tmp_path)
    assert [sample.name for sample in plan.splits["val"]] == ["ulm/ulm_000000_000019"]
    (note,) = plan.notes
    assert note.startswith("1 of 2 images in ")
    assert note.endswith("leftImg8bit/val have no label and are left out: ulm/b.")


def test_cityscapes_takes_the_kind_that_more_images_have(tmp_path):
    cityscapes_tree(tmp_path, splits=("train",))
    cityscapes_tree(tmp_path, "labelIds")
    plan = cityscapes.plan(tmp_path)
    assert plan.options == {"labels": "labelIds"} and plan.notes == ()
    assert set(plan.splits) == {"train", "val"}


def test_cityscapes_names_images_of_which_none_has_labels(tmp_path):
    cityscapes_tree(tmp_path, "color")
    with pytest.raises(
        LfpError,
        match=r"2 images of cityscapes have neither \*_labelTrainIds\.png nor \*_labelIds\.png: ulm",
    ):
        cityscapes.plan(tmp_path)


def test_cityscapes_trains_on_coarse_labels(tmp_path):
    cityscapes_tree(tmp_path, "labelIds", values(7))
    for split in ("train", "train_extra"):
        name = f"{split}/bonn/{split}_0"
        labelled(
            tmp_path / f"leftImg8bit/{name}_leftImg8bit.png",
            tmp_path / f"gtCoarse/{name}_gtCoarse_labelIds.png",
            values(33),
        )
    plan = cityscapes.plan(tmp_path, coarse=True)
    assert problems(plan) == [] and plan.options == {"labels": "labelIds", "coarse": True}
    names = [sample.name for sample in plan.splits["train"]]
    assert names == ["bonn/train_0", "bonn/train_extra_0"]
    assert record(plan, "train")[1][0, 0] == 18 and record(plan, "val")[1][0, 0] == 0
    assert set(cityscapes.plan(tmp_path, ["train"], coarse=True).splits) == {"train"}


def test_cityscapes_without_images_tells_the_layout(tmp_path):
    (tmp_path / "leftImg8bit").mkdir()
    (tmp_path / "gtFine").mkdir()
    with pytest.raises(LfpError, match=r"holds no \*_leftImg8bit\.png. Expected: leftImg8bit/"):
        cityscapes.plan(tmp_path)
