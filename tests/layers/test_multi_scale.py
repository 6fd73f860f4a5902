import numpy as np
import pytest
import tf_keras
from hypothesis import given, settings
from hypothesis import strategies as st

from lfp_tf.layers.multi_scale import MaximumOfScales, ScaleImages
from lfp_tf.layers.scaling import ResizeLike
from lfp_tf.models.multi_scale import multi_scale
from lfp_tf.options import Scales


def sampled(row, positions):
    """Linear between pixels, the ends held."""
    return np.interp(np.clip(positions, 0, len(row) - 1), np.arange(len(row)), row)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 40), st.sampled_from([0.5, 0.75, 0.3, 1.25]), st.integers(0, 99))
def test_each_rule_stands_on_its_own_grid(length, factor, seed):
    row = np.random.RandomState(seed).rand(length).astype(np.float32)
    count = int(np.floor(length * factor))
    if count < 1:
        return
    places = np.arange(count)
    grids = {
        "ratio": (places + 0.5) * length / count - 0.5,
        "factor": (places + 0.5) / factor - 0.5,
        "align_corners": places * (length - 1) / max(count - 1, 1),
    }
    for rule, positions in grids.items():
        found = ScaleImages(factor, rule)(np.tile(row[None, None, :, None], (1, length, 1, 1)))
        assert found.shape == (1, count, count, 1)
        np.testing.assert_allclose(found[0, 0, :, 0], sampled(row, positions), atol=1e-5)


def test_the_maximum_stands_at_the_first_size():
    first, second = np.zeros((1, 4, 6, 2), np.float32), np.full((1, 2, 3, 2), -1.0, np.float32)
    second[..., 1] = 5.0
    found = MaximumOfScales()([first, second]).numpy()
    assert found.shape == (1, 4, 6, 2)
    assert (found[..., 0] == 0).all() and (found[..., 1] == 5).all()


def test_any_network_can_be_wrapped():
    images = tf_keras.Input((None, None, 3))
    logits = tf_keras.layers.Conv2D(2, 3, strides=2, padding="same", name="net")(images)
    network = tf_keras.Model(images, {"logits": logits})
    wrapped = multi_scale(network, Scales((2.0,)))
    found = wrapped(np.ones((1, 8, 6, 3), np.float32))
    assert found["logits"].shape == (1, 4, 3, 2) and found["logits_2"].shape == (1, 8, 6, 2)
    assert multi_scale(network, Scales()) is network
    assert len(wrapped.trainable_variables) == 2


def test_resize_like_takes_the_others_size():
    values = np.arange(4, dtype=np.float32).reshape(1, 2, 2, 1)
    other = np.zeros((1, 4, 4, 7), np.float32)
    half = ResizeLike("half_pixel")([values, other]).numpy()[0, 0, :, 0]
    np.testing.assert_allclose(half, [0, 0.25, 0.75, 1])
    aligned = ResizeLike("align_corners")([values, other]).numpy()[0, 0, :, 0]
    np.testing.assert_allclose(aligned, [0, 1 / 3, 2 / 3, 1], rtol=1e-6)
    with pytest.raises(ValueError, match="rule is 'nearest'"):
        ResizeLike("nearest")
