import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.ops.fractional_pooling import fractional_max_pool, pick_windows, window_starts


def slow_starts(u, length, count):
    """The C function, written out in float32."""
    alpha = np.float32(length - 2) / np.float32(count - 1) if count > 1 else np.float32(0)
    u = np.float32(u)
    starts = [int((np.float32(j) + u) * alpha) - int(u * alpha) for j in range(count - 1)]
    return [*starts, length - 2]


def slow_pool(x, size, samples):
    out = np.zeros([x.shape[0], *size, x.shape[3]], np.float32)
    for b in range(x.shape[0]):
        for c in range(x.shape[3]):
            columns = slow_starts(samples[b, c, 0], x.shape[2], size[1])
            rows = slow_starts(samples[b, c, 1], x.shape[1], size[0])
            for i, top in enumerate(rows):
                for j, left in enumerate(columns):
                    out[b, i, j, c] = x[b, top : top + 2, left : left + 2, c].max()
    return out


def drawn(seed=0, shape=(2, 16, 13, 3)):
    rng = np.random.RandomState(seed)
    x = rng.randn(*shape).astype(np.float32)
    return x, rng.rand(shape[0], shape[3], 2).astype(np.float32)


def test_starts_by_hand():
    # 6 pixels in 4 windows: alpha 4 / 3; (j + .5) alpha = .67, 2, 3.33, the last one at 4.
    assert window_starts(tf.constant(0.5), 6, 4).numpy().tolist() == [0, 2, 3, 4]
    assert window_starts(tf.constant(0.0), 6, 4).numpy().tolist() == [0, 1, 2, 4]
    assert window_starts(tf.constant(0.3), 2, 1).numpy().tolist() == [0]


@pytest.mark.parametrize("size", [(13, 10), (8, 6), (1, 1)])
def test_pooling_is_the_slow_one(size):
    x, samples = drawn()
    got = fractional_max_pool(tf.constant(x), size, tf.constant(samples))
    np.testing.assert_array_equal(got, slow_pool(x, size, samples))


def test_without_samples_all_are_a_half():
    x, samples = drawn()
    np.testing.assert_array_equal(
        fractional_max_pool(tf.constant(x), (11, 9)),
        slow_pool(x, (11, 9), np.full_like(samples, 0.5)),
    )


@pytest.mark.parametrize("given", [True, False])
def test_unknown_sizes_and_xla_give_the_same(given):
    x, samples = drawn()
    want = slow_pool(x, (11, 9), samples if given else np.full_like(samples, 0.5))

    def pool(images, size, u):
        return fractional_max_pool(images, tf.unstack(size), u if given else None)

    unknown = tf.function(
        pool,
        input_signature=[
            tf.TensorSpec([None, None, None, 3]),
            tf.TensorSpec([2], tf.int32),
            tf.TensorSpec([None, 3, 2]),
        ],
    )
    np.testing.assert_array_equal(unknown(x, [11, 9], samples), want)
    compiled = tf.function(lambda images, u: pool(images, [11, 9], u), jit_compile=True)
    np.testing.assert_array_equal(compiled(tf.constant(x), tf.constant(samples)), want)


def test_the_gradient_goes_to_each_windows_maximum():
    x, samples = drawn(shape=(1, 6, 6, 1))
    images = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(fractional_max_pool(images, (4, 4), tf.constant(samples)))
    got = tape.gradient(total, images).numpy()
    want = np.zeros_like(x)
    for top in slow_starts(samples[0, 0, 1], 6, 4):
        for left in slow_starts(samples[0, 0, 0], 6, 4):
            window = x[0, top : top + 2, left : left + 2, 0]
            row, column = np.unravel_index(window.argmax(), (2, 2))
            want[0, top + row, left + column, 0] += 1
    np.testing.assert_array_equal(got, want)


# The last number below 1: the window before the last one comes to lie on the last.
NEAR_ONE = np.nextafter(np.float32(1), np.float32(0))


@pytest.mark.parametrize("u", [0.0, 0.5, NEAR_ONE])
@pytest.mark.parametrize(("length", "count"), [(2, 1), (5, 2), (9, 8), (9, 5)])
def test_gradients_of_all_windows_add_up(u, length, count):
    starts = slow_starts(u, length, count)
    assert (u == NEAR_ONE and (length, count) == (9, 8)) == (len(set(starts)) < count)
    windows = np.random.RandomState(1).randn(2, length - 1, length - 1, 3).astype(np.float32)
    weights = np.random.RandomState(2).randn(2, count, count, 3).astype(np.float32)
    want = np.zeros_like(windows)
    for row, top in enumerate(starts):
        for column, left in enumerate(starts):
            want[:, top, left] += weights[:, row, column]

    def gradient(images, samples):
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = tf.reduce_sum(pick_windows(images, (count, count), samples) * weights)
        return tape.gradient(total, images)

    unknown = tf.TensorSpec([None, None, None, 3])
    samples = tf.fill([2, 3, 2], tf.constant(u, tf.float32))
    for given in (samples, None) if u == 0.5 else (samples,):
        for signature in ([tf.TensorSpec(windows.shape)], [unknown]):
            traced = tf.function(lambda x, u=given: gradient(x, u), input_signature=signature)
            np.testing.assert_allclose(traced(windows), want, atol=1e-6)
        compiled = tf.function(lambda x, u=given: gradient(x, u), jit_compile=True)
        np.testing.assert_allclose(compiled(tf.constant(windows)), want, atol=1e-6)


def test_half_types_stay():
    x, samples = drawn()
    got = fractional_max_pool(tf.constant(x, tf.bfloat16), (8, 8), tf.constant(samples))
    assert got.dtype == tf.bfloat16


def test_a_map_smaller_than_its_regions_is_refused():
    with pytest.raises(ValueError, match="map of 3 x 3 is too small .* to 3 x 3 regions of 2 x 2"):
        fractional_max_pool(tf.zeros([1, 3, 3, 1]), (3, 3))
    with pytest.raises(ValueError, match="map of 1 x 4 is too small"):
        fractional_max_pool(tf.zeros([1, 1, 4, 1]), (1, 2))


def test_a_small_map_of_unknown_size_is_refused_when_it_comes():
    graph = tf.function(
        lambda x, n: fractional_max_pool(x, (n, n)),
        input_signature=[tf.TensorSpec([1, None, None, 1]), tf.TensorSpec([], tf.int32)],
    )
    assert graph(tf.zeros([1, 4, 4, 1]), 3).shape == (1, 3, 3, 1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="too small for fractional pooling"):
        graph(tf.zeros([1, 3, 3, 1]), 3)
