"""LIP: a folder a split, archives that unpack doubly, values that are no classes."""

import pytest
from dataset_trees import IMAGE, problems, record, save, values

from lfp_tf.data.datasets import lip

IMAGES, LABELS = "TrainVal_images", "TrainVal_parsing_annotations"


def lip_tree(root, images=IMAGES, labels=LABELS):
    for split, name in (("train", "a"), ("val", "b")):
        save(root / images / f"{split}_images/{name}.jpg", IMAGE)
        save(root / labels / f"{split}_segmentations/{name}.png", values(0, 19, 255))


@pytest.mark.parametrize("parts", [(IMAGES, LABELS), (f"{IMAGES}/{IMAGES}", f"{LABELS}/{LABELS}")])
def test_splits_are_folders_within_one_or_two(tmp_path, parts):
    lip_tree(tmp_path, *parts)
    plan = lip.plan(tmp_path)
    assert problems(plan) == [] and not plan.notes
    assert {split: [s.name for s in samples] for split, samples in plan.splits.items()} == {
        "train": ["a"],
        "val": ["b"],
    }
    assert record(plan, "val")[1][0, :3].tolist() == [0, 19, 255]


def test_other_values_are_refused(tmp_path):
    lip_tree(tmp_path)
    save(tmp_path / LABELS / "val_segmentations/b.png", values(20))
    assert "holds the value 20" in problems(lip.plan(tmp_path))[0]
    assert "numbers of classes" in problems(lip.plan(tmp_path))[0]


def test_images_without_labels_are_counted(tmp_path):
    lip_tree(tmp_path)
    save(tmp_path / IMAGES / "train_images/c.jpg", IMAGE)
    (note,) = lip.plan(tmp_path).notes
    assert note.startswith("1 of 2 images in ")
