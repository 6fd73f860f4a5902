import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from lfp_tf.layers.dropout import sample_keys
from lfp_tf.layers.pyramid_residual import PyramidResidual, Residual, given_samples

KEYS = tf.constant([[3, 10], [3, 11], [3, 12], [3, 13]])


def maps(*shape, seed=0):
    return tf.constant(np.random.RandomState(seed).randn(*shape).astype(np.float32))


X = maps(4, 16, 16, 16)


def drawn(layer, channels=16):
    """The layer with all its variables drawn."""
    layer.build([None, None, None, channels])
    rng = np.random.RandomState(1)
    for variable in layer.weights:
        low = 0.5 if "variance" in variable.name else -0.4
        variable.assign(rng.uniform(low, 0.8, variable.shape))
    return layer


def module(channels=16, **arguments):
    return drawn(PyramidResidual(channels, base_width=4, name="prm", **arguments))


def names(layer):
    return [one.name for one in layer.convolutions]


def test_variants_have_their_own_layers():
    a, b = (names(module(variant=variant)) for variant in "AB")
    assert [n for n in a if n.startswith("pyr_conv1")] == [f"pyr_conv1_{i}" for i in (1, 2, 3, 4)]
    assert b == ["main_conv1", "main_conv2", "pyr_conv1", "pyr_scale1", "pyr_scale2", "pyr_scale3",
                 "pyr_scale4", "pyr_conv2", "join_conv"]  # fmt: skip
    joined = next(one for one in module(variant="C").convolutions if one.name == "pyr_conv2")
    assert joined.kernel.shape == (1, 1, 16, 8)
    dilations = [one.dilation_rate[0] for one in module(variant="D").convolutions
                 if one.name.startswith("pyr_scale")]  # fmt: skip
    assert dilations == [1, 2, 3, 4]


def test_the_skip_is_projected_where_asked_or_needed():
    assert "skip_conv" not in names(module())
    assert "skip_conv" in names(module(project=True))
    assert "skip_conv" in names(module(24))
    assert "skip_bn" in [one.name for one in drawn(Residual(24)).norms]


def test_a_module_without_preactivation_has_no_first_norms():
    first = {one.name for one in module(preact=False).norms}
    assert not first & {"main_bn1", "pyr_bn1"}
    assert "bn1" not in [one.name for one in drawn(Residual(16, preact=False)).norms]


@pytest.mark.parametrize("variant", ["B", "D"])
def test_shared_weights_are_one_kernel_for_all_levels(variant):
    shared, own = module(variant=variant, shared_weights=True), module(variant=variant)
    assert [n for n in names(shared) if n.startswith("pyr_scale")] == ["pyr_scale1"]
    kernels = {one.name: one for one in own.convolutions}
    for layer in own.norms + own.convolutions:
        like = layer.name if not layer.name.startswith("pyr_scale") else "pyr_scale1"
        source = next(one for one in shared.norms + shared.convolutions if one.name == like)
        layer.set_weights(source.get_weights())
    assert len([n for n in kernels if n.startswith("pyr_scale")]) == 4
    np.testing.assert_allclose(shared(X), own(X), atol=1e-4)


def test_evaluation_takes_a_half_and_training_draws():
    layer = module(norm={"frozen": True})
    half = tf.fill([4, 4, 2], 0.5)
    with given_samples({"prm": [half] * 4}):
        given = layer(X).numpy()
    np.testing.assert_allclose(layer(X, training=False), given, atol=1e-6)
    assert not np.allclose(layer(X, training=True), given)
    fixed, random = (module(norm={"frozen": True}, fractional_pooling=one)
                     for one in ("fixed", "random"))  # fmt: skip
    np.testing.assert_allclose(fixed(X, training=True), given, atol=1e-6)
    assert not np.allclose(random(X, training=False), given)


def trained(layer, x, keys):
    with sample_keys(keys):
        return layer(x, training=True).numpy()


def test_a_draw_depends_on_its_sample_alone():
    layer = module(norm={"frozen": True})
    whole = trained(layer, X, KEYS)
    halves = [trained(layer, X[i : i + 2], KEYS[i : i + 2]) for i in (0, 2)]
    np.testing.assert_allclose(whole, np.concatenate(halves), atol=1e-5)
    same = tf.repeat(X[:1], 4, axis=0)
    assert not np.allclose(*trained(layer, same, KEYS)[:2])


def test_salts_tell_two_modules_apart():
    one, two = (module(norm={"frozen": True}, salt=salt) for salt in (0, 1))
    assert not np.allclose(trained(one, X, KEYS), trained(two, X, KEYS))


def test_unknown_sizes_give_the_same():
    x, layer = maps(2, 13, 20, 16), module()
    graph = tf.function(layer, input_signature=[tf.TensorSpec([None, None, None, 16])])
    np.testing.assert_allclose(graph(x), layer(x), atol=1e-4)


def test_xla_gives_the_same():
    layer = module()
    np.testing.assert_allclose(tf.function(layer, jit_compile=True)(X), layer(X), atol=1e-4)


def test_kernels_are_drawn_by_their_branches():
    found = {one.name: one.kernel_initializer for one in module().convolutions}
    branches = {n: (one.branches_in, one.branches_out) for n, one in found.items()}
    assert branches["pyr_conv1"] == (1, 4) and branches["pyr_conv2"] == (4, 1)
    assert {b for n, b in branches.items() if n not in ("pyr_conv1", "pyr_conv2")} == {(1, 1)}
    joined = {one.name: one.kernel_initializer for one in module(variant="C").convolutions}
    assert joined["pyr_conv2"].branches_in == 1


def test_torchs_draws_can_be_had():
    layer = PyramidResidual(16, base_width=4, initializer="torch_default")
    layer.build([None, None, None, 16])
    found = {one.name: one for one in layer.convolutions}
    assert 0.15 < abs(found["main_conv1"].kernel.numpy()).max() <= 16**-0.5
    assert abs(found["main_conv2"].bias.numpy()).max() <= 72**-0.5
    assert 0 <= layer.norms[0].gamma.numpy().min() < layer.norms[0].gamma.numpy().max() < 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variant": "E"}, 'variant is "E", but must be one of A, B, C, D'),
        ({"fractional_pooling": "never"}, 'fractional_pooling is "never"'),
        ({"initializer": "he"}, 'initializer is "he"'),
        ({"base_width": 17}, "base_width is 17, but must be 1 to 16"),
        ({"cardinality": 0}, "cardinality is 0"),
    ],
)
def test_wrong_values_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        PyramidResidual(16, **arguments)


def test_a_map_too_small_for_its_levels_is_refused():
    with pytest.raises(ValueError, match="map of 1 x 1 is too small"):
        module()(tf.zeros([1, 1, 1, 16]))


def test_bfloat16_stays():
    policy = tf_keras.mixed_precision.Policy("mixed_bfloat16")
    for variant, shared in (("B", False), ("C", True), ("D", True)):
        layer = PyramidResidual(
            16, variant=variant, base_width=4, shared_weights=shared, dtype=policy
        )
        assert layer(tf.cast(X, tf.bfloat16), training=True).dtype == tf.bfloat16
        assert {variable.dtype for variable in layer.weights} == {tf.float32}
