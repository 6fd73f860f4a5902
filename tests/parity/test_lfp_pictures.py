"""LFP's golden cases of pictures without a network, and words that are not known."""

import copy
import pathlib

import pytest
from golden_cases import Case, cases

from lfp_tf.parity.lfp import pictures
from lfp_tf.parity.words import UnknownWord

KINDS = {
    "imagenet_augmentation": pictures.imagenet_augmentation,
    "imagenet_eval_crop": pictures.imagenet_eval_crop,
    "voc_augmentation": pictures.voc_augmentation,
    "voc_test_tiling": pictures.voc_test_tiling,
}
CASES = {
    case.id: case
    for case in cases(pathlib.Path(__file__).parents[1] / "golden" / "lfp")
    if case.kind in KINDS
}


@pytest.mark.parametrize("name", CASES)
def test_case(name):
    case = CASES[name]
    assert case.problems(KINDS[case.kind](case)) == []


def changed(name, **words):
    entry = copy.deepcopy(CASES[name].entry)
    entry["config"] |= words
    return Case(entry, CASES[name].folder)


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
    case = changed(name, **words)
    with pytest.raises(UnknownWord) as caught:
        KINDS[case.kind](case)
    assert message in str(caught.value)


def test_a_wrong_number_fails():
    case = changed("voc-augment", u=0.2)
    assert any(
        "differs by" in problem for problem in case.problems(pictures.voc_augmentation(case))
    )
