import pathlib

import numpy as np
import pytest
from golden_cases import cases

from lfp_tf.errors import LfpError
from lfp_tf.evaluation.confusion import confusion_matrix
from lfp_tf.tasks.segmentation.metrics import scores

CASES = {
    case.id: case
    for case in cases(pathlib.Path(__file__).parents[2] / "golden" / "pspnet")
    if case.kind == "metrics"
}


@pytest.mark.parametrize("name", CASES)
def test_golden_case(name):
    case = CASES[name]
    words, inputs = case.config, case.inputs()
    offset = words["label_offset"]
    confusion = confusion_matrix(
        inputs["labels"],
        inputs["predictions"] + offset,
        num_classes=words["classes"] + offset,
        ignore_label=words["ignore_label"],
    ).numpy()
    got = scores(confusion, words["definition"])
    assert case.problems(got | {"confusion": confusion}) == []


def test_definitions_differ_by_absent_classes():
    confusion = [[3, 1, 0], [0, 4, 0], [0, 0, 0]]
    every, present = scores(confusion, "all"), scores(confusion, "present")
    assert every["mIoU"] == pytest.approx((3 / 4 + 4 / 5) / 3)
    assert present["mIoU"] == pytest.approx((3 / 4 + 4 / 5) / 2)
    assert present["iou"][2] is None and every["iou"][2] == 0
    assert present["mAcc"] == pytest.approx((3 / 4 + 1) / 2)
    assert every["allAcc"] == pytest.approx(7 / 8)


def test_nothing_counted_scores_zero():
    assert scores(np.zeros((2, 2)), "present")["mIoU"] == 0.0


def test_a_misspelt_definition_names_the_nearest():
    with pytest.raises(LfpError, match='Did you mean "present"'):
        scores(np.zeros((2, 2)), "presnt")


def test_a_class_predicted_but_not_in_truth_counts_in_present_and_not_in_truth():
    confusion = [[3, 0, 1], [0, 4, 0], [0, 0, 0]]
    present, truth = scores(confusion, "present"), scores(confusion, "truth")
    assert present["mIoU"] == pytest.approx((3 / 4 + 1 + 0) / 3)
    assert truth["mIoU"] == pytest.approx((3 / 4 + 1) / 2)
    assert present["iou"] == truth["iou"] == [0.75, 1.0, 0.0]
    assert truth["mAcc"] == present["mAcc"] == pytest.approx((3 / 4 + 1) / 2)


def test_frequency_weighted_iou_weighs_by_the_pixels_of_truth():
    for definition in ("all", "present", "truth"):
        values = scores([[3, 1, 0], [0, 4, 0], [0, 0, 0]], definition)
        assert values["fwIoU"] == pytest.approx(4 / 8 * 3 / 4 + 4 / 8 * 4 / 5)
    assert scores(np.zeros((2, 2)), "truth")["fwIoU"] == 0.0
