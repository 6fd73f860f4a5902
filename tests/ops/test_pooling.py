import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from lfp_tf.ops.pooling import adaptive_average_pool, window_average_pool


def slow_adaptive(x, n):
    """PyTorch's rule, written out."""
    h, w = x.shape[1:3]
    out = np.zeros([x.shape[0], n, n, x.shape[3]])
    for i in range(n):
        for j in range(n):
            rows = slice(i * h // n, -(-(i + 1) * h // n))
            columns = slice(j * w // n, -(-(j + 1) * w // n))
            out[:, i, j] = x[:, rows, columns].mean((1, 2))
    return out


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 14), st.integers(1, 14), st.integers(0, 9))
def test_adaptive_pooling_of_any_size(height, width, seed):
    x = np.random.RandomState(seed).rand(2, height, width, 3).astype(np.float32)
    for n, got in zip(
        (1, 2, 3, 6), adaptive_average_pool(tf.constant(x), (1, 2, 3, 6)), strict=True
    ):
        np.testing.assert_allclose(got, slow_adaptive(x, n), atol=1e-5)


def test_unknown_sizes_give_the_same():
    x = np.random.RandomState(0).rand(1, 7, 10, 2).astype(np.float32)
    graph = tf.function(
        lambda v: adaptive_average_pool(v, (2, 3)),
        input_signature=[tf.TensorSpec([None, None, None, 2])],
    )
    for one, other in zip(graph(x), adaptive_average_pool(tf.constant(x), (2, 3)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_windows_leave_the_rest_out():
    x = np.arange(25, dtype=np.float32).reshape(1, 5, 5, 1)
    np.testing.assert_array_equal(
        window_average_pool(tf.constant(x), 2)[0, ..., 0], [[3, 5], [13, 15]]
    )


def test_a_map_smaller_than_its_window_is_refused():
    with pytest.raises(ValueError, match="A map of 3 x 5 is smaller than the pooling window of 4"):
        window_average_pool(tf.zeros([1, 3, 5, 1]), 4)
