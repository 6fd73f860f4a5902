"""Words of LFP's networks and layers that are not known; its cases run in `test_golden.py`."""

import pathlib

import pytest
from golden_cases import cases, changed

from lfp_tf.parity.lfp.kinds import KINDS
from lfp_tf.parity.words import UnknownWord

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "lfp"
CASES = {case.id: case for case in cases(GOLDEN)}


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("prm-b", {"groups": 3}, 'unknown word "groups"'),
        ("prm-b", {"width": 3}, 'the word "width", which prm does not have'),
        ("prm-b", {"variant": "classifier"}, "'classifier', which prm does not have"),
        ("block-64-s1", {"variant": "B"}, "'B', which pyramid_bottleneck does not have"),
        ("prm-b", {"fractional_pooling": "fixed 0.5"}, "does not fit the case's inputs"),
        ("prm-b", {"resolution": 32}, "resolution is not the side"),
        ("residual", {"batch_norm": "batch"}, "which residual does not have"),
        ("pyramid50-64", {"network": "resnext"}, "network has the unknown value 'resnext'"),
        ("pyramid50-64", {"stacks": 2}, '"stacks", which pyramid_resnet does not have'),
        ("pyramid50-64", {"output_stride": 8}, '"output_stride", which pyramid_resnet does'),
        ("voc-1121-64", {"head": "psp"}, "head has the unknown value 'psp'"),
        ("hourglass-2x24-64", {"input_size": 128}, "input_size is not the side"),
        ("count-plain50", {"depth": 34}, "depth has the unknown value 34"),
        ("resize-tf1-nearest", {"method": "cubic"}, "method has the unknown value 'cubic'"),
        ("fmp-16-c4", {"pool": 3}, "pool has the unknown value 3"),
        ("schedule-voc-head", {"batch": 8}, 'unknown word "batch"'),
        ("optimizer-rmsprop", {"optimizer": "adam"}, "optimizer has the unknown value 'adam'"),
        ("detector-64x96", {"head": "aspp"}, '"head", which pyramid_c4 does not have'),
        ("detector-64x96", {"boxes": [[1, 2, 3]]}, "boxes has the unknown value"),
        ("detector-proposals", {"stage": "masks"}, "stage has the unknown value 'masks'"),
        ("detector-proposals", {"min_size": 2}, 'unknown word "min_size"'),
        ("detector-losses", {"delta": 1}, 'unknown word "delta"'),
        ("rpn-targets", {"subsample": True}, "subsample has the unknown value True"),
        ("train-1111", {"stage": "all"}, "stage has the unknown value 'all'"),
    ],
)
def test_what_is_not_known_is_a_failure_that_names_it(name, words, message):
    case = changed(CASES[name], **words)
    with pytest.raises(UnknownWord) as caught:
        KINDS[case.kind](case)
    assert message in str(caught.value)


def test_the_other_rounding_does_not_hold():
    case = changed(CASES["block-1p16-double"], variant="detector")
    assert "differs by" in case.problems(KINDS["layer"](case))[0]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("detector-proposals", {"nms": 0.5}),
        ("detector-predictions", {"nms": 0.3}),
        ("detector-losses", {"roi_labels": [17] * 13 + [0] * 11}),
        ("rpn-targets", {"crowd_boxes": []}),
    ],
)
def test_another_value_of_the_detector_gives_other_numbers(name, words):
    case = changed(CASES[name], **words)
    assert case.problems(KINDS[case.kind](case))
