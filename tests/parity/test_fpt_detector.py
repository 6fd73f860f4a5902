"""Words of FPT's base that are not known, and values that change the numbers."""

import pathlib

import pytest
from golden_cases import cases, changed

from lfp_tf.parity.fpt.kinds import KINDS
from lfp_tf.parity.words import UnknownWord

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "fpt"
CASES = {case.id: case for case in cases(GOLDEN)}


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("backbone-r50-affine", {"depth": 18}, "depth has the unknown value 18"),
        ("backbone-r50-affine", {"pixel_means": [0, 0]}, "pixel_means has the unknown value"),
        ("bfp-none", {"base_pyramid": "ufp"}, "base_pyramid has the unknown value 'ufp'"),
        ("bfp-none", {"training": True}, "training has the unknown value True"),
        ("fpn-none", {"stride": 2}, 'unknown word "stride"'),
        ("count-resnet50", {"freeze_at": 3}, "freeze_at has the unknown value 3"),
    ],
)
def test_what_is_not_known_is_a_failure_that_names_it(name, words, message):
    case = changed(CASES[name], **words)
    with pytest.raises(UnknownWord) as caught:
        KINDS[case.kind](case)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["fpn-none", "bfp-gn"])
def test_the_last_level_is_left_out_unless_asked_for(name):
    case = CASES[name]
    has_it = "P6" in KINDS[case.kind](case)
    assert has_it == case.config["p6"]
    other = changed(case, p6=not has_it)
    assert ("P6" in KINDS[other.kind](other)) != has_it
