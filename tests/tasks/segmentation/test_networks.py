"""The networks of segmentation as fields: rules, arguments of their builders, classes."""

import pytest

from lfp_tf.errors import LfpError
from lfp_tf.models.catalog import build_network
from lfp_tf.tasks.catalog import SEGMENTATION
from lfp_tf.tasks.segmentation.config import Config
from lfp_tf.tasks.segmentation.networks import (
    NETWORKS,
    DeepLabV2,
    DeepLabV3,
    LFPSegmentation,
    PSPNet,
    usual_classes,
)


def test_the_config_line_is_checked():
    PSPNet(backbone="pyramid_resnet", depth=101).check()
    DeepLabV2(backbone="pyramid_resnet", pyramid=False).check()
    for config, message in (
        (
            PSPNet(backbone="pyramid_resnet", depth=18),
            "depth is 18, but must be one of 50, 101, 152.",
        ),
        (PSPNet(backbone="pyramid_resnet", stem="plain"), "task.model.stem is an option of the R"),
        (PSPNet(pyramid=False), "pyramid=false is the plain twin of backbone=pyramid_resnet"),
        (DeepLabV2(backbone="pyramid_resnet", stride_in="3x3"), "task.model.stride_in is an opt"),
        (LFPSegmentation(scales=[1.0]), "other than 1"),
        (LFPSegmentation(blocks=[1, 2]), "four numbers"),
    ):
        with pytest.raises(LfpError, match=message):
            config.check()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (PSPNet(pooling="window"), "task.model.pool_windows needs 4 numbers, one per bin."),
        (DeepLabV2(scales=[0.5, 0.5]), "but must be different numbers above 0"),
        (DeepLabV2(scales=[-1.0]), "but must be different numbers above 0"),
        (DeepLabV3(blocks=[1, 1, 1, 0]), "but must be four numbers of at least 1."),
        (LFPSegmentation(rates=[6, 0]), "task.model.rates must be numbers of at least 1."),
        (
            PSPNet(backbone="mobilenet_v2", depth=101),
            "depth is an option of the ResNet, not of mob",
        ),
    ],
)
def test_every_rule_has_its_sentence(fields, message):
    with pytest.raises(LfpError, match=message):
        fields.check()


def test_fields_are_the_builders_arguments():
    config = LFPSegmentation(classes=3, depth=50, blocks=[1, 1, 1, 1], width=1 / 8)
    model = build_network("lfp_segmentation", **config.arguments())
    assert tuple(model.output) == config.outputs()


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_the_losses_are_of_outputs_that_the_network_has(name):
    fields = NETWORKS[name](classes=3, width=1 / 16)
    if name == "pspnet":
        fields.depth = 18
    else:
        fields.blocks = [1, 1, 1, 3]
    fields.check()
    outputs = build_network(name, **fields.arguments()).output
    assert set(fields.outputs()) <= set(outputs)
    assert fields.choices()["network"] == (name,)


def test_the_catalog_names_every_network():
    assert set(SEGMENTATION.networks) == set(NETWORKS)


def test_classes_are_the_data_sets_or_numbers():
    config = Config(dataset="camvid")
    names, colors = usual_classes(config)
    assert len(names) == len(colors) == 11 and names[0] == "Sky"
    config.model.classes = 11
    assert usual_classes(config) == (names, colors)
    config.model.classes = 3
    names, colors = usual_classes(config)
    assert len(names) == len(colors) == 3 and names == ["class 0", "class 1", "class 2"]
    config = Config(dataset="folder")
    with pytest.raises(LfpError, match="has the classes of its records; give a run's folder, or"):
        usual_classes(config)
    config.model.classes = 2
    assert usual_classes(config)[0] == ["class 0", "class 1"]


def test_parameters_are_known_in_millions():
    assert PSPNet(depth=101).millions() == 68 and DeepLabV2(depth=50).millions() == 49
    assert PSPNet(backbone="mobilenet_v2").millions() == 3
