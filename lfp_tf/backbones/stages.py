"""The four stages of a ResNet: their blocks, strides and dilations."""

from lfp_tf.options import RESNET_BLOCKS, PyramidResNet, ResNet

_STEM_STRIDE = 4


def stage_blocks(options: ResNet | PyramidResNet) -> tuple[int, ...]:
    """The number of blocks of each stage."""
    return tuple(options.blocks) or RESNET_BLOCKS[options.depth]


def stage_strides(output_stride: int) -> list[tuple[int, int]]:
    """(stride of the first block, dilation) of each stage.

    A stride that would pass `output_stride` is left out, and the dilation doubles in its place.

    Example:
        >>> stage_strides(8)
        [(1, 1), (2, 1), (1, 2), (1, 4)]
    """
    stages, reached, dilation = [], _STEM_STRIDE, 1
    for stride in (1, 2, 2, 2):
        if reached * stride <= output_stride:
            reached *= stride
        else:
            stride, dilation = 1, dilation * stride
        stages.append((stride, dilation))
    return stages


def block_dilations(options: ResNet | PyramidResNet, stage: int, dilation: int) -> list[int]:
    """The dilation of each block of a stage, counted from 1; `multi_grids` are the last one's."""
    count = stage_blocks(options)[stage - 1]
    factors = options.multi_grids if options.multi_grids and stage == 4 else (1,) * count
    return [dilation * factor for factor in factors]
