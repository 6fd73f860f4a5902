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


def test_cityscapes_names_images_without_labels(tmp_path):
    cityscapes_tree(tmp_path)
    save(tmp_path / "leftImg8bit/val/ulm/b_leftImg8bit.png", IMAGE)
    with pytest.raises(LfpError, match=r"images of cityscapes have neither .*ulm/b"):
        cityscapes.plan(tmp_path)


def test_cityscapes_without_images_tells_the_layout(tmp_path):
    (tmp_path / "leftImg8bit").mkdir()
    (tmp_path / "gtFine").mkdir()
    with pytest.raises(LfpError, match=r"holds no \*_leftImg8bit\.png. Expected: leftImg8bit/"):
        cityscapes.plan(tmp_path)
