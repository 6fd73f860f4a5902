"""The block of the Feature Pyramid Transformer: every level takes context from every other."""

from collections.abc import Mapping

import tensorflow as tf
import tf_keras

from lfp_tf.layers.blocks import convolve_as
from lfp_tf.layers.dropblock import DropBlock
from lfp_tf.layers.fpt.grounding import GroundingTransformer
from lfp_tf.layers.fpt.parts import DECAY, EPSILON
from lfp_tf.layers.fpt.rendering import RenderingTransformer
from lfp_tf.layers.fpt.self_transformer import SelfTransformer
from lfp_tf.layers.valid_cells import ClearInvalid, LevelSizes
from lfp_tf.ops.attention import BLOCK_ENTRIES
from lfp_tf.options import Norm, TransformerPyramid


def transformer_pyramid(
    levels: Mapping[int, tf.Tensor],
    *,
    channels: int = 256,
    options: TransformerPyramid = TransformerPyramid(),
    norm: Norm = Norm(),
    sizes: tf.Tensor | None = None,
    block_entries: int | None = BLOCK_ENTRIES,
) -> dict[int, tf.Tensor]:
    """Joins each level with its self, rendering and grounding transformers' results.

    Zhang et al. 2020, section 3; dongzhang89/FPT lib/modeling/FPT_a.py. Level l becomes a 3x3
    convolution of [self transformer, rendering from each finer level, the nearest first, grounding
    from each coarser level, the nearest first, the level itself]. All of them read the levels as
    they come. A group norm takes its statistics over the whole padded map.

    Args:
        levels: {number: [B, H, W, channels] Keras tensor}; consecutive numbers, a level of number
            l has the stride 2^l.
        channels: of each level and each result.
        options: `TransformerPyramid`.
        norm: `Norm` of all batch norms.
        sizes: int [B, 2] Keras tensor, rows and columns of pixels that are the image; the cells
            beyond are no part of anything and zero in the results. None takes the whole maps.
        block_entries: similarities that exist at a time.

    Returns:
        {number: [B, H, W, channels]} as the levels.

    Raises:
        ValueError: numbers that are not consecutive.
    """
    numbers = sorted(levels)
    if numbers != list(range(numbers[0], numbers[-1] + 1)):
        raise ValueError(f"levels are {numbers}, but must be consecutive numbers.")
    valid = _valid_sizes(numbers, sizes, options.same_size)
    levels = {n: _cleared(levels[n], valid[n], f"level_p{n}") for n in numbers}
    parts = {
        n: [_attention(levels, valid, n, options, norm, block_entries)]
        + [
            _rendering(levels, valid, n, fine, options, norm)
            for fine in reversed(numbers)
            if fine < n
        ]
        + [
            _grounding(levels, valid, n, coarse, options, norm, block_entries)
            for coarse in numbers
            if coarse > n
        ]
        + [levels[n]]
        for n in reversed(numbers)
    }
    results = {}
    for n in numbers:
        joined = tf_keras.layers.Concatenate(name=f"fpt_p{n}_join")(parts[n])
        x = convolve_as(
            joined,
            channels,
            3,
            name=f"fpt_p{n}",
            normalization=options.normalization,
            norm=norm.or_else(decay=DECAY, epsilon=EPSILON),
        )
        if options.dropblock_rate:
            drop = DropBlock(
                options.dropblock_rate, size=options.dropblock_size, salt=n, name=f"fpt_p{n}_drop"
            )
            x = drop(x)
        results[n] = _cleared(x, valid[n], f"result_p{n}")
    return results


def _attention(levels, valid, n, options, norm, block_entries):
    layer = SelfTransformer(
        options.attention, norm=norm, block_entries=block_entries, salt=n, name=f"st_p{n}"
    )
    return layer(levels[n], **_given(sizes=valid[n]))


def _rendering(levels, valid, coarse, fine, options, norm):
    stride = 1 if options.same_size else 2 ** (coarse - fine)
    name = f"rt_p{coarse}_p{fine}"
    layer = RenderingTransformer(options.rendering, stride=stride, norm=norm, name=name)
    sizes = _given(coarse_sizes=valid[coarse], fine_sizes=valid[fine])
    return layer([levels[coarse], levels[fine]], **sizes)


def _grounding(levels, valid, fine, coarse, options, norm, block_entries):
    name = f"gt_p{fine}_p{coarse}"
    layer = GroundingTransformer(
        options.grounding, norm=norm, block_entries=block_entries, name=name
    )
    sizes = _given(fine_sizes=valid[fine], coarse_sizes=valid[coarse])
    return layer([levels[fine], levels[coarse]], **sizes)


def _given(**sizes):
    """Without those that are None, which Keras would save as inputs."""
    return {name: value for name, value in sizes.items() if value is not None}


def _valid_sizes(numbers, sizes, same_size):
    """{number: int [B, 2] in cells}; with one size for all levels they have the first's stride."""
    if sizes is None:
        return dict.fromkeys(numbers)
    strides = {n: 2 ** (numbers[0] if same_size else n) for n in numbers}
    return {n: LevelSizes(strides[n], name=f"sizes_p{n}")(sizes) for n in numbers}


def _cleared(x, sizes, name):
    return x if sizes is None else ClearInvalid(name=f"{name}_valid")(x, sizes=sizes)
