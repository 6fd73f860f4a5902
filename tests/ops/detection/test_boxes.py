import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from lfp_tf.ops.detection.anchors import anchor_field, cell_anchors
from lfp_tf.ops.detection.boxes import LARGEST_LOG, areas, clip, decode, encode, overlaps

PIXEL = (0.0, 1.0)


def random_boxes(seed, count, *, side=60.0):
    rng = np.random.RandomState(seed)
    corners = rng.uniform(0, 100, (count, 2))
    return np.concatenate([corners, corners + rng.uniform(1, side, (count, 2))], 1).astype("f")


def plain_overlap(a, b, pixel):
    width = max(min(a[2], b[2]) - max(a[0], b[0]) + pixel, 0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]) + pixel, 0)
    area = [(c[2] - c[0] + pixel) * (c[3] - c[1] + pixel) for c in (a, b)]
    union = sum(area) - width * height
    return width * height / union if union else 0.0


def test_areas_by_hand():
    box = tf.constant([0.0, 0.0, 9.0, 4.0])
    assert float(areas(box)) == 50.0
    assert float(areas(box, pixel=0.0)) == 36.0


@given(st.integers(0, 10**6), st.sampled_from(PIXEL))
@settings(deadline=None, max_examples=20)
def test_overlaps_are_those_of_a_plain_loop(seed, pixel):
    a, b = random_boxes(seed, 7), random_boxes(seed + 1, 5)
    expected = [[plain_overlap(x, y, pixel) for y in b.astype("d")] for x in a.astype("d")]
    np.testing.assert_allclose(overlaps(a, b, pixel=pixel), expected, atol=1e-5)


def test_overlap_with_a_crowd_is_the_share_of_the_box_alone():
    box, crowd = tf.constant([[0.0, 0.0, 9.0, 9.0]]), tf.constant([[5.0, 0.0, 99.0, 99.0]])
    both = tf.concat([crowd, crowd], 0)
    result = overlaps(box, both, crowd=tf.constant([True, False]))
    np.testing.assert_allclose(result, [[0.5, 50 / (100 + 9500 - 50)]], rtol=1e-6)


def test_boxes_without_area_overlap_nothing():
    zero = tf.zeros([1, 4])
    assert overlaps(zero, zero, pixel=0.0).numpy() == 0.0
    assert overlaps(zero, zero).numpy() == 1.0


@given(st.integers(0, 10**6), st.sampled_from(PIXEL))
@settings(deadline=None, max_examples=20)
def test_decoding_undoes_encoding(seed, pixel):
    boxes, targets = random_boxes(seed, 9), random_boxes(seed + 1, 9)
    weights = (10.0, 10.0, 5.0, 5.0)
    deltas = encode(boxes, targets, weights=weights, pixel=pixel)
    back = decode(boxes, deltas, weights=weights, pixel=pixel)
    np.testing.assert_allclose(back, targets, atol=1e-3)


def test_growth_is_limited_and_shrinking_is_not():
    box = tf.constant([[0.0, 0.0, 15.0, 15.0]])
    grown = decode(box, tf.constant([[0.0, 0.0, 9.0, -9.0]])).numpy()[0]
    assert grown[2] - grown[0] + 1 == pytest.approx(1000, rel=1e-5)
    assert grown[3] - grown[1] + 1 == pytest.approx(16 * np.exp(-9), abs=1e-4)
    smaller = decode(box, tf.constant([[0.0, 0.0, 9.0, 0.0]]), largest_log=LARGEST_LOG / 2)
    assert float(smaller[0, 2]) < grown[2] / 2


def test_each_group_of_columns_is_decoded_on_its_own():
    boxes = random_boxes(3, 6)
    deltas = np.random.RandomState(4).normal(0, 0.3, (6, 12)).astype("f")
    whole = decode(boxes, deltas).numpy()
    for k in range(3):
        part = decode(boxes, deltas[:, 4 * k : 4 * k + 4])
        # Rounding depends on how the kernel packs numbers.
        np.testing.assert_allclose(whole[:, 4 * k : 4 * k + 4], part, rtol=1e-5, atol=1e-5)


def test_clipping_keeps_corners_in_the_image():
    boxes = tf.constant([[-5.0, 3.0, 200.0, 200.0], [150.0, 120.0, 160.0, 130.0]])
    expected = [[0, 3, 99, 79], [99, 79, 99, 79]]
    np.testing.assert_array_equal(clip(boxes, 80, 100), expected)
    np.testing.assert_array_equal(clip(boxes, 80, 100, pixel=0.0)[0], [0, 3, 100, 80])


def test_cell_anchors_of_detectron():
    expected = [[-22, -10, 25, 13], [-14, -14, 17, 17], [-10, -22, 13, 25]]
    np.testing.assert_array_equal(cell_anchors(4, [32], (0.5, 1, 2)), expected)


def test_unrounded_anchors_have_the_area_of_their_size():
    cells = cell_anchors(8, [16, 32], (0.5, 1, 2), rounded=False, pixel=0.0)
    sides = cells[:, 2:] - cells[:, :2]
    np.testing.assert_allclose(np.prod(sides, 1), [256, 1024] * 3, rtol=1e-5)
    np.testing.assert_allclose(sides[:, 1] / sides[:, 0], [0.5, 0.5, 1, 1, 2, 2], rtol=1e-5)
    np.testing.assert_allclose((cells[:, 2:] + cells[:, :2]) / 2, np.full((6, 2), 4.0), atol=1e-5)


def test_a_field_is_the_cell_shifted_by_strides_also_of_unknown_size():
    cells = cell_anchors(4, [32, 64], (1, 2))
    field = tf.function(lambda h, w: anchor_field(cells, 4, (h, w)))(*map(tf.constant, (2, 3)))
    assert field.shape == (24, 4)
    np.testing.assert_array_equal(field[(1 * 3 + 2) * 4 + 1], cells[1] + [8, 4, 8, 4])
