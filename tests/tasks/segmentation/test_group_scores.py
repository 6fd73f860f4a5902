"""Scores of classes taken together."""

import numpy as np
import pytest

from lfp_tf.images.palette import class_groups
from lfp_tf.tasks.segmentation.metrics import group_scores, scores

GROUPS = {
    "supervised": [True, True, True, False],
    "groups": {
        "kinds": {"living": [0, 1], "lifeless": [2, 3]},
        "all": {"everything": [0, 1, 2, 3]},
    },
}
# Truth by prediction: cat, dog, stone, never annotated.
CONFUSION = np.array([[4, 2, 0, 1], [1, 3, 1, 0], [0, 1, 5, 2], [0, 0, 0, 0]])


def test_groups_by_hand():
    levels = group_scores(CONFUSION, GROUPS)
    living, lifeless = levels["kinds"]["groups"]
    assert living["name"] == "living" and living["classes"] == 2 and living["pixels"] == 12
    assert living["mIoU"] == pytest.approx((4 / 8 + 3 / 8) / 2)
    # As one class: 10 right, 2 missed, 1 taken from the other.
    assert living["merged_iou"] == pytest.approx(10 / 13)
    assert lifeless["classes"] == 1 and lifeless["mIoU"] == pytest.approx(5 / 9)
    assert lifeless["merged_iou"] == pytest.approx(7 / 10)
    assert levels["kinds"]["mIoU"] == pytest.approx((10 / 13 + 7 / 10) / 2)
    assert levels["kinds"]["allAcc"] == pytest.approx(17 / 20)
    assert levels["all"]["groups"][0]["merged_iou"] == 1.0


def test_groups_that_do_not_occur_have_no_score():
    levels = group_scores(np.diag([3, 0, 0, 0]), GROUPS)
    _, lifeless = levels["kinds"]["groups"]
    assert lifeless["mIoU"] is None and lifeless["merged_iou"] is None and not lifeless["pixels"]
    assert levels["kinds"]["mIoU"] == 1.0


def test_a_group_seen_only_in_predictions_has_a_merged_iou_of_zero_that_no_mean_counts():
    confusion = np.zeros((4, 4), int)
    confusion[0] = [1, 0, 0, 1]
    levels = group_scores(confusion, GROUPS)["kinds"]
    assert levels["groups"][1] == {
        "name": "lifeless", "classes": 0, "mIoU": None, "merged_iou": 0.0, "pixels": 0,
    }  # fmt: skip
    assert levels["mIoU"] == pytest.approx(1 / 2)


@pytest.mark.parametrize("name", ["cocostuff164k", "cocostuff10k", "cocostuff164k_171"])
def test_merging_is_what_relabelling_gives(name):
    groups = class_groups(name)
    count = len(groups["supervised"])
    random = np.random.RandomState(0)
    truth, prediction = random.randint(0, count, (2, 4000))
    confusion = np.zeros((count, count), int)
    np.add.at(confusion, (truth, prediction), 1)
    levels = group_scores(confusion, groups)
    assert [len(levels[level]["groups"]) for level in groups["groups"]] == [2, 4, 27]
    for level, members in groups["groups"].items():
        number = np.empty(count, int)
        for place, labels in enumerate(members.values()):
            number[labels] = place
        merged = np.zeros((len(members), len(members)), int)
        np.add.at(merged, (number[truth], number[prediction]), 1)
        expected = scores(merged, "truth")
        assert [entry["merged_iou"] for entry in levels[level]["groups"]] == expected["iou"]
        assert levels[level]["mIoU"] == expected["mIoU"]
