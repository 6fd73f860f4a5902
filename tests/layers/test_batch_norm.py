import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.layers.batch_norm import BatchNorm, running_values_held


def built(**arguments):
    layer = BatchNorm(**arguments)
    layer.build([None, None, None, 3])
    return layer


def test_normalizes_by_hand_and_keeps_the_unbiased_variance():
    x = np.random.RandomState(0).normal(2.0, 3.0, [2, 4, 5, 3]).astype(np.float32)
    layer = built(decay=0.9, epsilon=1e-5)
    got = layer(x, training=True).numpy()
    mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
    np.testing.assert_allclose(got, (x - mean) / np.sqrt(variance + 1e-5), atol=2e-6)
    np.testing.assert_allclose(layer.moving_mean, 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, 0.9 + 0.1 * variance * 40 / 39, rtol=1e-5)


def test_biased_variance_is_an_option():
    x = np.random.RandomState(1).normal(size=[2, 2, 2, 3]).astype(np.float32)
    layer = built(decay=0.0, unbiased=False)
    layer(x, training=True)
    np.testing.assert_allclose(layer.moving_variance, x.var((0, 1, 2)), rtol=1e-5)


def test_epsilon_is_not_clamped():
    x = np.full([1, 2, 2, 3], 1e-3, np.float32)
    layer = built(epsilon=1e-8)
    layer.moving_variance.assign([1e-8] * 3)
    np.testing.assert_allclose(layer(x), 1e-3 / np.sqrt(2e-8), rtol=1e-5)


def test_one_value_a_channel_is_no_error():
    layer = built(decay=0.0)
    got = layer(np.full([1, 1, 1, 3], 7.0, np.float32), training=True)
    assert np.allclose(got, 0.0) and np.allclose(layer.moving_variance, 0.0)


def test_frozen_leaves_running_values_and_trains_gamma():
    layer = built(frozen=True)
    x = tf.random.stateless_normal([2, 3, 3, 3], [1, 2])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(tf.square(layer(x, training=True)))
    assert tape.gradient(total, layer.gamma) is not None
    np.testing.assert_array_equal(layer.moving_mean, 0.0)
    np.testing.assert_array_equal(layer(x, training=True), layer(x, training=False))


def test_survives_save_and_load(tmp_path):
    model = tf_keras.Sequential([tf_keras.Input([4, 4, 3]), BatchNorm(decay=0.5, frozen=True)])
    model.layers[0].moving_mean.assign([1.0, 2.0, 3.0])
    model.save(tmp_path / "model.keras")
    loaded = tf_keras.models.load_model(tmp_path / "model.keras")
    x = np.ones([1, 4, 4, 3], np.float32)
    np.testing.assert_array_equal(loaded(x), model(x))
    assert loaded.layers[0].decay == 0.5 and loaded.layers[0].frozen


def test_held_running_values_stay_while_the_batch_normalizes():
    layer, images = BatchNorm(), tf.random.stateless_normal([2, 3, 3, 4], [1, 2]) + 3.0
    layer.build(images.shape)
    with running_values_held():
        held = layer(images, training=True)
    np.testing.assert_array_equal(layer.moving_mean, np.zeros(4))
    np.testing.assert_array_equal(held, layer(images, training=True))
    assert np.all(layer.moving_mean.numpy() > 0)
