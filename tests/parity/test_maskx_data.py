"""Ground truth of detection: what its runner refuses, and that it compares what it computes."""

import pathlib

import pytest
from golden_cases import cases, changed

from lfp_tf.parity.maskx.data import ground_truth
from lfp_tf.parity.words import UnknownWord

FOLDER = pathlib.Path(__file__).parents[1] / "golden/maskx"
CASE = next(case for case in cases(FOLDER) if case.kind == "detector-ground_truth")


def test_unknown_words_and_values_are_refused():
    with pytest.raises(UnknownWord, match="image_size has the unknown value"):
        ground_truth(changed(CASE, image_size=[80]))
    with pytest.raises(UnknownWord, match='unknown word "crowd"'):
        ground_truth(changed(CASE, crowd=True))


def test_a_least_area_leaves_small_objects_out():
    # Areas of the six that are kept: 316, 384 (crowd), 487, 271, 238, 2578.
    results = ground_truth(changed(CASE, gt_min_area=300))
    assert results["classes"].tolist() == [62, 73, 46, 53]
    assert any("boxes" in problem for problem in CASE.problems(results))
