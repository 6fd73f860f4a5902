"""What the golden cases do not say of the rendering transformer: padding, one value, saving."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from lfp_tf.layers.fpt.rendering import RenderingTransformer

RNG = np.random.RandomState(0)
COARSE = tf.constant(RNG.standard_normal([2, 5, 6, 8]), tf.float32)
FINE = tf.constant(RNG.standard_normal([2, 10, 12, 8]), tf.float32)
COARSE_SIZES, FINE_SIZES = tf.constant([[4, 6], [5, 3]]), tf.constant([[8, 11], [10, 6]])


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_the_valid_part_is_what_the_cropped_maps_give(variant):
    made = RenderingTransformer(variant)
    whole = made([COARSE, FINE], coarse_sizes=COARSE_SIZES, fine_sizes=FINE_SIZES).numpy()
    for image in range(2):
        (ch, cw), (fh, fw) = COARSE_SIZES.numpy()[image], FINE_SIZES.numpy()[image]
        pair = COARSE[image : image + 1, :ch, :cw], FINE[image : image + 1, :fh, :fw]
        np.testing.assert_allclose(whole[image, :ch, :cw], made(list(pair))[0], atol=2e-6)
        assert not whole[image, ch:].any() and not whole[image, :, cw:].any()


def test_a_single_value_takes_the_running_statistics_where_the_size_is_unknown():
    made = RenderingTransformer("released")
    made([COARSE, FINE])
    gate = next(norm for norm in made.norms if norm.name == "gate_norm")

    @tf.function(input_signature=[[tf.TensorSpec([None, None, None, 8])] * 2])
    def train(maps):
        return made(maps, training=True)

    train([COARSE[:1], FINE[:1]])
    assert not gate.moving_mean.numpy().any()
    train([COARSE, FINE])
    assert gate.moving_mean.numpy().any()


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_sizes_may_be_unknown_and_a_saved_model_is_the_same(variant, tmp_path):
    inputs = [tf_keras.Input([None, None, 8]) for _ in range(2)]
    model = tf_keras.Model(inputs, RenderingTransformer(variant, stride=2)(inputs))
    model.save(tmp_path / "model.keras")
    loaded = tf_keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded([COARSE, FINE]), model([COARSE, FINE]))


def test_bfloat16_stays():
    policy = tf_keras.mixed_precision.Policy("mixed_bfloat16")
    made = RenderingTransformer(dtype=policy)
    assert made([tf.cast(x, tf.bfloat16) for x in (COARSE, FINE)]).dtype == tf.bfloat16


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match='variant is "old", but must be one of paper, released'):
        RenderingTransformer("old")
    with pytest.raises(ValueError, match="A map of 10 x 12 at stride 4 does not become one of 5 x"):
        RenderingTransformer(stride=4)([COARSE, FINE])
    with pytest.raises(ValueError, match="The maps have 4 and 8 channels"):
        RenderingTransformer()([COARSE[..., :4], FINE])
