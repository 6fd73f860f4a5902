"""One ResNet for every lineage: stem, place of the stride, padding and dilation are options."""

import dataclasses

import tensorflow as tf
import tf_keras

from lfp_tf.backbones.stages import block_dilations, stage_strides
from lfp_tf.layers.blocks import convolve, max_pool, normalize
from lfp_tf.options import Norm, ResNet

_BASIC_DEPTHS = (18, 34)
# Channels of a bottleneck's result for one within, without groups.
_EXPANSION = 4


def resnet_features(
    images: tf.Tensor, options: ResNet = ResNet(), norm: Norm = Norm(), *, stages: int = 4
) -> dict[str, tf.Tensor]:
    """Builds a ResNet's feature maps (`hszhao/semseg model/resnet.py`; He et al. 2016).

    Strides that would pass the output stride are left out and later stages are dilated instead,
    their first block too.

    Args:
        images: [B, H, W, 3] Keras tensor, preprocessed.
        options: `ResNet`. Its padding is that of the stem; the 3x3s of blocks are padded alike on
            all sides, in the TF1 port too (`hellochick/PSPNet-tensorflow`).
        norm: `Norm`; by itself decay 0.9 and epsilon 1e-5.
        stages: how many there are.

    Returns:
        {"stem", "stage1", .., "stage4": [B, h, w, C] Keras tensors}.
    """
    form = _Form(options.stride_in, options.padding, norm)
    stem = _deep_stem if options.stem == "deep" else _plain_stem
    x = stem(images, options.width, form)
    x = max_pool(x, padding=options.padding, rounding=options.pool_rounding, name="stem_pool")
    taps = {"stem": x}
    for stage in range(1, stages + 1):
        x = taps[f"stage{stage}"] = resnet_stage(x, stage, options, norm)
    return taps


def resnet_stage(
    x: tf.Tensor,
    stage: int,
    options: ResNet = ResNet(),
    norm: Norm = Norm(),
    *,
    prefix: str = "",
) -> tf.Tensor:
    """Builds one stage of a ResNet, as of `resnet_features`.

    Args:
        x: [B, H, W, C] Keras tensor.
        stage: 1..4.
        options: `ResNet`.
        norm: `Norm`.
        prefix: of the names of its layers.

    Returns:
        [B, h, w, C'].
    """
    stride, dilation = stage_strides(options.output_stride)[stage - 1]
    wider = 2 ** (stage - 1)
    form = _Form(options.stride_in, options.padding, norm, options.groups)
    build = _basic_block if options.depth in _BASIC_DEPTHS else _bottleneck
    dilations = block_dilations(options, stage, dilation)
    for block, dilation in enumerate(dilations, start=1):
        place = _Place(
            name=f"{prefix}stage{stage}_block{block}",
            stride=stride if block == 1 else 1,
            dilation=dilation,
            is_first=block == 1,
            # A group of a narrow network has one channel at least.
            planes=options.groups * max(round(options.width_per_group * wider * options.width), 1),
            channels=round(64 * wider * options.width) * _EXPANSION,
        )
        x = build(x, place, form)
    return x


@dataclasses.dataclass(frozen=True)
class _Form:
    """What all blocks of one network share."""

    stride_in: str
    padding: str
    norm: Norm
    groups: int = 1


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where a block stands, and its widths: inside, and of what a bottleneck gives."""

    name: str
    stride: int
    dilation: int
    is_first: bool
    planes: int
    channels: int


def _deep_stem(x, width, form):
    for number, (channels, stride) in enumerate(((64, 2), (64, 1), (128, 1)), start=1):
        x = convolve(
            x,
            round(channels * width),
            3,
            stride=stride,
            padding=form.padding,
            name=f"stem_conv{number}",
        )
        x = normalize(x, name=f"stem_bn{number}", norm=form.norm)
    return x


def _plain_stem(x, width, form):
    x = convolve(x, round(64 * width), 7, stride=2, padding=form.padding, name="stem_conv1")
    return normalize(x, name="stem_bn1", norm=form.norm)


def _bottleneck(x, place, form):
    name, planes = place.name, place.planes
    strides = (place.stride, 1) if form.stride_in == "1x1" else (1, place.stride)
    y = convolve(x, planes, 1, stride=strides[0], name=f"{name}_conv1")
    y = normalize(y, name=f"{name}_bn1", norm=form.norm)
    y = convolve(
        y,
        planes,
        3,
        stride=strides[1],
        dilation=place.dilation,
        groups=form.groups,
        name=f"{name}_conv2",
    )
    y = normalize(y, name=f"{name}_bn2", norm=form.norm)
    y = convolve(y, place.channels, 1, name=f"{name}_conv3")
    y = normalize(y, name=f"{name}_bn3", norm=form.norm, relu=False)
    return _join(x, y, place, form)


def _basic_block(x, place, form):
    name, planes = place.name, place.planes
    y = convolve(x, planes, 3, stride=place.stride, dilation=place.dilation, name=f"{name}_conv1")
    y = normalize(y, name=f"{name}_bn1", norm=form.norm)
    y = convolve(y, planes, 3, dilation=place.dilation, name=f"{name}_conv2")
    y = normalize(y, name=f"{name}_bn2", norm=form.norm, relu=False)
    return _join(x, y, place, form)


def _join(x, y, place, form):
    """Adds the shortcut: the input itself, or its projection where the first block needs one."""
    name = place.name
    if place.is_first and (place.stride != 1 or x.shape[-1] != y.shape[-1]):
        x = convolve(x, y.shape[-1], 1, stride=place.stride, name=f"{name}_projection")
        x = normalize(x, name=f"{name}_projection_bn", norm=form.norm, relu=False)
    x = tf_keras.layers.Add(name=f"{name}_add")([x, y])
    return tf_keras.layers.ReLU(name=f"{name}_relu")(x)
