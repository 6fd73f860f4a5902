"""Words of LFP's cases of images that are not known; the cases run in `test_golden.py`."""

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
        ("imagenet-augment", {"steps": [{"op": "blur"}]}, "steps.op has the unknown value 'blur'"),
        ("imagenet-augment", {"steps": [{"op": "flip", "axis": 1}]}, 'unknown word "axis"'),
        ("imagenet-eval-crop", {"order": "RGB"}, "order has the unknown value 'RGB'"),
        ("voc-augment", {"rotation": 3}, 'unknown word "rotation"'),
        ("tiling-plain", {"crf": True}, "crf has the unknown value True"),
        ("tiling-plain", {"interpolation": "linear"}, "interpolation has the unknown value"),
    ],
)
def test_what_is_not_known_is_a_failure_that_names_it(name, words, message):
    case = changed(CASES[name], **words)
    with pytest.raises(UnknownWord) as caught:
        KINDS[case.kind](case)
    assert message in str(caught.value)


def test_a_wrong_number_fails():
    case = changed(CASES["voc-augment"], u=0.2)
    assert any("differs by" in problem for problem in case.problems(KINDS[case.kind](case)))
