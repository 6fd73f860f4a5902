"""The Feature Pyramid Transformer for segmentation: a pyramid of one size, the block, a classifier.

Zhang et al. 2020, section 4.2. No code of it was published: where the paper is silent, the form is
ours, with PSPNet's heads.
"""

import dataclasses
from collections.abc import Mapping

import tensorflow as tf
import tf_keras

from lfp_tf.backbones.catalog import backbone_features
from lfp_tf.decoders.even_pyramids import even_pyramid
from lfp_tf.decoders.transformer_pyramid import transformer_pyramid
from lfp_tf.heads.segmentation import ZoomLogits, segmentation_head
from lfp_tf.options import EvenPyramid, Head, Norm, ResNet, Transformer

_LEVELS = (2, 3, 4, 5)
_STRIDE = 8


def fpt_segmentation(
    *,
    classes: int,
    backbone: ResNet = ResNet(),
    pyramid: EvenPyramid = EvenPyramid(),
    transformer: Transformer = Transformer("paper", gt_local=True, normalization="batch_norm"),
    head: Head = Head(),
    norm: Norm = Norm(),
    input_shape: tuple = (None, None, 3),
) -> tf_keras.Model:
    """Builds it; batch norm is everywhere.

    Args:
        classes: number of classes.
        backbone: of output stride 8.
        pyramid: `EvenPyramid`.
        transformer: `Transformer`; of kind `none` the classifier stands on the pyramid itself.
            Crops have no padding to mask.
        head: `Head`, for both classifiers.
        norm: `Norm`; values that it leaves to the network are 0.9 and 1e-5.
        input_shape: (height, width, 3), None where any size may come.

    Returns:
        A Keras model: preprocessed images [B, H, W, 3] to {"logits": [B, h, w, classes]} and, with
        `head.aux_head`, "aux_logits" of the same shape; float32.

    Raises:
        ValueError: another output stride.
    """
    if backbone.output_stride != _STRIDE:
        raise ValueError(
            f"output_stride is {backbone.output_stride}, but levels of one size need {_STRIDE}."
        )
    images = tf_keras.Input(input_shape, name="images")
    taps = backbone_features(images, backbone, norm)
    maps = {level: taps[n] for level, n in zip(_LEVELS, backbone.LEVELS, strict=True)}
    levels = fused_levels(even_pyramid(maps, pyramid, norm), pyramid, transformer, norm)
    logits = level_logits(levels, maps, classes=classes, pyramid=pyramid, head=head, norm=norm)
    outputs = {
        name: ZoomLogits(head.zoom_factor, name=zoom)([logits[name], images])
        for name, zoom in (("logits", "zoom"), ("aux_logits", "aux_zoom"))
        if name in logits
    }
    return tf_keras.Model(images, outputs, name="fpt_segmentation")


def fused_levels(
    levels: Mapping[int, tf.Tensor], pyramid: EvenPyramid, transformer: Transformer, norm: Norm
) -> dict[int, tf.Tensor]:
    """The levels of one size with context from each other, or as they are without a block.

    Args:
        levels: {level: [B, h, w, dim] Keras tensor}.
        pyramid, transformer, norm: as of `fpt_segmentation`.
    """
    options = transformer.pyramid()
    if options is None:
        return dict(levels)
    options = dataclasses.replace(options, same_size=True)
    # Where a pretrained backbone's norms are frozen, these still learn.
    norm = dataclasses.replace(norm, frozen=False)
    return transformer_pyramid(levels, channels=pyramid.dim, options=options, norm=norm)


def level_logits(
    levels: Mapping[int, tf.Tensor],
    maps: Mapping[int, tf.Tensor],
    *,
    classes: int,
    pyramid: EvenPyramid,
    head: Head,
    norm: Norm,
) -> dict[str, tf.Tensor]:
    """Classifies the cells of all levels and of the last map, and of the one before it.

    Args:
        levels: of `fused_levels`.
        maps: {level: [B, h, w, C] Keras tensor} of the backbone.
        classes, pyramid, head, norm: as of `fpt_segmentation`.

    Returns:
        {"logits": [B, h, w, classes], "aux_logits" alike where `head` has it}.
    """
    joined = tf_keras.layers.Concatenate(name="cls_join")([*levels.values(), maps[5]])
    shared = {"classes": classes, "options": head, "norm": norm}
    x = segmentation_head(joined, channels=pyramid.head_channels, name="cls", **shared)
    if not head.aux_head:
        return {"logits": x}
    channels = pyramid.aux_channels
    aux = segmentation_head(maps[4], channels=channels, name="aux", salt=1, **shared)
    return {"logits": x, "aux_logits": aux}
