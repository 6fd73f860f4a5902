import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from lfp_tf.backbones.catalog import backbone_model
from lfp_tf.backbones.pyramid_resnet import pyramid_resnet_features, pyramid_resnet_stage
from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.layers.pyramid_block import PyramidBlock
from lfp_tf.options import PyramidResNet

SMALL = {"blocks": (1, 1, 1, 2), "width": 1 / 8}


def pyramid_resnet(input_shape=(None, None, 3), **options):
    return backbone_model(PyramidResNet(**{"output_stride": 32} | options), input_shape=input_shape)


# A known size builds in half the time.
KNOWN = SMALL | {"input_shape": (64, 64, 3)}


def sizes(model, *size):
    return {name: tuple(maps.shape[1:3]) for name, maps in model(tf.zeros([1, *size, 3])).items()}


def test_strides_of_the_classifier_round_up():
    found = sizes(pyramid_resnet(**SMALL, input_shape=(75, 49, 3)), 75, 49)
    assert found == {"stem": (19, 13), "stage1": (19, 13), "stage2": (10, 7), "stage3": (5, 4),
                     "stage4": (3, 2)}  # fmt: skip


def test_the_detectors_form_rounds_down():
    found = sizes(pyramid_resnet(**SMALL, block_padding="floor", size_precision="float32"), 75, 91)
    assert found["stage1"] == (18, 22) and found["stage3"] == (4, 5)


@pytest.mark.parametrize(("stride", "dilations"), [(8, [1, 1, 2, 4, 4]), (16, [1, 1, 1, 2, 2])])
def test_later_stages_are_dilated(stride, dilations):
    model = pyramid_resnet(**KNOWN, output_stride=stride, dilated_bias=True)
    blocks = [layer for layer in model.layers if isinstance(layer, PyramidBlock)]
    assert [block.dilation for block in blocks] == dilations
    assert [block.use_bias for block in blocks] == [dilation > 1 for dilation in dilations]
    assert sizes(model, 64, 64)["stage4"] == (64 // stride, 64 // stride)


def test_grids_multiply_the_last_stages_dilations():
    model = pyramid_resnet(**KNOWN, output_stride=8, multi_grids=(1, 2))
    last = [block.dilation for block in model.layers if isinstance(block, PyramidBlock)][-2:]
    assert last == [4, 8]


def test_a_stage_alone_is_that_of_the_whole():
    options = PyramidResNet(**SMALL, output_stride=32, block_padding="floor")
    whole = pyramid_resnet(**SMALL, block_padding="floor")
    images = tf_keras.Input((None, None, 3))
    three = pyramid_resnet_features(images, options, stages=3)
    assert list(three) == ["stem", "stage1", "stage2", "stage3"]
    x = tf_keras.Input((14, 14, three["stage3"].shape[-1]))
    alone = tf_keras.Model(x, pyramid_resnet_stage(x, 4, options))
    ours, all_ours = variables_by_name(alone), variables_by_name(whole)
    assert list(ours) == [name for name in all_ours if name.startswith("stage4_")]
    for name, variable in ours.items():
        variable.assign(tf.random.stateless_uniform(variable.shape, [1, len(name)]))
        all_ours[name].assign(variable)
    maps = tf.random.stateless_uniform([1, 14, 14, x.shape[-1]], [1, 2])
    block = whole.get_layer("stage4_block1")
    expected = whole.get_layer("stage4_block2")(block(maps))
    np.testing.assert_array_equal(alone(maps), expected)
    prefixed = tf_keras.Model(x, pyramid_resnet_stage(x, 4, options, prefix="mask_"))
    assert all(name.startswith("mask_stage4_") for name in variables_by_name(prefixed))


def test_the_plain_twin_has_no_pyramid():
    plain = variables_by_name(pyramid_resnet(**KNOWN, pyramid=False))
    both = variables_by_name(pyramid_resnet(**KNOWN))
    assert set(plain) < set(both)
    assert not any("scale" in name or "reduce" in name or "merge" in name for name in plain)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"depth": 18}, "depth is 18, but must be one of 50, 101, 152"),
        ({"output_stride": 4}, "output_stride is 4"),
        ({"blocks": (1, 1)}, "four numbers"),
        ({"multi_grids": (1, 2, 4)}, "multi_grids needs 2 numbers"),
    ],
)
def test_wrong_values_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        pyramid_resnet(**SMALL | changes)


def test_an_image_below_33_pixels_is_refused():
    with pytest.raises(ValueError, match="^A map of 1 x 1 is too small .*at least 33 pixels"):
        pyramid_resnet(**SMALL, input_shape=(32, 32, 3))
    assert pyramid_resnet(**SMALL, input_shape=(33, 33, 3)).output["stage4"].shape[1] == 2


def test_a_small_image_of_unknown_size_is_refused_when_it_comes():
    model = pyramid_resnet(**SMALL)
    graph = tf.function(model, input_signature=[tf.TensorSpec([1, None, None, 3])])
    assert graph(tf.zeros([1, 33, 40, 3]))["stage4"].shape[1:3] == (2, 2)
    with pytest.raises(tf.errors.InvalidArgumentError, match="image is too small"):
        graph(tf.zeros([1, 32, 40, 3]))
