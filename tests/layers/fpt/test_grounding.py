"""What the golden cases do not say of the grounding transformers: padding, saving, errors."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from lfp_tf.layers.fpt.grounding import GroundingTransformer
from lfp_tf.layers.fpt.local_grounding import LocalGrounding, LocalGroundingStem
from lfp_tf.options import Grounding

RNG = np.random.RandomState(0)
FINE = tf.constant(RNG.standard_normal([2, 10, 12, 8]), tf.float32)
COARSE = tf.constant(RNG.standard_normal([2, 5, 6, 8]), tf.float32)
FINE_SIZES, COARSE_SIZES = tf.constant([[8, 12], [10, 6]]), tf.constant([[4, 6], [5, 3]])
MODES = ("eud", "dot", "embedded", "gaussian", "concatenate")


def layer(**options):
    # The gradient of the keys' bias cancels: what rounding leaves of it depends on the weights.
    tf.random.set_seed(3)
    block_entries = options.pop("block_entries", 8 * 2 * 4 * 30)
    made = GroundingTransformer(Grounding(zero_init=False, **options), block_entries=block_entries)
    made.build([FINE.shape, COARSE.shape])
    return made


@pytest.mark.parametrize("options", [*({"mode": mode} for mode in MODES), {"local": True}])
def test_the_valid_part_is_what_the_cropped_maps_give(options):
    made = layer(**options)
    whole = made([FINE, COARSE], fine_sizes=FINE_SIZES, coarse_sizes=COARSE_SIZES).numpy()
    for image in range(2):
        (fh, fw), (ch, cw) = FINE_SIZES.numpy()[image], COARSE_SIZES.numpy()[image]
        pair = FINE[image : image + 1, :fh, :fw], COARSE[image : image + 1, :ch, :cw]
        np.testing.assert_allclose(whole[image, :fh, :fw], made(list(pair))[0], atol=2e-6)
        assert not whole[image, fh:].any() and not whole[image, :, fw:].any()


@pytest.mark.parametrize("mode", ["eud", "embedded", "gaussian", "concatenate"])
def test_blocks_are_the_naive_form(mode):
    blocks, naive = layer(mode=mode), layer(mode=mode, block_entries=None)
    naive.set_weights(blocks.get_weights())
    results = []
    for made in (blocks, naive):
        with tf.GradientTape() as tape:
            tape.watch([FINE, COARSE])
            y = made([FINE, COARSE])
        results.append([y, *tape.gradient(y, [FINE, COARSE, *made.trainable_weights], tf.sin(y))])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5 * max(1.0, np.std(other)))


@pytest.mark.parametrize("options", [{"mode": "dot"}, {"local": True}, {"mixtures": 2}])
def test_it_begins_as_zero(options):
    made = GroundingTransformer(Grounding(**options))
    assert not made([FINE, COARSE]).numpy().any()
    assert not GroundingTransformer(Grounding(batch_norm=False))([FINE, COARSE]).numpy().any()


@pytest.mark.parametrize("options", [*({"mode": mode} for mode in MODES), {"local": True}])
def test_sizes_may_be_unknown_and_a_saved_model_is_the_same(options, tmp_path):
    inputs = [tf_keras.Input([None, None, 8]) for _ in range(2)]
    made = GroundingTransformer(Grounding(zero_init=False, **options), name="gt")
    model = tf_keras.Model(inputs, made(inputs))
    model.save(tmp_path / "model.keras")
    loaded = tf_keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded([FINE, COARSE]), model([FINE, COARSE]))
    np.testing.assert_allclose(model([FINE, COARSE]), made([FINE, COARSE]), atol=1e-6)


@pytest.mark.parametrize(
    "kind", [LocalGrounding(8, size=3), LocalGroundingStem(8, size=3, mixtures=2, groups=4)]
)
def test_the_released_windows_are_saved(kind, tmp_path):
    x = tf_keras.Input([None, None, 8])
    model = tf_keras.Model(x, kind(x))
    model.save(tmp_path / "model.keras")
    loaded = tf_keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(FINE), model(FINE))


@pytest.mark.parametrize("mode", MODES)
def test_bfloat16_stays(mode):
    policy = tf_keras.mixed_precision.Policy("mixed_bfloat16")
    made = GroundingTransformer(Grounding(mode=mode), dtype=policy)
    maps = [tf.cast(x, tf.bfloat16) for x in (FINE, COARSE)]
    assert made(maps, training=True).dtype == tf.bfloat16


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Grounding(mode="dot", local=True), 'local needs mode "eud", not "dot"'),
        (lambda: Grounding(square_size=4), "square_size is 4, but must be odd"),
        (lambda: Grounding(mode="cosine"), 'mode is "cosine", but must be one of eud'),
        (lambda: LocalGrounding(8, size=4), "size is 4, but must be odd"),
        (lambda: LocalGrounding(7), "channels is 7, but must be even"),
        (lambda: LocalGroundingStem(8, groups=3), "3 groups do not divide 8 channels"),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
