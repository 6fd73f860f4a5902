import pytest

from lfp_tf.backbones.catalog import backbone_model
from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.options import MobileNetV2, Norm, PyramidResNet, ResNet


@pytest.mark.parametrize(
    "options",
    [
        MobileNetV2(output_stride=32, width=1 / 8),
        ResNet(output_stride=32, width=1 / 8, depth=18),
        PyramidResNet(output_stride=32, width=1 / 8, blocks=(1, 1, 1, 1)),
    ],
)
def test_a_pyramid_finds_the_strides_4_to_32(options):
    maps = backbone_model(options, input_shape=(64, 96, 3)).output
    sizes = [maps[name].shape[1:3] for name in options.LEVELS]
    assert sizes == [(16, 24), (8, 12), (4, 6), (2, 3)]


def test_its_norms_may_be_of_another_kind():
    model = backbone_model(MobileNetV2(width=1 / 8), Norm(kind="affine"))
    assert "bn_Conv1/scale" in variables_by_name(model)
