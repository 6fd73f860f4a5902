"""Feature pyramids: maps of all strides with the same channels, for a detector's levels."""

from collections.abc import Mapping

import tensorflow as tf
import tf_keras

from lfp_tf.layers.blocks import convolve_as
from lfp_tf.layers.scaling import DoubleLike
from lfp_tf.options import FeaturePyramid, Norm


def feature_pyramid(
    maps: Mapping[int, tf.Tensor],
    options: FeaturePyramid = FeaturePyramid(),
    norm: Norm = Norm(),
) -> dict[int, tf.Tensor]:
    """Makes a pyramid of a backbone's maps, and one level more: `base_levels`, `with_coarsest`.

    Args:
        maps, options, norm: as of `base_levels`.

    Returns:
        {level: [B, h, w, dim]}, the levels of `maps` and the next.
    """
    return with_coarsest(base_levels(maps, options, norm))


def base_levels(
    maps: Mapping[int, tf.Tensor],
    options: FeaturePyramid = FeaturePyramid(),
    norm: Norm = Norm(),
) -> dict[int, tf.Tensor]:
    """Makes a pyramid of a backbone's maps (FPN; Detectron's `FPN.py`).

    Every level gets a 1x1 convolution `fpn_lateralL`. With `fpn`, the coarser level's result is
    doubled and added, and a 3x3 convolution `fpn_outputL` follows; `bfp` stops before.

    Args:
        maps: {level: [B, h, w, C] Keras tensor}, consecutive levels; one of level l has the
            stride 2^l.
        options: `FeaturePyramid`.
        norm: `Norm` of its norms, where it has some.

    Returns:
        {level: [B, h, w, dim]}, the levels of `maps`.
    """
    levels = lateral_maps(maps, options, norm)
    return _top_down(levels, options, norm) if options.kind == "fpn" else levels


def with_coarsest(levels: Mapping[int, tf.Tensor]) -> dict[int, tf.Tensor]:
    """The levels and one more: every second row and column of the coarsest."""
    last = max(levels)
    coarsest = tf_keras.layers.MaxPool2D(1, 2, name=f"fpn_p{last + 1}")(levels[last])
    return {**levels, last + 1: coarsest}


def lateral_maps(
    maps: Mapping[int, tf.Tensor],
    options: FeaturePyramid = FeaturePyramid(),
    norm: Norm = Norm(),
) -> dict[int, tf.Tensor]:
    """Brings each of a backbone's maps to the same channels by `fpn_lateralL`.

    Args:
        maps, options, norm: as of `base_levels`.

    Returns:
        {level: [B, h, w, dim]}.
    """
    return {
        level: _convolved(maps[level], 1, f"fpn_lateral{level}", options, norm)
        for level in sorted(maps)
    }


def _top_down(laterals, options, norm):
    """{level: the 3x3 convolution of its lateral map and all coarser ones}."""
    x, sums = None, {}
    for level in sorted(laterals, reverse=True):
        lateral = laterals[level]
        if x is not None:
            doubled = DoubleLike(name=f"fpn_doubled{level + 1}")([x, lateral])
            lateral = tf_keras.layers.Add(name=f"fpn_sum{level}")([lateral, doubled])
        x = sums[level] = lateral
    return {
        level: _convolved(sums[level], 3, f"fpn_output{level}", options, norm)
        for level in sorted(sums)
    }


def _convolved(x, kernel, name, options, norm):
    return convolve_as(
        x, options.dim, kernel, name=name, normalization=options.normalization, norm=norm
    )
