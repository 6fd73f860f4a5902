import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from lfp_tf.ops.interpolation import (
    aligned_matrix,
    fractional_sizes,
    legacy_matrix,
    resize,
    resize_to_all,
    scaled_size,
)
from lfp_tf.ops.resize import resize_aligned, resize_legacy_bilinear

KERNELS = {legacy_matrix: resize_legacy_bilinear, aligned_matrix: resize_aligned}


def maps(*shape, seed=0):
    return tf.constant(np.random.RandomState(seed).randn(*shape).astype(np.float32))


def test_matrices_by_hand():
    half = [[1, 0], [0.5, 0.5], [0, 1], [0, 1]]
    np.testing.assert_array_equal(legacy_matrix(2, 4), half)
    np.testing.assert_array_equal(aligned_matrix(2, 3), [[1, 0], [0.5, 0.5], [0, 1]])
    np.testing.assert_array_equal(aligned_matrix(1, 3), [[1], [1], [1]])
    np.testing.assert_array_equal(legacy_matrix(4, 2), [[1, 0, 0, 0], [0, 0, 1, 0]])


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
def test_products_are_tensorflows_kernels(height, width, new_height, new_width):
    images = maps(2, height, width, 3)
    for matrix, kernel in KERNELS.items():
        size = (new_height, new_width)
        want = kernel(images, size)
        np.testing.assert_allclose(resize(images, size, matrix), want, atol=2e-5)


@pytest.mark.parametrize("matrix", KERNELS)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_unknown_sizes_and_xla_give_the_same(matrix, jit_compile):
    images = maps(2, 14, 9, 4)
    # XLA fixes the sizes when it compiles; the graph does not know them before.
    spec = [2, 14, 9, 4] if jit_compile else [None, None, None, 4]

    def shrunk_and_back(x):
        height, width = tf.unstack(tf.shape(x)[1:3]) if not jit_compile else x.shape[1:3]
        size = (scaled_size(height, 0.75), scaled_size(width, 1.33))
        return resize(resize(x, size, matrix), (height, width), matrix)

    graph = tf.function(
        shrunk_and_back, input_signature=[tf.TensorSpec(spec)], jit_compile=jit_compile
    )
    kernel = KERNELS[matrix]
    want = kernel(kernel(images, (10, 11)), (14, 9))
    np.testing.assert_allclose(graph(images), want, atol=1e-5)


def test_a_known_size_is_made_of_an_unknown_one():
    images = maps(1, 6, 7, 2)
    graph = tf.function(
        lambda x: resize(x, (5, 7), aligned_matrix),
        input_signature=[tf.TensorSpec([None, None, None, 2])],
    )
    np.testing.assert_allclose(graph(images), resize_aligned(images, (5, 7)), atol=1e-5)


def test_bfloat16_stays_and_is_near():
    images = maps(1, 8, 8, 4)
    got = resize(tf.cast(images, tf.bfloat16), (6, 11), legacy_matrix)
    assert got.dtype == tf.bfloat16
    want = resize_legacy_bilinear(images, (6, 11))
    np.testing.assert_allclose(tf.cast(got, tf.float32), want, atol=0.03)


def test_several_sizes_at_once_are_the_single_ones():
    images = maps(2, 14, 11, 3)
    sizes = [(10, 8), (12, 9), (16, 12), (14, 11)]
    for size, one in zip(sizes, resize_to_all(images, sizes, legacy_matrix), strict=True):
        assert one.shape == (2, *size, 3)
        np.testing.assert_allclose(one, resize(images, size, legacy_matrix), atol=1e-6)


def test_an_equal_size_copies():
    images = maps(1, 5, 7, 2)
    assert resize(images, (5, 7), legacy_matrix) is images


def test_gradients_are_the_transposed_product():
    images = maps(1, 6, 5, 2)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(images)
        ours = tf.reduce_sum(tf.square(resize(images, (9, 4), legacy_matrix)))
        theirs = tf.reduce_sum(tf.square(resize_legacy_bilinear(images, (9, 4))))
    np.testing.assert_allclose(
        tape.gradient(ours, images), tape.gradient(theirs, images), atol=1e-5
    )


def test_sizes_are_pythons_whole_pixels():
    assert scaled_size(25, 1.16) == 28 == int(25 * 1.16)
    assert scaled_size(25, 1.16, precision="float32") == 29
    for length in (2, 7, 25, 50, 100, 375):
        for scale in (0.75, 0.875, 1.16, 1.33):
            for precision in ("float64", "float32"):
                unknown = scaled_size(tf.constant(length), scale, precision=precision)
                assert int(unknown) == scaled_size(length, scale, precision=precision)


def test_fractional_sizes_have_no_guard_against_rounding():
    assert fractional_sizes(64, 4) == [53, 45, 38, 32]
    assert fractional_sizes(64, 2) == [45, 31]
    assert [int(side) for side in fractional_sizes(tf.constant(64), 2)] == [45, 31]
