"""The region proposal network: for each anchor of each cell a score and four deltas."""

from collections.abc import Mapping

import tensorflow as tf
import tf_keras

from lfp_tf.layers.convolution import Conv2D

# Detectron's GaussianFill.
_DEVIATION = 0.01


def rpn_head(maps: Mapping[int, tf.Tensor], *, anchors: int, channels: int) -> dict[str, tf.Tensor]:
    """Scores the anchors of all levels by one head (Faster R-CNN, 3.1; Detectron's `FPN.py`).

    Args:
        maps: {level: [B, h, w, C] Keras tensor}.
        anchors: A, of a cell.
        channels: of the 3x3 convolution.

    Returns:
        {"rpn_logits_L": [B, h, w, A], "rpn_deltas_L": [B, h, w, 4A], anchor after anchor, for
        every level L}; float32.
    """
    conv = _convolution(channels, 3, "conv", activation="relu")
    logits = _convolution(anchors, 1, "logits", dtype="float32")
    deltas = _convolution(4 * anchors, 1, "deltas", dtype="float32")
    outputs = {}
    for level, x in maps.items():
        x = conv(x)
        outputs[f"rpn_logits_{level}"] = logits(x)
        outputs[f"rpn_deltas_{level}"] = deltas(x)
    return outputs


def _convolution(channels, kernel, name, **options):
    initializer = tf_keras.initializers.RandomNormal(stddev=_DEVIATION)
    return Conv2D(
        channels,
        kernel,
        padding="same",
        kernel_initializer=initializer,
        name=f"rpn_{name}",
        **options,
    )
