import numpy as np
import tensorflow as tf

from lfp_tf.ops.pooling import halving_average_pool
from lfp_tf.ops.valid_cells import cells_at_stride, clear_invalid, mean_of_valid, valid_mask


def test_sizes_are_rounded_up():
    sizes = cells_at_stride(tf.constant([[64, 70], [41, 96]]), 4)
    assert sizes.numpy().tolist() == [[16, 18], [11, 24]]


def test_invalid_cells_are_cleared_even_of_what_is_not_a_number():
    x = tf.constant([[[[1.0], [np.nan]], [[np.inf], [2.0]]]])
    sizes = tf.constant([[1, 1]])
    assert clear_invalid(x, sizes).numpy().ravel().tolist() == [1, 0, 0, 0]
    assert valid_mask(sizes, x).numpy().ravel().tolist() == [1, 0, 0, 0]
    assert mean_of_valid(x, sizes).numpy().ravel().tolist() == [1]
    assert clear_invalid(x, None) is x
    assert mean_of_valid(x, tf.constant([[0, 0]])).numpy().ravel().tolist() == [0]


def test_windows_are_centered_on_every_second_cell_and_count_what_is_there():
    x = tf.reshape(tf.range(20.0), [1, 4, 5, 1])
    pooled = halving_average_pool(x)[0, ..., 0]
    values = np.arange(20.0).reshape(4, 5)
    expected = [
        [
            values[max(2 * y - 1, 0) : 2 * y + 2, max(2 * c - 1, 0) : 2 * c + 2].mean()
            for c in range(3)
        ]
        for y in range(2)
    ]
    np.testing.assert_allclose(pooled, expected, rtol=1e-6)


def test_a_pooled_window_counts_valid_cells_only():
    x = tf.random.stateless_normal([1, 6, 7, 2], [1, 2])
    pooled = halving_average_pool(x, tf.constant([[5, 4]]))
    np.testing.assert_allclose(pooled[:, :3, :2], halving_average_pool(x[:, :5, :4]), atol=1e-6)
