"""Words of LFP's cases of poses that are not known; the cases run in `test_golden.py`."""

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
        ("torch-image-ops", {"operations": [{"op": "crop"}]}, "operations.op has the unknown"),
        ("pose-crop", {"image": "0..1"}, "image has the unknown value '0..1'"),
        ("pose-crop", {"queries": [{"zoom": 2}]}, 'config.queries has the unknown word "zoom"'),
        ("heatmaps-mpii", {"sigma": 2}, 'unknown word "sigma"'),
        ("pose-aug-lsp", {"dataset": "coco"}, "dataset has the unknown value 'coco'"),
        ("pckh", {"joints": ["head"]}, "joints has the unknown value"),
    ],
)
def test_what_is_not_known_is_a_failure_that_names_it(name, words, message):
    case = changed(CASES[name], **words)
    with pytest.raises(UnknownWord) as caught:
        KINDS[case.kind](case)
    assert message in str(caught.value)


def test_a_wrong_number_fails():
    case = changed(CASES["pose-aug-zoom"], scale=0.9)
    assert any("differs by" in problem for problem in case.problems(KINDS[case.kind](case)))
