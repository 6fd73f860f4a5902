"""Pillow's nearest resize, against Pillow."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from lfp_tf.ops.nearest import pil_nearest_indices, resize_pil_nearest

SIDES = st.integers(1, 1400)
SCALAR = tf.TensorSpec([], tf.int32)


@tf.function(input_signature=[SCALAR, SCALAR])
def in_graph(length, count):
    return pil_nearest_indices(length, count)


def pillow(length, count):
    row = Image.fromarray(np.arange(length, dtype=np.int32)[None])
    return np.asarray(row.resize((count, 1), Image.Resampling.NEAREST))[0]


@settings(max_examples=200, deadline=None)
@given(SIDES, SIDES)
@example(513, 641)
@example(321, 401)
@example(1, 1)
@example(1, 7)
@example(640, 480)
def test_indices_are_pillows_with_sizes_known_early_or_late(length, count):
    want = pillow(length, count)
    np.testing.assert_array_equal(pil_nearest_indices(length, count), want)
    np.testing.assert_array_equal(in_graph(length, count), want)


def test_the_plain_formula_would_not_do():
    differing = []
    for length in range(300, 340):
        count = int(0.75 * length)
        plain = np.floor((np.arange(count) + 0.5) * (length / count)).astype(int)
        differing.append(not np.array_equal(plain, pil_nearest_indices(length, count)))
    assert np.mean(differing) > 0.2


@pytest.mark.parametrize("size", [(7, 15), (12, 4), (9, 11)])
def test_both_sides_of_a_label_map(size):
    labels = np.random.RandomState(0).randint(0, 255, (2, 9, 11), np.uint8)
    got = resize_pil_nearest(tf.constant(labels), size)
    assert got.shape == (2, *size) and got.dtype == tf.uint8
    for one, label in zip(got.numpy(), labels, strict=True):
        want = Image.fromarray(label).resize(size[::-1], Image.Resampling.NEAREST)
        np.testing.assert_array_equal(one, want)
    channels = resize_pil_nearest(tf.constant(labels)[..., None], size)
    np.testing.assert_array_equal(channels[..., 0], got)
