"""MobileNetV2 with dilation in place of its last strides and a tap for an auxiliary head."""

import tensorflow as tf
import tf_keras

from lfp_tf.layers.blocks import norm_layer
from lfp_tf.options import MobileNetV2, Norm

# (expansion, channels, blocks, stride) of Sandler et al. 2018, table 2.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def mobilenet_v2_features(
    images: tf.Tensor, options: MobileNetV2 = MobileNetV2(), norm: Norm = Norm()
) -> dict[str, tf.Tensor]:
    """Builds MobileNetV2's feature maps up to its 320 channels (Sandler et al. 2018).

    Layer names are those of `tf_keras.applications.MobileNetV2`, so its weights fit by name.
    A stride that would pass `output_stride` is left out; the blocks behind it are dilated in its
    place, the block that lost it is not: the receptive fields stay those of the weights.

    Args:
        images: [B, H, W, 3] Keras tensor, preprocessed (`mobilenet`).
        options: `MobileNetV2`; widths are not rounded to multiples of 8.
        norm: `Norm`; by itself decay 0.999 and epsilon 1e-3.

    Returns:
        {"stage2".. "stage7": the last map of each stage}; stage 5 has 96 channels, 7 has 320.
    """
    norm = norm.or_else(decay=0.999, epsilon=1e-3)
    width = options.width
    x = tf_keras.layers.Conv2D(
        round(32 * width), 3, strides=2, padding="same", use_bias=False, name="Conv1"
    )(images)
    x = _activate(x, "bn_Conv1", norm)
    taps, stride, dilation, number = {}, 2, 1, 0
    for stage, (expansion, channels, blocks, full_step) in enumerate(_STAGES, start=1):
        step = full_step if stride * full_step <= options.output_stride else 1
        stride *= step
        for block in range(blocks):
            x = _inverted_residual(
                x,
                round(channels * width),
                expansion=expansion,
                stride=step if block == 0 else 1,
                dilation=dilation,
                name="expanded_conv" if number == 0 else f"block_{number}",
                norm=norm,
            )
            number += 1
            if block == 0:
                dilation *= full_step // step
        taps[f"stage{stage}"] = x
    return taps


def _inverted_residual(x, channels, *, expansion, stride, dilation, name, norm):
    y = x
    if expansion > 1:
        y = tf_keras.layers.Conv2D(
            expansion * x.shape[-1], 1, use_bias=False, name=f"{name}_expand"
        )(y)
        y = _activate(y, f"{name}_expand_BN", norm)
    y = tf_keras.layers.DepthwiseConv2D(
        3,
        strides=stride,
        dilation_rate=dilation,
        padding="same",
        use_bias=False,
        name=f"{name}_depthwise",
    )(y)
    y = _activate(y, f"{name}_depthwise_BN", norm)
    y = tf_keras.layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_project")(y)
    y = norm_layer(norm, name=f"{name}_project_BN")(y)
    if stride == 1 and x.shape[-1] == channels:
        return tf_keras.layers.Add(name=f"{name}_add")([x, y])
    return y


def _activate(x, name, norm):
    x = norm_layer(norm, name=name)(x)
    return tf_keras.layers.ReLU(6.0, name=f"{name}_relu")(x)
