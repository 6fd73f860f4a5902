"""Pyramid ResNets and their plain twins, as tensorpack builds them: feature maps by stage.

Three forms of one network (Learning Feature Pyramids): the classifier (stride 32), the dilated one
of PASCAL VOC (stride 8) and the detector's, which pads so that odd sizes are rounded down.
"""

import tf_keras

from lfp_tf.backbones.resnet import BLOCKS
from lfp_tf.layers.blocks import normalize
from lfp_tf.layers.initializers import fan_out_truncated
from lfp_tf.layers.pyramid_block import EPSILON, SCALES, PyramidBlock

DEPTHS = (50, 101, 152)
_WIDTHS = (64, 128, 256, 512)
_STEM = 64


def pyramid_resnet_features(
    images,
    *,
    depth=50,
    blocks=(),
    pyramid=True,
    output_stride=32,
    multi_grids=(),
    dilated_bias=False,
    padding="same",
    size_precision="float64",
    width=1.0,
    norm=None,
):
    """Builds a pyramid ResNet's feature maps.

    Args:
        images: [B, H, W, 3] Keras tensor, preprocessed; at least 33 pixels a side at stride 32.
        depth: 50, 101 or 152.
        blocks: blocks of the four stages in place of the depth's.
        pyramid: whether blocks have pyramids; without it is tensorpack's own ResNet.
        output_stride: 32, 16 or 8 input pixels a cell of the last map; later stages are dilated.
        multi_grids: factors of the last stage's dilations, one a block; none leaves them alone.
        dilated_bias: whether dilated convolutions have biases, as in the original's VOC network.
        padding: `same`, or `floor` as in the detector, see `PyramidBlock`.
        size_precision: `float64`, or `float32` as in the detector.
        width: multiplies all widths.
        norm: arguments of `BatchNorm`; epsilon is 1.001e-5 unless they say otherwise.

    Returns:
        {"stem", "stage1", "stage2", "stage3", "stage4": Keras tensors}; C2 to C5 are the stages.

    Raises:
        ValueError: an argument outside these choices.
    """
    if depth not in DEPTHS:
        raise ValueError(f"depth is {depth!r}, but must be one of 50, 101, 152.")
    if output_stride not in (8, 16, 32):
        raise ValueError(f"output_stride is {output_stride!r}, but must be one of 8, 16, 32.")
    blocks = tuple(blocks) or BLOCKS[depth]
    if len(blocks) != 4 or min(blocks) < 1:
        raise ValueError(f"blocks are {list(blocks)}, but must be four numbers of at least 1.")
    if multi_grids and len(multi_grids) != blocks[3]:
        raise ValueError(f"multi_grids needs {blocks[3]} numbers, one a block of the last stage.")
    strides, dilations, reached = [], [], 4
    for stage in range(4):
        wanted = 1 if stage == 0 else 2
        strides.append(wanted if reached * wanted <= output_stride else 1)
        reached *= strides[-1]
        dilations.append(max(1, 2 ** (stage + 2) // reached))
    return pyramid_stages(
        images,
        stem=round(_STEM * width),
        widths=[round(number * width) for number in _WIDTHS],
        blocks=blocks,
        strides=strides,
        dilations=dilations,
        multi_grids=multi_grids,
        pyramid=pyramid,
        dilated_bias=dilated_bias,
        padding=padding,
        size_precision=size_precision,
        norm=norm,
    )


def pyramid_stages(
    images,
    *,
    stem,
    widths,
    blocks,
    strides,
    dilations,
    multi_grids=(),
    pyramid=True,
    dilated_bias=False,
    padding="same",
    size_precision="float64",
    norm=None,
):
    """A stem and any number of stages, each of blocks of one width.

    Args:
        stem: channels of the 7x7 convolution.
        widths, blocks, strides, dilations: one number a stage; the stride is its first block's.
        images, multi_grids, pyramid, dilated_bias, padding, size_precision, norm: as in
            `pyramid_resnet_features`.

    Returns:
        {"stem", "stage1", ...: Keras tensors}.
    """
    norm = {"epsilon": EPSILON} | dict(norm or {})
    x = _stem(images, stem, padding, norm)
    taps = {"stem": x}
    stages = list(zip(widths, blocks, strides, dilations, strict=True))
    for stage, (width, count, stride, dilation) in enumerate(stages, start=1):
        grids = multi_grids if multi_grids and stage == len(stages) else [1] * count
        for block in range(1, count + 1):
            layer = PyramidBlock(
                width,
                stride=stride if block == 1 else 1,
                dilation=dilation * grids[block - 1],
                scales=SCALES if pyramid else (),
                use_bias=dilated_bias and dilation > 1,
                padding=padding,
                size_precision=size_precision,
                norm=norm,
                name=f"stage{stage}_block{block}",
            )
            layer.check_size(*x.shape[1:3])
            x = layer(x)
        taps[f"stage{stage}"] = x
    return taps


def pyramid_resnet(*, input_shape=(None, None, 3), name="pyramid_resnet", **arguments):
    """A Keras model from a preprocessed image to the maps of `pyramid_resnet_features`."""
    images = tf_keras.Input(input_shape, name="images")
    return tf_keras.Model(images, pyramid_resnet_features(images, **arguments), name=name)


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
