"""What the golden cases do not say of the self transformer: padding, blocks, dropout, saving."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from lfp_tf.layers.dropout import sample_keys
from lfp_tf.layers.fpt.self_transformer import SelfTransformer
from lfp_tf.options import SelfAttention

X = tf.constant(np.random.RandomState(0).standard_normal([2, 9, 11, 8]), tf.float32)


def layer(**arguments):
    tf.random.set_seed(3)
    options = SelfAttention(**arguments.pop("options", {}))
    made = SelfTransformer(options, **arguments)
    made.build(X.shape)
    return made


@pytest.mark.parametrize("options", [{}, {"transform": "ffn"}, {"heads": 2, "pool_keys": False}])
def test_the_valid_part_is_what_the_cropped_map_gives(options):
    made = layer(options=options)
    sizes = tf.constant([[7, 8], [9, 5]])
    whole = made(X, sizes=sizes).numpy()
    for image, (height, width) in enumerate(sizes.numpy()):
        cropped = made(X[image : image + 1, :height, :width]).numpy()
        np.testing.assert_allclose(whole[image, :height, :width], cropped[0], atol=2e-6)
        assert not whole[image, height:].any() and not whole[image, :, width:].any()


def test_what_padding_holds_changes_nothing():
    made, sizes = layer(), tf.constant([[7, 8], [9, 5]])
    other = X.numpy()
    other[0, 7:], other[1, :, 5:] = np.inf, np.nan
    np.testing.assert_array_equal(made(X, sizes=sizes), made(tf.constant(other), sizes=sizes))


def test_blocks_of_eight_rows_are_the_naive_form():
    blocks, naive = layer(block_entries=8 * 2 * 2 * 30), layer(block_entries=None)
    naive.set_weights(blocks.get_weights())
    results = []
    for made in (blocks, naive):
        with tf.GradientTape() as tape:
            tape.watch(X)
            y = made(X, training=True)
        results.append([y, *tape.gradient(y, [X, *made.trainable_weights], tf.sin(y))])
    (y, *found), (exact, *wanted) = results
    np.testing.assert_allclose(y, exact, atol=1e-6 * np.std(exact) + 1e-6)
    # The keys' bias moves all similarities of a query alike, so its gradient is what rounding
    # leaves of sums that cancel: the scale is that of what is summed.
    scale = max(np.std(gradient) for gradient in wanted)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5 * scale)


def test_dropout_depends_on_the_sample_alone():
    made = layer(options={"dropout": 0.5})
    keys = tf.constant([[1, 5], [1, 6]])

    def run(x, keys):
        made.set_weights(start)
        with sample_keys(keys):
            return made(x, training=True)

    start = made.get_weights()
    made.norms[0].frozen = True
    whole = run(X, keys)
    np.testing.assert_array_equal(whole, run(X, keys))
    np.testing.assert_allclose(whole[1:], run(X[1:], keys[1:]), atol=2e-6)
    assert not np.allclose(whole, made(X, training=False), atol=1e-3)
    assert not np.allclose(whole, run(X, keys + 1), atol=1e-3)


def test_sizes_may_be_unknown_and_a_saved_model_is_the_same(tmp_path):
    x, sizes = tf_keras.Input([None, None, 8]), tf_keras.Input([2], dtype="int32")
    options = SelfAttention(mixtures=4, temperature="none", concat=True)
    model = tf_keras.Model([x, sizes], SelfTransformer(options, name="st")(x, sizes=sizes))
    model.save(tmp_path / "model.keras")
    loaded = tf_keras.models.load_model(tmp_path / "model.keras")
    given = [X, tf.constant([[9, 11], [4, 6]])]
    np.testing.assert_array_equal(loaded(given), model(given))
    assert loaded.get_layer("st").options == options
    np.testing.assert_allclose(model(given), model.get_layer("st")(X, sizes=given[1]), atol=1e-6)


def test_bfloat16_stays():
    made = layer(dtype=tf_keras.mixed_precision.Policy("mixed_bfloat16"))
    y = made(tf.cast(X, tf.bfloat16), training=True)
    assert y.dtype == tf.bfloat16
    exact = layer(dtype="float32")
    exact.set_weights(made.get_weights())
    np.testing.assert_allclose(tf.cast(y, tf.float32), exact(X, training=True), atol=0.1)
