"""KITTI road: classes told by colours, the published lists."""

import importlib.resources

import numpy as np
import pytest
from dataset_trees import IMAGE, labelled, problems, record, save

from lfp_tf.data.datasets import kitti_road
from lfp_tf.errors import LfpError

RED, MAGENTA, BLACK = (255, 0, 0), (255, 0, 255), (0, 0, 0)


def kitti_tree(root, names=("um_000000", "uu_000001", "umm_000002")):
    colors = np.zeros((4, 6, 3), np.uint8)
    colors[0, :3] = [RED, MAGENTA, BLACK]
    for name in names:
        labelled(
            root / f"data_road/training/image_2/{name}.png",
            root / f"data_road/training/gt_image_2/{name.replace('_', '_road_')}.png",
            colors,
        )


def test_kitti_reads_colours(tmp_path):
    kitti_tree(tmp_path)
    plan = kitti_road.plan(tmp_path, seed=0)
    assert problems(plan) == []
    assert record(plan, "train")[1][0].tolist() == [0, 1, 255, 255, 255, 255]
    assert {split: len(samples) for split, samples in plan.splits.items()} == {"train": 2, "val": 1}


def test_kitti_upsamples_and_writes_the_forks_labels(tmp_path):
    kitti_tree(tmp_path)
    plan = kitti_road.plan(tmp_path, seed=0, upsampling=2, fork_labels=True)
    image, labels = record(plan, "train")
    # Exactly 2484x750, whatever the file's own size: 4x6 here.
    assert image.shape == (750, 2484, 3) and labels.shape == (750, 2484)
    assert labels[0, 207::414].tolist() == [1, 2, 0, 0, 0, 0]
    assert not labels[188:].any() and labels[187, 0] == 1
    assert plan.table.names == ("other", "not road", "road")


def test_kitti_takes_the_published_lists(tmp_path):
    lists = importlib.resources.files("lfp_tf.data.datasets") / "kitti_lists"
    names = [
        [
            line.split()[0][:-4]
            for line in (lists / f"kitti_{split}_list.txt").read_text().splitlines()
        ]
        for split in ("train", "val")
    ]
    assert [len(part) for part in names] == [231, 58] and not set(names[0]) & set(names[1])
    kitti_tree(tmp_path, names[0] + names[1])
    plan = kitti_road.plan(tmp_path)
    assert [sample.name.split("/")[-1] for sample in plan.splits["val"]] == names[1]


def test_kitti_counts_what_the_lists_miss(tmp_path):
    kitti_tree(tmp_path)
    with pytest.raises(LfpError, match="files that the published train list names are missing"):
        kitti_road.plan(tmp_path)


def test_kitti_suspects_other_images(tmp_path):
    kitti_tree(tmp_path)
    save(tmp_path / "data_road/training/gt_image_2/um_road_000000.png", IMAGE)
    (sentence,) = problems(kitti_road.plan(tmp_path, seed=0))
    assert "has no pixel in red (not road) or magenta (road)" in sentence
