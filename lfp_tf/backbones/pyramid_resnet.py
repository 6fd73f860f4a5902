"""Pyramid ResNets and their plain twins, as tensorpack builds them: feature maps by stage.

Three forms of one network (Learning Feature Pyramids): the classifier (stride 32), the dilated one
of PASCAL VOC (stride 8) and the detector's, which pads so that odd sizes are rounded down.
"""

import dataclasses

import tensorflow as tf
import tf_keras

from lfp_tf.backbones.stages import block_dilations, stage_strides
from lfp_tf.layers.blocks import normalize
from lfp_tf.layers.initializers import fan_out_truncated
from lfp_tf.layers.pyramid_block import DECAY, EPSILON, SCALES, PyramidBlock
from lfp_tf.options import Norm, PyramidResNet

_WIDTHS = (64, 128, 256, 512)
_STEM = 64


@dataclasses.dataclass(frozen=True)
class Stage:
    """Blocks of one width.

    Attributes:
        width: channels of the 3x3 convolutions.
        stride: of the first block.
        dilations: of the 3x3 convolutions, one for each block.
        has_bias: whether these have biases.
    """

    width: int
    stride: int
    dilations: tuple[int, ...]
    has_bias: bool = False


def pyramid_resnet_features(
    images: tf.Tensor,
    options: PyramidResNet = PyramidResNet(),
    norm: Norm = Norm(),
    *,
    stages: int = 4,
) -> dict[str, tf.Tensor]:
    """Builds a pyramid ResNet's feature maps.

    Args:
        images: [B, H, W, 3] Keras tensor, preprocessed; at least 33 pixels a side at stride 32.
        options: `PyramidResNet`.
        norm: `Norm`; by itself decay 0.9 and epsilon 1.001e-5.
        stages: how many there are.

    Returns:
        {"stem", "stage1", .., "stage4": [B, h, w, C] Keras tensors}; C2 to C5 are the stages.

    Raises:
        ValueError: an image too small for the pyramids.
    """
    described = [_stage(number, options) for number in range(1, stages + 1)]
    return pyramid_stages(images, round(_STEM * options.width), described, options, norm)


def pyramid_resnet_stage(
    x: tf.Tensor,
    stage: int,
    options: PyramidResNet = PyramidResNet(),
    norm: Norm = Norm(),
    *,
    prefix: str = "",
) -> tf.Tensor:
    """Builds one stage, as of `pyramid_resnet_features`.

    Args:
        x: [B, H, W, C] Keras tensor.
        stage: 1..4.
        options: `PyramidResNet`.
        norm: as in `pyramid_resnet_features`.
        prefix: of the names of its layers.

    Returns:
        [B, h, w, C'].
    """
    norm = norm.or_else(decay=DECAY, epsilon=EPSILON)
    return _blocks(x, f"{prefix}stage{stage}", _stage(stage, options), options, norm)


def _stage(number, options):
    stride, dilation = stage_strides(options.output_stride)[number - 1]
    return Stage(
        round(_WIDTHS[number - 1] * options.width),
        stride,
        tuple(block_dilations(options, number, dilation)),
        has_bias=options.dilated_bias and dilation > 1,
    )


def pyramid_stages(
    images: tf.Tensor,
    stem: int,
    stages: list[Stage],
    options: PyramidResNet = PyramidResNet(),
    norm: Norm = Norm(),
) -> dict[str, tf.Tensor]:
    """A stem and any number of stages.

    Args:
        images: [B, H, W, 3] Keras tensor.
        stem: channels of the 7x7 convolution.
        stages: list of `Stage`.
        options: `PyramidResNet`, of which `pyramid`, `block_padding` and `size_precision` count.
        norm: as in `pyramid_resnet_features`.

    Returns:
        {"stem", "stage1", ...: Keras tensors}.
    """
    norm = norm.or_else(decay=DECAY, epsilon=EPSILON)
    x = _stem(images, stem, options.block_padding, norm)
    taps = {"stem": x}
    for number, stage in enumerate(stages, start=1):
        x = taps[f"stage{number}"] = _blocks(x, f"stage{number}", stage, options, norm)
    return taps


def _blocks(x, name, stage, options, norm):
    """The blocks of a stage, called NAME_block1 and so on."""
    for block, dilation in enumerate(stage.dilations, start=1):
        layer = PyramidBlock(
            stage.width,
            stride=stage.stride if block == 1 else 1,
            dilation=dilation,
            scales=SCALES if options.pyramid else (),
            use_bias=stage.has_bias,
            padding=options.block_padding,
            size_precision=options.size_precision,
            norm=norm,
            name=f"{name}_block{block}",
        )
        layer.check_size(*x.shape[1:3])
        x = layer(x)
    return x


def _stem(x, channels, padding, norm):
    """7x7 with stride 2 and max-pool of 3 with stride 2; `floor` pads by 2 and 3, then 0 and 1."""
    is_padded = padding == "floor"
    if is_padded:
        x = tf_keras.layers.ZeroPadding2D(((2, 3), (2, 3)), name="stem_conv1_pad")(x)
    x = tf_keras.layers.Conv2D(
        channels,
        7,
        strides=2,
        padding="valid" if is_padded else "same",
        use_bias=False,
        kernel_initializer=fan_out_truncated(),
        name="stem_conv1",
    )(x)
    x = normalize(x, name="stem_bn1", norm=norm)
    if is_padded:
        # Zeros never win: what comes in has passed a ReLU.
        x = tf_keras.layers.ZeroPadding2D(((0, 1), (0, 1)), name="stem_pool_pad")(x)
    return tf_keras.layers.MaxPool2D(
        3, 2, padding="valid" if is_padded else "same", name="stem_pool"
    )(x)
