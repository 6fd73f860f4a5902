import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from lfp_tf.layers.pyramid_block import PyramidBlock
from lfp_tf.ops.resize import resize_legacy_bilinear

NORM = {"frozen": True}


def maps(*shape, seed=0):
    return tf.constant(np.random.RandomState(seed).randn(*shape).astype(np.float32))


def block(shape, **arguments):
    """A block whose variables are all drawn, gamma and running values too."""
    made = PyramidBlock(16, norm=NORM, name="block", **arguments)
    made.build([None, None, None, shape[-1]])
    rng = np.random.RandomState(1)
    for variable in made.weights:
        low = 0.5 if "variance" in variable.name else -0.5
        variable.assign(rng.uniform(low, 1.0, variable.shape))
    return made


def slow(made, x, *, stride):
    """The block from layers by name, resizing by TensorFlow's own kernel."""
    layers = {layer.name: layer for layer in (*made.convolutions, *made.norms)}

    def unit(name, norm, y, relu=True):
        y = layers[norm](layers[name](y))
        return tf.nn.relu(y) if relu else y

    main = unit("conv2", "bn2", unit("conv1", "bn1", x))
    main = unit("conv3", "bn3", main, relu=False)
    thin, branches = unit("reduce", "reduce_bn", x), []
    for number, scale in enumerate(made.scales, start=1):
        size = [int(side * scale) for side in x.shape[1:3]]
        branch = unit(f"scale{number}", f"scale{number}_bn", resize_legacy_bilinear(thin, size))
        branches.append(resize_legacy_bilinear(branch, main.shape[1:3]))
    pyramid = unit("merge", "merge_bn", tf.concat(branches, -1), relu=False)
    short = unit("projection", "projection_bn", x, relu=False) if "projection" in layers else x
    assert main.shape[1] == -(-x.shape[1] // stride)
    return tf.nn.relu(main + pyramid + short)


@pytest.mark.parametrize(("shape", "stride"), [((2, 13, 9, 24), 2), ((1, 25, 14, 64), 1)])
def test_the_block_is_its_parts(shape, stride):
    x, made = maps(*shape), block(shape, stride=stride)
    np.testing.assert_allclose(made(x), slow(made, x, stride=stride), atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("arguments", [{}, {"stride": 2}, {"padding": "floor", "stride": 2},
                                       {"dilation": 2, "use_bias": True},
                                       {"size_precision": "float32"}])  # fmt: skip
def test_unknown_sizes_give_the_same(arguments):
    x = maps(2, 25, 13, 24)
    made = block(x.shape, **arguments)
    graph = tf.function(made, input_signature=[tf.TensorSpec([None, None, None, 24])])
    np.testing.assert_allclose(graph(x), made(x), atol=1e-4, rtol=1e-4)


def test_xla_gives_the_same():
    x = maps(1, 14, 18, 24)
    made = block(x.shape, stride=2)
    compiled = tf.function(made, jit_compile=True)
    np.testing.assert_allclose(compiled(x), made(x), atol=1e-4, rtol=1e-4)


def test_odd_sizes_are_rounded_up_or_down():
    x = maps(1, 13, 19, 24)
    assert block(x.shape, stride=2)(x).shape == (1, 7, 10, 64)
    assert block(x.shape, stride=2, padding="floor")(x).shape == (1, 6, 9, 64)


def test_even_sizes_pad_alike():
    x = maps(1, 14, 18, 24)
    same, floor = (block(x.shape, stride=2, scales=(), padding=one) for one in ("same", "floor"))
    np.testing.assert_allclose(same(x), floor(x), atol=1e-5)


def test_without_scales_it_is_the_plain_block():
    made = block((1, 8, 8, 24), scales=())
    assert [layer.name for layer in made.convolutions] == ["conv1", "conv2", "conv3", "projection"]


def test_a_new_block_hands_its_input_on():
    x = tf.nn.relu(maps(1, 8, 8, 64))
    np.testing.assert_array_equal(PyramidBlock(16)(x), x)


def test_bfloat16_stays():
    x = tf.cast(maps(1, 14, 14, 24), tf.bfloat16)
    made = PyramidBlock(16, dtype=tf_keras.mixed_precision.Policy("mixed_bfloat16"))
    assert made(x).dtype == tf.bfloat16
    assert {variable.dtype for variable in made.weights} == {tf.float32}


@pytest.mark.parametrize(
    ("arguments", "channels", "message"),
    [
        ({"padding": "valid"}, 24, 'padding is "valid"'),
        ({"size_precision": "half"}, 24, 'size_precision is "half"'),
        ({"stride": 2}, 64, "must change the channels, but both are 64"),
    ],
)
def test_wrong_values_are_named(arguments, channels, message):
    with pytest.raises(ValueError, match=message):
        PyramidBlock(16, **arguments)(tf.zeros([1, 8, 8, channels]))


def test_a_map_that_a_scale_leaves_nothing_of_is_refused():
    with pytest.raises(ValueError, match="map of 1 x 8 is too small .* scale 0.75"):
        PyramidBlock(16)(tf.zeros([1, 1, 8, 24]))
    with pytest.raises(ValueError, match="^A map of None x 1 is too small"):
        PyramidBlock(16).check_size(None, 1)
    with pytest.raises(ValueError, match="^A map of 2 x 9 is too small"):
        PyramidBlock(16, stride=2, padding="floor").check_size(2, 9)
    assert PyramidBlock(16)(tf.zeros([1, 2, 3, 24])).shape == (1, 2, 3, 64)
