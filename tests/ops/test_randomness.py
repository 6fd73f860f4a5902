import numpy as np
import tensorflow as tf

from lfp_tf.ops import randomness


def test_draws_are_a_function_of_key_and_salt():
    key = tf.constant([3, 8])
    first = randomness.uniforms(key, 4, salt=1).numpy()
    np.testing.assert_array_equal(first, randomness.uniforms(key, 4, salt=1))
    for other in (randomness.uniforms(key, 4, salt=2), randomness.uniforms([3, 9], 4, salt=1)):
        assert not np.intersect1d(first, other).size


def test_neighbouring_keys_fill_the_range_evenly():
    draws = np.array([randomness.uniforms([0, i], 1, salt=1)[0] for i in range(300)])
    assert draws.min() >= 0 and draws.max() < 1
    assert abs(draws.mean() - 0.5) < 0.05 and abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.2


def test_whole_numbers_include_both_ends():
    draws = tf.constant([0.0, 0.34, 0.5, 0.999], tf.float64)
    assert randomness.whole_number(draws, 2).numpy().tolist() == [0, 1, 1, 2]


def test_shuffled_is_a_permutation_that_changes_with_epoch_and_seed():
    def order(seed, epoch):
        places = tf.range(11, dtype=tf.int64)
        return [int(randomness.shuffled(p, seed=seed, epoch=epoch, count=11)) for p in places]

    assert sorted(order(1, 0)) == list(range(11))
    assert len({tuple(order(*pair)) for pair in ((1, 0), (1, 1), (2, 0))}) == 3


def test_normal_draws_have_mean_0_and_deviation_1_and_are_a_function_of_the_key():
    draws = np.concatenate([randomness.normals([5, i], 4, salt=3) for i in range(300)])
    assert abs(draws.mean()) < 0.1 and abs(draws.std() - 1) < 0.1
    np.testing.assert_array_equal(draws[4:8], randomness.normals([5, 1], 4, salt=3))


def test_a_row_of_draws_does_not_depend_on_the_rows_drawn_with_it():
    key = tf.constant([3, 4])
    whole = randomness.row_uniforms(key, tf.constant(0), tf.constant(9), 7, salt=1).numpy()
    part = randomness.row_uniforms(key, tf.constant(4), tf.constant(3), 7, salt=1).numpy()
    np.testing.assert_array_equal(whole[4:7], part)
    assert len(np.unique(whole)) == whole.size
    assert (whole >= 0).all() and (whole < 1).all()
