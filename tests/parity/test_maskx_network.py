"""Words of whole detectors that are not known, and values that change the numbers."""

import copy
import pathlib

import pytest
from golden_cases import Case, cases, changed

from lfp_tf.parity.maskx.kinds import KINDS
from lfp_tf.parity.words import UnknownWord

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "maskx"
CASES = {case.id: case for case in cases(GOLDEN)}
NARROW = CASES["detector-forward-r50-c4"]


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("detector-forward-r50-c4", {"stage": 5}, 'unknown word "stage"'),
        ("detector-forward-r50-c4", {"variant": "dc5"}, "variant has the unknown value 'dc5'"),
        ("detector-forward-r50-c4", {"norm": "bn"}, "norm has the unknown value 'bn'"),
        ("detector-forward-r50-c4", {"depth": 34}, "depth has the unknown value 34"),
        ("detector-forward-r50-c4", {"box_order": "y1,x1,y2,x2"}, "box_order has the unknown"),
        ("detector-forward-x50-fpn", {"box_head": "4conv"}, "box_head has the unknown value"),
        ("detector-forward-x50-fpn", {"norm": "gn"}, 'lacks the word "gn_groups"'),
        ("parameter_count-oracle-r50", {"test_scale": 800}, 'unknown word "test_scale"'),
        (
            "parameter_count-oracle-r50",
            {"transfer": {"input": "cls"}},
            'transfer lacks the word "activation"',
        ),
    ],
)
def test_what_is_not_known_is_a_failure_that_names_it(name, words, message):
    case = changed(CASES[name], **words)
    with pytest.raises(UnknownWord) as caught:
        KINDS[case.kind](case)
    assert message in str(caught.value)


@pytest.mark.parametrize("word", ["variant", "test_scale", "rpn_sizes", "mask_dim", "limit"])
def test_a_word_that_is_missing_is_a_failure_that_names_it(word):
    entry = copy.deepcopy(NARROW.entry)
    del entry["config"][word]
    with pytest.raises(UnknownWord, match=f'config lacks the word "{word}"'):
        KINDS[NARROW.kind](Case(entry, NARROW.folder))


@pytest.mark.parametrize(
    ("words", "outputs"),
    [
        ({"stride_on_1x1": False}, {"c4", "boxes"}),
        ({"nms": 0.3}, {"boxes"}),
        ({"post_nms_top_n": 20}, {"proposals"}),
        ({"rpn_sizes": [8, 32, 64]}, {"proposals"}),
    ],
)
def test_another_value_does_not_hold(words, outputs):
    case = changed(NARROW, **words)
    problems = case.problems(KINDS[case.kind](case))
    assert outputs <= {problem.split(":")[0] for problem in problems}


def test_weights_that_do_not_fit_are_refused():
    case = changed(NARROW, width_per_group=16)
    with pytest.raises(Exception, match="the weights do not fit"):
        KINDS[case.kind](case)
