"""LFP's golden cases of poses without a network, and words that are not known."""

import copy
import pathlib

import pytest
from golden_cases import Case, cases

from lfp_tf.parity.lfp import pose
from lfp_tf.parity.words import UnknownWord

KINDS = {
    "torch_image": pose.torch_image,
    "pose_transform": pose.pose_transform,
    "pose_crop": pose.pose_crop,
    "heatmap_targets": pose.heatmap_targets,
    "pose_augmentation": pose.pose_augmentation,
    "pose_postprocess": pose.pose_postprocess,
    "pose_flip_test": pose.pose_flip_test,
    "pose_multiscale": pose.pose_multiscale,
    "pck": pose.pck,
    "pckh": pose.pckh,
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
        ("torch-image-ops", {"operations": [{"op": "crop"}]}, "operations.op has the unknown"),
        ("pose-crop", {"image": "0..1"}, "image has the unknown value '0..1'"),
        ("pose-crop", {"queries": [{"zoom": 2}]}, 'config.queries has the unknown word "zoom"'),
        ("heatmaps-mpii", {"sigma": 2}, 'unknown word "sigma"'),
        ("pose-aug-lsp", {"dataset": "coco"}, "dataset has the unknown value 'coco'"),
        ("pckh", {"joints": ["head"]}, "joints has the unknown value"),
    ],
)
def test_what_is_not_known_is_a_failure_that_names_it(name, words, message):
    case = changed(name, **words)
    with pytest.raises(UnknownWord) as caught:
        KINDS[case.kind](case)
    assert message in str(caught.value)


def test_a_wrong_number_fails():
    case = changed("pose-aug-zoom", scale=0.9)
    assert any("differs by" in problem for problem in case.problems(pose.pose_augmentation(case)))
