"""Corners, weights and neighbours against a lattice of dictionaries, and numbers of any size."""

import numpy as np
import pytest
import slow_crf

from lfp_tf.errors import LfpError
from lfp_tf.tasks.segmentation.crf import lattice


def features(dimensions, points, spread=3.0, seed=0):
    drawn = np.random.default_rng(seed).uniform(0, spread, (dimensions, points))
    return drawn.astype(np.float32)


@pytest.mark.parametrize("dimensions", [1, 2, 3, 5])
def test_corners_and_weights_are_those_of_the_slow_lattice(dimensions):
    points = features(dimensions, 60)
    built = lattice.build(points)
    numbers = {}
    for row, weights, point in zip(built.corners, built.weights, points.T, strict=True):
        for vertex, weight, (key, expected) in zip(
            row, weights, slow_crf.corners(point), strict=True
        ):
            assert numbers.setdefault(vertex, key) == key
            assert weight == expected
    assert len(set(numbers.values())) == len(numbers) == built.neighbours[0].shape[0]
    np.testing.assert_allclose(built.weights.sum(axis=1), 1, atol=1e-6)
    assert built.weights.min() > -1e-6


@pytest.mark.parametrize("dimensions", [1, 2, 5])
def test_neighbours_are_one_step_along_their_axis(dimensions):
    points = features(dimensions, 80, spread=2.0)
    built = lattice.build(points)
    numbers = {}
    for row, point in zip(built.corners, points.T, strict=True):
        numbers |= {key: v for v, (key, _) in zip(row, slow_crf.corners(point), strict=True)}
    for step, matrix in zip(slow_crf.steps(dimensions), built.neighbours, strict=True):
        expected = np.zeros(matrix.shape, np.float32)
        for key, vertex in numbers.items():
            for sign in (1, -1):
                near = tuple(k + sign * s for k, s in zip(key, step, strict=True))
                if near in numbers:
                    expected[vertex, numbers[near]] = 0.5
        np.testing.assert_array_equal(matrix.toarray(), expected)


def test_a_point_on_a_corner_has_all_weight_there():
    built = lattice.build(np.zeros((2, 4), np.float32))
    np.testing.assert_array_equal(built.weights, [[1, 0, 0]] * 4)
    np.testing.assert_array_equal(built.corners, [[0, 1, 2]] * 4)


@pytest.mark.parametrize("factor", [1, 2**20, 2**52])
def test_numbers_of_any_size_are_counted_alike(factor):
    keys = np.random.default_rng(0).integers(0, 50, 300) * factor
    unique, numbers = lattice._numbered(keys)
    expected, places = np.unique(keys, return_inverse=True)
    np.testing.assert_array_equal(unique, expected)
    np.testing.assert_array_equal(numbers, places)


@pytest.mark.parametrize(("dimensions", "spread"), [(5, 1e5), (2, 1e8)])
def test_deviations_beyond_numbering_are_refused(dimensions, spread):
    points = features(dimensions, 10) * np.float32(spread)
    with pytest.raises(LfpError, match="deviations of the CRF are too small for this image"):
        lattice.build(points)
