"""Label maps give the golden cases' classes."""

import pathlib

import numpy as np
import pytest
from golden_cases import cases

from lfp_tf.data.datasets.label_maps import LABEL_MAPS, camvid_void, kitti_fork_ids

GOLDEN = pathlib.Path(__file__).parents[2] / "golden" / "pspnet"
CASES = [case for case in cases(GOLDEN) if case.kind == "label_mapping"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_golden_case(case):
    ((_, values),) = case.inputs().items()
    dataset = case.config["dataset"]
    results = {"labels": LABEL_MAPS[dataset](values)}
    if dataset == "kitti_road_colors":
        results["fork_ids"] = kitti_fork_ids(values)
    assert case.problems(results) == []


def test_camvid_keeps_its_own_order():
    assert camvid_void(np.array([[0, 10, 11]])).tolist() == [[0, 10, 255]]


def test_almost_magenta_is_ignored():
    colors = np.array([[[255, 0, 254], [255, 0, 255], [254, 0, 0], [0, 0, 0]]], np.uint8)
    assert LABEL_MAPS["kitti_road_colors"](colors).tolist() == [[255, 1, 255, 255]]
