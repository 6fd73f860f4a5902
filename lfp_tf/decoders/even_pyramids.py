"""Pyramids whose levels all have the size of the last map, for segmentation.

Zhang et al. 2020, section 4.2 name three: the unscathed feature pyramid, pyramid pooling and ASPP.
No code of theirs was published, so widths, norms and the levels of the first are our own choice
(the paper's has blocks of global convolutions on a single map). Letters: B images, h x w cells, C
channels.
"""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.layers.blocks import convolve, normalize
from lfp_tf.layers.initializers import fan_in_uniform
from lfp_tf.layers.scaling import ResizeLike
from lfp_tf.ops.pooling import adaptive_average_pool
from lfp_tf.options import EvenPyramid, Norm

# Levels from fine to coarse.
_LEVELS = (2, 3, 4, 5)
# Cells a side of the averages, and dilations, of each level.
_BINS = {2: 6, 3: 3, 4: 2, 5: 1}
_RATES = {3: 6, 4: 12, 5: 18}


def even_pyramid(
    maps: Mapping[int, tf.Tensor],
    options: EvenPyramid = EvenPyramid(),
    norm: Norm = Norm(),
) -> dict[int, tf.Tensor]:
    """Makes four levels of one size; each is a convolution `pyramid_uL_conv`, batch norm and ReLU.

    - `ufp`: of stage L - 1, by 1x1; level 2's by 3x3 with stride 2.
    - `ppm`: of the last map's averages over 6, 3, 2 and 1 cells a side, by 1x1, then bilinear with
      aligned corners.
    - `aspp`: of the last map, by 1x1 and by 3x3 with dilations 6, 12, 18.

    Args:
        maps: {level: [B, h, w, C] Keras tensor} of a backbone with output stride 8: level 2 at
            stride 4, 3 to 5 at stride 8.
        options: `EvenPyramid`.
        norm: `Norm`.

    Returns:
        {level: [B, h, w, dim]} of the size of `maps[5]`.
    """
    make = {"ufp": _stage_level, "ppm": _averaged_level, "aspp": _dilated_level}
    return {level: make[options.kind](maps, level, options.dim, norm) for level in _LEVELS}


def _stage_level(maps, level, channels, norm):
    # The second stage alone is finer than the others.
    kernel, stride = (3, 2) if level == _LEVELS[0] else (1, 1)
    return _unit(maps[level], level, channels, kernel, norm, stride=stride)


def _averaged_level(maps, level, channels, norm):
    averages = GridAverages(_BINS[level], name=f"pyramid_u{level}_averages")(maps[5])
    x = _unit(averages, level, channels, 1, norm)
    return ResizeLike("align_corners", name=f"pyramid_u{level}_resized")([x, maps[5]])


def _dilated_level(maps, level, channels, norm):
    kernel = 3 if level in _RATES else 1
    return _unit(maps[5], level, channels, kernel, norm, dilation=_RATES.get(level, 1))


def _unit(x, level, channels, kernel, norm, *, stride=1, dilation=1):
    x = convolve(
        x,
        channels,
        kernel,
        stride=stride,
        dilation=dilation,
        initializer=fan_in_uniform(),
        name=f"pyramid_u{level}_conv",
    )
    return normalize(x, name=f"pyramid_u{level}_bn", norm=norm)


@tf_keras.utils.register_keras_serializable("lfp_tf")
class GridAverages(tf_keras.layers.Layer):
    """Averages a map over a grid of cells (PyTorch's AdaptiveAvgPool2d).

    Args:
        bins: cells a side.
    """

    def __init__(self, bins, **kwargs):
        super().__init__(**kwargs)
        self.bins = bins

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Gives [B, bins, bins, C] of [B, h, w, C]."""
        return adaptive_average_pool(inputs, (self.bins,))[0]

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        return super().get_config() | {"bins": self.bins}
