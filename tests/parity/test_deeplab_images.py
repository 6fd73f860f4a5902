"""Words of DeepLab's cases of images that are not known; the cases run in `test_golden.py`."""

import pathlib

import pytest
from golden_cases import cases, changed

from lfp_tf.parity.deeplabv2.kinds import KINDS
from lfp_tf.parity.words import UnknownWord

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "deeplabv2"
CASES = {case.id: case for case in cases(GOLDEN)}


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("label-resize-321", {"label_resize": "nearest"}, "label_resize has the unknown value"),
        ("augment-crop", {"rotation": 3}, 'unknown word "rotation"'),
        ("augment-crop", {"warp_size": 73}, '"warp_size", which newest does not have'),
        ("augment-seed", {"base_size": None}, '"base_size", which seed does not have'),
        ("data-voc-val-0", {"split": "test"}, "config.split has the value 'test', which voc does"),
        ("data-voc-val-0", {"dataset": "coco"}, "dataset has the unknown value 'coco'"),
        ("metrics-21", {"ignore_label": 7}, "ignore_label has the unknown value 7"),
        ("prep-wide", {"revision": "old"}, "revision has the unknown value 'old'"),
    ],
)
def test_what_is_not_known_is_a_failure_that_names_it(name, words, message):
    case = changed(CASES[name], **words)
    with pytest.raises(UnknownWord) as caught:
        KINDS[case.kind](case)
    assert message in str(caught.value)


def test_a_wrong_number_fails():
    case = changed(CASES["augment-crop"], top=21)
    assert any("differs by" in problem for problem in case.problems(KINDS[case.kind](case)))
