"""What the runner of the detector's operators refuses, and that it compares what it computes."""

import pathlib

import pytest
from golden_cases import cases, changed

from lfp_tf.parity.maskx.kinds import KINDS
from lfp_tf.parity.maskx.words import WORDS
from lfp_tf.parity.words import UnknownWord

CASES = {case.id: case for case in cases(pathlib.Path(__file__).parents[1] / "golden/maskx")}


def test_every_kind_has_a_case():
    assert set(WORDS) < set(KINDS) == {case.kind for case in CASES.values()}


@pytest.mark.parametrize(
    ("id", "words", "message"),
    [
        ("detector-nms-ties", {"order": "score"}, 'unknown word "order"'),
        ("detector-nms-ties", {"threshold": "half"}, "threshold has the unknown value 'half'"),
        ("detector-rpn_targets-all", {"sampling": "random"}, "sampling has the unknown value"),
        ("detector-rpn_targets-all", {"few_negatives": "none"}, "few_negatives has the unknown"),
        ("detector-rpn_targets-all", {"max_size": 64}, "max_size is smaller"),
        ("detector-mask_targets-all", {"mask_candidates": "b"}, "mask_candidates has the unknown"),
        ("detector-losses-pub", {"images": 3}, "images is not the number"),
        ("detector-schedule-1x", {"warmup": "constant"}, "warmup has the unknown value"),
    ],
)
def test_unknown_words_and_values_are_refused(id, words, message):
    case = changed(CASES[id], **words)
    with pytest.raises(UnknownWord, match=message):
        KINDS[case.kind](case)


def test_a_missing_word_is_refused():
    case = changed(CASES["detector-nms-ties"])
    case.config = {}
    with pytest.raises(UnknownWord, match='lacks the word "threshold"'):
        KINDS[case.kind](case)


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("detector-nms-ties", {"threshold": 0.3}),
        ("detector-roi_align-box", {"sampling_ratio": 1}),
        ("detector-proposals-train", {"nms": 0.5}),
        ("detector-rpn_targets-sampled", {"negative_overlap": 0.1}),
        ("detector-roi_targets-all", {"im_scale": 1.5}),
        ("detector-mask_targets-agnostic", {"set_a": [2]}),
        ("detector-mask_paste-a", {"threshold": 0.4}),
        ("detector-detections-limit", {"limit": 10}),
        ("detector-preprocess-pair", {"max_size": 100}),
        ("detector-losses-pub", {"rpn_beta": 1.0}),
        ("detector-optimizer-pub", {"weight_decay": 0.01}),
    ],
)
def test_another_value_gives_other_numbers(id, words):
    case = changed(CASES[id], **words)
    assert case.problems(KINDS[case.kind](case))


def test_without_a_mask_one_background_box_stands_for_none():
    case = changed(CASES["detector-mask_targets-all"], set_a=[6])
    result = KINDS[case.kind](case)
    assert list(result["mask_labels"]) == [0] and (result["masks"] == -1).all()
    assert result["masks"].shape == (1, 28, 28) and result["has_mask"].sum() == 1
