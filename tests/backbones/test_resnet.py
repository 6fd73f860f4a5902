import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from lfp_tf.backbones.catalog import backbone_model
from lfp_tf.backbones.resnet import resnet_features, resnet_stage
from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.options import Norm, ResNet

SMALL = {"blocks": (1, 1, 1, 1), "output_stride": 32, "stem": "plain"}


def shapes(options):
    variables = variables_by_name(backbone_model(options, Norm(kind="affine")))
    return {name: tuple(variable.shape) for name, variable in variables.items()}


def test_groups_divide_the_inner_width():
    found = shapes(ResNet(**SMALL, groups=32, width_per_group=4))
    assert found["stage1_block1_conv1/kernel"] == (1, 1, 64, 128)
    assert found["stage1_block1_conv2/kernel"] == (3, 3, 4, 128)
    assert found["stage4_block1_conv2/kernel"] == (3, 3, 32, 1024)
    assert found["stage4_block1_conv3/kernel"] == (1, 1, 1024, 2048)


def test_a_narrow_resnext_still_has_whole_groups():
    found = shapes(ResNet(**SMALL, groups=4, width_per_group=2, width=1 / 8))
    assert found["stage1_block1_conv2/kernel"] == (3, 3, 1, 4)
    assert found["stage1_block1_conv3/kernel"] == (1, 1, 4, 32)


def test_other_norms_keep_the_layers_names():
    found = shapes(ResNet(**SMALL, width=1 / 8))
    assert {"stem_bn1/scale", "stage2_block1_projection_bn/offset"} <= set(found)
    assert not any("gamma" in name for name in found)


def test_a_stage_alone_is_the_networks_own():
    options, norm = ResNet(**SMALL, width=1 / 8), Norm(kind="affine")
    whole = backbone_model(options, norm)
    below = tf_keras.Model(whole.input, whole.output["stage3"])
    x = tf_keras.Input([None, None, 128])
    alone = tf_keras.Model(x, resnet_stage(x, 4, options, norm, prefix="mask_"))
    for name, variable in variables_by_name(alone).items():
        assert name.startswith("mask_stage4_block1_")
        variable.assign(variables_by_name(whole)[name.removeprefix("mask_")])
    images = np.random.RandomState(0).rand(1, 64, 64, 3).astype(np.float32)
    np.testing.assert_array_equal(alone(below(images)), whole(images)["stage4"])


def test_later_stages_may_be_left_out():
    images = tf_keras.Input([None, None, 3])
    taps = resnet_features(images, ResNet(**SMALL, width=1 / 8), stages=3)
    assert list(taps) == ["stem", "stage1", "stage2", "stage3"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": 0}, "resnet_groups and width_per_group must be at least 1"),
        ({"depth": 34, "groups": 2}, "need depth 50 or more, not 34"),
    ],
)
def test_groups_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        ResNet(**options)


def test_a_group_learns_from_its_own_channels():
    images = tf_keras.Input([None, None, 3])
    taps = resnet_features(images, ResNet(**SMALL, groups=2, width_per_group=4), stages=1)
    made = tf_keras.Model(images, taps["stage1"])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(made(np.random.RandomState(0).rand(1, 32, 32, 3).astype(np.float32)))
    kernel = variables_by_name(made)["stage1_block1_conv2/kernel"]
    assert tape.gradient(y, kernel).shape == (3, 3, 4, 8)
