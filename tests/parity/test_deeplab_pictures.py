"""DeepLab's golden cases without a network, and words that are not known."""

import copy
import pathlib

import pytest
from golden_cases import Case, cases

from lfp_tf.parity.deeplabv2 import pictures
from lfp_tf.parity.words import UnknownWord

KINDS = {
    "label_resize": pictures.label_resize,
    "augmentation": pictures.augmentation,
    "dataset_item": pictures.dataset_item,
    "metrics": pictures.metrics,
    "preprocessing": pictures.preprocessing,
}
CASES = {
    case.id: case
    for case in cases(pathlib.Path(__file__).parents[1] / "golden" / "deeplabv2")
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
    case = changed(name, **words)
    with pytest.raises(UnknownWord) as caught:
        KINDS[case.kind](case)
    assert message in str(caught.value)


def test_a_wrong_number_fails():
    case = changed("augment-crop", top=21)
    assert any("differs by" in problem for problem in case.problems(pictures.augmentation(case)))
