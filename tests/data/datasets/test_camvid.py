"""CamVid: its own class order, void ignored."""

import numpy as np
import pytest
from dataset_trees import IMAGE, camvid_tree, problems, record, values

from lfp_tf.data.datasets import camvid
from lfp_tf.errors import LfpError


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_camvid_keeps_its_order_and_ignores_void(tmp_path, suffix):
    camvid_tree(tmp_path, values(0, 10, 11), suffix)
    plan = camvid.plan(tmp_path)
    assert problems(plan) == [] and set(plan.splits) == {"train", "val", "test"}
    image, labels = record(plan, "test")
    assert labels[0, :3].tolist() == [0, 10, 255]
    if suffix == "png":
        np.testing.assert_array_equal(image, IMAGE)


def test_camvid_suspects_the_original_classes(tmp_path):
    camvid_tree(tmp_path, values(31))
    assert "value 31, but 0-11 are expected. The 32 original" in problems(camvid.plan(tmp_path))[0]


def test_camvid_names_missing_folders(tmp_path):
    camvid_tree(tmp_path)
    (tmp_path / "valannot/a.png").unlink()
    (tmp_path / "valannot").rmdir()
    with pytest.raises(LfpError, match=r"There is no folder .*valannot with labels\."):
        camvid.plan(tmp_path)
