import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.ops.row_blocks import by_rows, recomputed

ROWS = tf.constant(np.random.RandomState(0).standard_normal([2, 11, 3]), tf.float64)
MATRIX = tf.constant(np.random.RandomState(1).standard_normal([2, 3, 4]), tf.float64)


def product(rows, shared, first):
    index = first + tf.range(tf.shape(rows)[1])
    return tf.tanh(tf.matmul(rows, shared[0])) * tf.cast(index, rows.dtype)[None, :, None]


def with_gradients(block, shared):
    with tf.GradientTape() as tape:
        tape.watch((ROWS, MATRIX))
        out = by_rows(product, ROWS, shared, block, width=4)
    return [out, *tape.gradient(out, (ROWS, MATRIX))]


@pytest.mark.parametrize("block", [1, 3, 8, 11, 100, tf.constant(4)])
def test_any_block_gives_what_all_rows_at_once_give(block):
    exact = with_gradients(None, [MATRIX])
    for one, other in zip(with_gradients(block, [MATRIX]), exact, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_whole_numbers_may_be_shared_and_have_no_gradient():
    exact = with_gradients(None, [MATRIX])
    found = with_gradients(4, [MATRIX, tf.constant([1, 2])])
    np.testing.assert_allclose(found[2], exact[2], rtol=1e-12)


def test_a_shared_tensor_that_is_not_used_has_a_gradient_of_zero():
    unused = tf.ones([2], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(unused)
        out = by_rows(product, ROWS, [MATRIX, unused], 4, width=4)
    assert not tape.gradient(out, unused).numpy().any()


def test_rows_see_their_index():
    def indices(rows, _, first):
        return rows * 0 + tf.cast(first + tf.range(tf.shape(rows)[1]), rows.dtype)[None, :, None]

    out = by_rows(indices, ROWS, [], 4, width=3)
    assert out[1, :, 2].numpy().tolist() == list(range(11))


def test_a_gradient_by_hand_takes_the_tapes_place():
    def gradient(rows, shared, first, upstream):
        index = tf.cast(first + tf.range(tf.shape(rows)[1]), rows.dtype)[None, :, None]
        slopes = upstream * index * (1 - tf.tanh(tf.matmul(rows, shared[0])) ** 2)
        of_rows = tf.matmul(slopes, shared[0], transpose_b=True)
        return [of_rows, tf.matmul(rows, slopes, transpose_a=True)]

    exact = with_gradients(None, [MATRIX])
    for block in (1, 4, 11):
        with tf.GradientTape() as tape:
            tape.watch((ROWS, MATRIX))
            out = by_rows(product, ROWS, [MATRIX], block, width=4, gradient=gradient)
        found = [out, *tape.gradient(out, (ROWS, MATRIX))]
        for one, other in zip(found, exact, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12)


def test_no_rows_give_no_rows():
    out = by_rows(product, ROWS[:, :0], [MATRIX], 4, width=4)
    assert out.shape == (2, 0, 4)


@pytest.mark.parametrize("is_compiled", [False, True])
@pytest.mark.parametrize("block", [4, 11])
def test_graphs_of_unknown_length_give_the_same_also_by_xla(block, is_compiled):
    @tf.function(jit_compile=is_compiled, input_signature=[tf.TensorSpec([2, None, 3], tf.float64)])
    def run(rows):
        with tf.GradientTape() as tape:
            tape.watch((rows, MATRIX))
            out = by_rows(product, rows, [MATRIX], block, width=4)
        return [out, *tape.gradient(out, (rows, MATRIX))]

    for one, other in zip(run(ROWS), with_gradients(None, [MATRIX]), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_a_recomputed_function_has_the_same_gradients():
    def function(rows, matrix):
        return tf.tanh(tf.matmul(rows, matrix))

    results = []
    for run in (function, lambda *tensors: recomputed(function, *tensors)):
        with tf.GradientTape() as tape:
            tape.watch((ROWS, MATRIX))
            out = run(ROWS, MATRIX)
        results.append([out, *tape.gradient(out, (ROWS, MATRIX))])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
