import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from lfp_tf.ops.detection.choices import choose, first_true

KEY = tf.constant([3, 11])
MASKS = st.lists(st.booleans(), max_size=40)


@given(MASKS, st.integers(0, 45))
@settings(deadline=None, max_examples=60)
def test_without_a_key_candidates_are_spread(mask, count):
    candidates = np.flatnonzero(mask)
    m, n = len(candidates), min(count, len(candidates))
    expected = {candidates[(i * m) // n] for i in range(n)}
    chosen = choose(tf.constant(mask, tf.bool), count, key=None, salt=1).numpy()
    assert set(np.flatnonzero(chosen)) == expected


@given(MASKS, st.integers(0, 45), st.integers(0, 9))
@settings(deadline=None, max_examples=60)
def test_with_a_key_as_many_candidates_are_drawn_whatever_fills_up(mask, count, padding):
    chosen = choose(tf.constant(mask, tf.bool), count, key=KEY, salt=1).numpy()
    assert chosen.sum() == min(count, sum(mask))
    assert not (chosen & ~np.array(mask, bool)).any()
    # What is between and behind candidates does not move a draw.
    wide = np.zeros(2 * len(mask) + padding, bool)
    wide[: 2 * len(mask) : 2] = mask
    again = choose(tf.constant(wide), count, key=KEY, salt=1).numpy()
    np.testing.assert_array_equal(again[: 2 * len(mask) : 2], chosen)


def test_each_candidate_is_taken_as_often_and_keys_and_salts_differ():
    mask = tf.constant([True, False, True, True, True, True])
    taken = sum(
        choose(mask, 2, key=tf.constant([1, sample]), salt=2).numpy().astype(int)
        for sample in range(1000)
    )
    assert taken[1] == 0
    # 2 of 5, 1000 times: a deviation of 15.5.
    assert np.abs(np.delete(taken, 1) - 400).max() < 70
    wide = tf.ones([200], tf.bool)
    a, b = (choose(wide, 20, key=KEY, salt=salt).numpy() for salt in (1, 2))
    assert (a != b).any()


@given(MASKS, st.integers(1, 45))
@settings(deadline=None, max_examples=40)
def test_first_true_pads_to_its_limit(mask, limit):
    chosen = first_true(tf.constant(mask, tf.bool), limit)
    expected = np.flatnonzero(mask)[:limit]
    assert chosen.indices.shape == (limit,)
    np.testing.assert_array_equal(chosen.indices[: len(expected)], expected)
    np.testing.assert_array_equal(chosen.is_valid, np.arange(limit) < len(expected))
