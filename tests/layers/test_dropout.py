import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.layers.dropout import SampleDropout, sample_keys

KEYS = tf.constant([[3, 10], [3, 11], [3, 12], [3, 13]])
ONES = tf.ones([4, 6, 5, 8])


def dropped(layer, x, keys):
    with sample_keys(keys):
        return layer(x, training=True).numpy()


def test_a_mask_depends_on_its_sample_alone():
    layer = SampleDropout(0.5)
    whole = dropped(layer, ONES, KEYS)
    halves = [dropped(layer, ONES[i : i + 2], KEYS[i : i + 2]) for i in (0, 2)]
    np.testing.assert_array_equal(whole, np.concatenate(halves))
    np.testing.assert_array_equal(whole, dropped(layer, ONES, KEYS))
    assert not np.array_equal(whole[0], whole[1])


def test_whole_channels_go_and_the_rest_is_scaled():
    got = dropped(SampleDropout(0.25), ONES, KEYS)
    assert set(np.unique(got)) <= {0.0, np.float32(1 / 0.75)}
    assert (got == got[:, :1, :1]).all()


def test_single_elements_go():
    got = dropped(SampleDropout(0.5, kind="element"), tf.ones([4, 40, 40, 8]), KEYS)
    assert abs((got == 0).mean() - 0.5) < 0.01
    assert not (got == got[:, :1, :1]).all()


def test_salts_tell_two_dropouts_apart():
    one, two = (dropped(SampleDropout(0.5, salt=s), ONES, KEYS) for s in (0, 1))
    assert not np.array_equal(one, two)


def test_nothing_happens_outside_training():
    np.testing.assert_array_equal(SampleDropout(0.9)(ONES, training=False), ONES)


def test_without_keys_it_still_drops():
    assert (SampleDropout(0.5)(ONES, training=True).numpy() == 0).any()


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match='kind is "pixel"'):
        SampleDropout(0.5, kind="pixel")
