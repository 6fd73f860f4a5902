"""What the golden cases do not say of the block: padding, other levels, training, saving."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.decoders.transformer_pyramid import transformer_pyramid
from lfp_tf.layers.dropout import sample_keys
from lfp_tf.options import TRANSFORMER_PYRAMIDS, Grounding

RNG = np.random.RandomState(0)
PAPER = dataclasses.replace(
    TRANSFORMER_PYRAMIDS["paper"],
    normalization="batch_norm",
    grounding=Grounding(zero_init=False),
)


def model(numbers=(2, 3, 4), options=PAPER, has_sizes=False):
    tf.random.set_seed(1)
    inputs = {f"P{n}": tf_keras.Input([None, None, 8], name=f"P{n}") for n in numbers}
    levels = {n: inputs[f"P{n}"] for n in numbers}
    if has_sizes:
        inputs["sizes"] = tf_keras.Input([2], dtype="int32", name="sizes")
    # Few rows a block, so that there are several.
    results = transformer_pyramid(
        levels, channels=8, options=options, sizes=inputs.get("sizes"), block_entries=2000
    )
    return tf_keras.Model(inputs, {f"P{n}": x for n, x in results.items()})


def maps(height, width, numbers=(2, 3, 4), batch=2):
    shapes = {n: [batch, height >> n, width >> n, 8] for n in numbers}
    return {f"P{n}": tf.constant(RNG.standard_normal(s), tf.float32) for n, s in shapes.items()}


def test_the_valid_part_is_what_the_cropped_maps_give():
    made, given = model(has_sizes=True), maps(48, 64)
    sizes = tf.constant([[32, 48], [48, 30]])
    whole = made(given | {"sizes": sizes})
    for image, (height, width) in enumerate(sizes.numpy()):
        cut = {n: (-(-height // 2**n), -(-width // 2**n)) for n in (2, 3, 4)}
        cropped = {f"P{n}": given[f"P{n}"][image : image + 1, :h, :w] for n, (h, w) in cut.items()}
        alone = made(cropped | {"sizes": tf.constant([[height, width]])})
        for n, (h, w) in cut.items():
            result = whole[f"P{n}"][image].numpy()
            np.testing.assert_allclose(result[:h, :w], alone[f"P{n}"][0], atol=1e-5)
            assert not result[h:].any() and not result[:, w:].any()


def test_a_level_is_joined_from_itself_and_all_others_in_order():
    made = model()
    names = [layer.name for layer in made.layers]
    expected = {
        2: ["st_p2", "gt_p2_p3", "gt_p2_p4", "P2"],
        3: ["st_p3", "rt_p3_p2", "gt_p3_p4", "P3"],
        4: ["st_p4", "rt_p4_p3", "rt_p4_p2", "P4"],
    }
    for n, parts in expected.items():
        joined = made.get_layer(f"fpt_p{n}_join").input
        assert [tensor.node.layer.name for tensor in joined] == parts
    assert not any(name.startswith("rt_p2") for name in names)


def test_levels_of_one_size_are_rendered_without_stride():
    options = dataclasses.replace(PAPER, same_size=True, grounding=Grounding(local=True))
    made = model(options=options, has_sizes=True)
    given = {f"P{n}": tf.random.stateless_normal([1, 6, 7, 8], [n, 0]) for n in (2, 3, 4)}
    results = made(given | {"sizes": tf.constant([[24, 20]])})
    assert {tuple(x.shape) for x in results.values()} == {(1, 6, 7, 8)}
    assert not results["P4"].numpy()[:, :, 5:].any()


def test_training_moves_all_weights_and_drops_blocks():
    options = dataclasses.replace(PAPER, normalization="none", dropblock_rate=0.3)
    made, given = model(options=options), maps(48, 64)

    @tf.function
    def step(given):
        with tf.GradientTape() as tape, sample_keys(tf.constant([[1, 2], [1, 3]])):
            results = made(given, training=True)
            loss = tf.add_n([tf.reduce_mean(x**2) for x in results.values()])
        return results, tape.gradient(loss, made.trainable_weights)

    results, gradients = step(given)
    assert (results["P2"].numpy() == 0).all(-1).any()
    assert all(np.isfinite(g).all() and g.numpy().any() for g in gradients)
    again, _ = step(given)
    np.testing.assert_array_equal(results["P2"] == 0, again["P2"] == 0)


def test_a_saved_model_is_the_same(tmp_path):
    made, given = model(has_sizes=True), maps(48, 64) | {"sizes": tf.constant([[48, 64], [20, 30]])}
    made.save(tmp_path / "model.keras")
    loaded = tf_keras.models.load_model(tmp_path / "model.keras")
    results, other = loaded(given), made(given)
    for name, expected in other.items():
        np.testing.assert_array_equal(results[name], expected)
    assert list(variables_by_name(loaded)) == list(variables_by_name(made))


def test_levels_must_follow_each_other():
    with pytest.raises(ValueError, match=r"levels are \[2, 4\], but must be consecutive"):
        model(numbers=(2, 4))
