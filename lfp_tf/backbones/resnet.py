"""One ResNet for every lineage: stem, place of the stride, padding and dilation are arguments."""

import dataclasses

import tf_keras

from lfp_tf.layers.blocks import convolve, max_pool, normalize

BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
BOTTLENECK_DEPTHS = (50, 101, 152)


@dataclasses.dataclass(frozen=True)
class _Form:
    """What all blocks of one network share."""

    stride_in: str
    padding: str
    norm: dict


def resnet_features(
    images,
    *,
    depth,
    blocks=(),
    stem="deep",
    stride_in="3x3",
    padding="symmetric",
    pool_rounding="floor",
    output_stride=8,
    multi_grids=(),
    width=1.0,
    norm=None,
):
    """Builds a ResNet's feature maps (semseg model/resnet.py; PSPNet spec 2.1 and 2.3).

    Once the stride reaches `output_stride` later stages are dilated instead, their first block
    too. Depths 18 and 34 use basic blocks, the others bottlenecks.

    Args:
        images: [B, H, W, 3] Keras tensor, preprocessed.
        depth: 18, 34, 50, 101 or 152.
        blocks: blocks of the four stages in place of the depth's.
        stem: `deep` (three 3x3 convolutions) or `plain` (one 7x7).
        stride_in: `3x3` or `1x1`, where a bottleneck has its stride.
        padding: `symmetric` or `same`, of the stem's convolutions and its pool; the 3x3s of blocks
            are padded alike on all sides, in the TF1 port too (`hellochick/PSPNet-tensorflow`).
        pool_rounding: `floor` or `ceil` of the stem's max-pool.
        output_stride: 8, 16 or 32 input pixels a cell of the last map.
        multi_grids: factors of the last stage's dilations, one a block; none leaves them alone.
        width: multiplies all widths.
        norm: arguments of `BatchNorm`.

    Returns:
        {"stem", "stage1", "stage2", "stage3", "stage4": Keras tensors}.

    Raises:
        ValueError: an argument outside these choices.
    """
    _check("depth", depth, BLOCKS)
    _check("stem", stem, ("deep", "plain"))
    _check("stride_in", stride_in, ("3x3", "1x1"))
    _check("padding", padding, ("symmetric", "same"))
    _check("pool_rounding", pool_rounding, ("floor", "ceil"))
    _check("output_stride", output_stride, (8, 16, 32))
    blocks = tuple(blocks) or BLOCKS[depth]
    if len(blocks) != 4 or min(blocks) < 1:
        raise ValueError(f"blocks are {list(blocks)}, but must be four numbers of at least 1.")
    if multi_grids and len(multi_grids) != blocks[3]:
        raise ValueError(f"multi_grids needs {blocks[3]} numbers, one a block of the last stage.")
    form = _Form(stride_in, padding, dict(norm or {}))
    x = _deep_stem(images, width, form) if stem == "deep" else _plain_stem(images, width, form)
    x = max_pool(x, padding=padding, rounding=pool_rounding, name="stem_pool")
    taps, stride = {"stem": x}, 4
    for stage, count in enumerate(blocks, start=1):
        wanted = 1 if stage == 1 else 2
        step = wanted if stride * wanted <= output_stride else 1
        stride *= step
        dilation = max(1, 2 ** (stage + 1) // stride)
        grids = multi_grids if multi_grids and stage == 4 else [1] * count
        for block in range(1, count + 1):
            build = _bottleneck if depth in BOTTLENECK_DEPTHS else _basic_block
            x = build(
                x,
                round(64 * 2 ** (stage - 1) * width),
                stride=step if block == 1 else 1,
                dilation=dilation * grids[block - 1],
                form=form,
                name=f"stage{stage}_block{block}",
            )
        taps[f"stage{stage}"] = x
    return taps


def resnet(*, input_shape=(None, None, 3), name="resnet", **arguments):
    """A Keras model from a preprocessed image to the maps of `resnet_features`."""
    images = tf_keras.Input(input_shape, name="images")
    return tf_keras.Model(images, resnet_features(images, **arguments), name=name)


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


def _bottleneck(x, planes, *, stride, dilation, form, name):
    strides = (stride, 1) if form.stride_in == "1x1" else (1, stride)
    y = convolve(x, planes, 1, stride=strides[0], name=f"{name}_conv1")
    y = normalize(y, name=f"{name}_bn1", norm=form.norm)
    y = convolve(y, planes, 3, stride=strides[1], dilation=dilation, name=f"{name}_conv2")
    y = normalize(y, name=f"{name}_bn2", norm=form.norm)
    y = convolve(y, 4 * planes, 1, name=f"{name}_conv3")
    y = normalize(y, name=f"{name}_bn3", norm=form.norm, relu=False)
    return _join(x, y, stride, form, name)


def _basic_block(x, planes, *, stride, dilation, form, name):
    y = convolve(x, planes, 3, stride=stride, dilation=dilation, name=f"{name}_conv1")
    y = normalize(y, name=f"{name}_bn1", norm=form.norm)
    y = convolve(y, planes, 3, dilation=dilation, name=f"{name}_conv2")
    y = normalize(y, name=f"{name}_bn2", norm=form.norm, relu=False)
    return _join(x, y, stride, form, name)


def _join(x, y, stride, form, name):
    """Adds the shortcut: the input itself, or its projection where the first block needs one."""
    if name.endswith("_block1") and (stride != 1 or x.shape[-1] != y.shape[-1]):
        x = convolve(x, y.shape[-1], 1, stride=stride, name=f"{name}_projection")
        x = normalize(x, name=f"{name}_projection_bn", norm=form.norm, relu=False)
    x = tf_keras.layers.Add(name=f"{name}_add")([x, y])
    return tf_keras.layers.ReLU(name=f"{name}_relu")(x)


def _check(name, value, choices):
    if value not in choices:
        raise ValueError(f"{name} is {value!r}, but must be one of {', '.join(map(str, choices))}.")
