"""The benchmark of the CRF runs at its tiny size and measures what it says."""

import argparse
import json

import numpy as np

from benchmarks import crf, crf_rival, rivals


def test_it_runs_and_reports(tmp_path, capsys):
    options = argparse.Namespace(
        quick=True, rounds=1, calls=1, crf_python=None, out=tmp_path, cores=rivals.available_cores()
    )
    crf.run(options)
    content = json.loads((tmp_path / "crf.json").read_text())
    assert len(content["comparisons"]) == 5
    for comparison in content["comparisons"]:
        assert all(row["seconds"][0] > 0 for row in comparison["rows"])
    said = capsys.readouterr().out
    for image in crf.IMAGES:
        assert f"{image}: {content['facts'][image]['vertices']} vertices" in said
        assert len(content["facts"][image]["vertices"]) == 2


def test_images_are_smooth_and_noisy_and_probabilities_sum_to_one():
    smooth, noisy = (crf_rival.drawn_image(kind, [60, 80]) for kind in ("smooth", "noisy"))
    steps = [np.abs(np.diff(p.astype(int), axis=1)).mean() for p in (smooth, noisy)]
    assert smooth.shape == noisy.shape == (60, 80, 3) and steps[0] < steps[1] / 2
    result = crf_rival.drawn_probabilities([60, 80], 21)
    np.testing.assert_allclose(result.sum(axis=2), 1, atol=1e-5)
