import numpy as np
import tensorflow as tf

from lfp_tf.layers.scaling import DoubleLike


def test_cells_are_repeated_and_cut_to_the_finer_map():
    coarse = tf.reshape(tf.constant([1.0, 2.0, 3.0, 4.0]), [1, 2, 2, 1])
    whole = DoubleLike()([coarse, tf.zeros([1, 4, 4, 7])])
    expected = [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    np.testing.assert_array_equal(whole[0, :, :, 0], expected)
    odd = DoubleLike()([coarse, tf.zeros([1, 3, 4, 7])])
    np.testing.assert_array_equal(odd[0, :, :, 0], expected[:3])


def test_a_cell_learns_from_all_its_copies():
    coarse = tf.zeros([1, 2, 2, 1])
    with tf.GradientTape() as tape:
        tape.watch(coarse)
        total = tf.reduce_sum(DoubleLike()([coarse, tf.zeros([1, 3, 3, 1])]))
    np.testing.assert_array_equal(tape.gradient(total, coarse)[0, :, :, 0], [[4, 2], [2, 1]])


def test_unknown_sizes():
    layer = DoubleLike()
    double = tf.function(lambda a, b: layer([a, b]))
    unknown = tf.TensorSpec([None, None, None, 3])
    concrete = double.get_concrete_function(unknown, unknown)
    x = tf.random.normal([2, 3, 5, 3])
    y = concrete(x, tf.zeros([2, 5, 10, 3]))
    np.testing.assert_array_equal(y, np.repeat(np.repeat(x, 2, 1), 2, 2)[:, :5])
