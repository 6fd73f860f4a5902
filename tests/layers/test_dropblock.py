import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from lfp_tf.layers.dropblock import DropBlock, drop_cells, kept_cells
from lfp_tf.layers.dropout import sample_keys

ONES = tf.ones([3, 20, 20, 4])
KEYS = tf.constant([[3, 10], [3, 11], [3, 12]])


@pytest.mark.parametrize(("size", "dropped"), [(3, (4, 5, 6)), (4, (4, 5, 6, 7))])
def test_a_square_stands_about_its_middle(size, dropped):
    uniforms = np.ones([1, 10, 10], np.float32)
    uniforms[0, 5, 5] = 0
    kept = kept_cells(tf.constant(uniforms), rate=0.5, size=size).numpy()[0]
    expected = np.ones([10, 10])
    expected[np.ix_(dropped, dropped)] = 0
    np.testing.assert_array_equal(kept, expected)


def test_the_mean_stays():
    kept = kept_cells(tf.random.stateless_uniform([3, 20, 20], [1, 2]), rate=0.3, size=5)
    assert 0.1 < 1 - kept.numpy().mean() < 0.5
    np.testing.assert_allclose(tf.reduce_mean(drop_cells(ONES, kept)), 1.0, rtol=1e-5)


def test_nothing_kept_gives_zeros():
    assert not drop_cells(ONES, tf.zeros([3, 20, 20])).numpy().any()


def test_squares_follow_from_the_sample_and_the_salt():
    def kept(layer, keys):
        with sample_keys(keys):
            return layer(ONES[: len(keys)], training=True).numpy() > 0

    layer = DropBlock(0.3, size=3)
    whole = kept(layer, KEYS)
    np.testing.assert_array_equal(whole[1:], kept(layer, KEYS[1:]))
    assert (whole == whole[..., :1]).all() and not whole.all()
    assert not np.array_equal(whole, kept(DropBlock(0.3, size=3, salt=1), KEYS))
    assert (DropBlock(0.3)(ONES, training=True).numpy() == 0).any()


def test_it_works_in_training_alone_and_is_saved(tmp_path):
    x = tf_keras.Input([None, None, 4])
    model = tf_keras.Model(x, DropBlock(0.2, size=3, salt=4, name="drop")(x))
    np.testing.assert_array_equal(model(ONES), ONES)
    model.save(tmp_path / "model.keras")
    loaded = tf_keras.models.load_model(tmp_path / "model.keras").get_layer("drop")
    assert (loaded.rate, loaded.size, loaded.salt) == (0.2, 3, 4)


def test_values_out_of_range_are_refused():
    with pytest.raises(ValueError, match="rate is 1.0 and size 5"):
        DropBlock(1.0)
