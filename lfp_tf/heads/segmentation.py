"""The classifier on a feature map, and its logits brought to the image's size."""

from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.layers.blocks import conv_norm_relu
from lfp_tf.layers.dropout import SampleDropout
from lfp_tf.layers.initializers import bias_uniform, fan_in_uniform
from lfp_tf.ops.resize import resize_aligned
from lfp_tf.ops.shapes import height_width
from lfp_tf.options import Head, Norm


def segmentation_head(
    x: tf.Tensor,
    *,
    classes: int,
    channels: int,
    name: str,
    options: Head = Head(),
    norm: Norm = Norm(),
    salt: int = 0,
) -> tf.Tensor:
    """3x3 convolution, batch norm, ReLU, dropout, 1x1 classifier (`hszhao/semseg model/pspnet.py`).

    Args:
        x: [B, H, W, C] Keras tensor.
        classes: channels out.
        channels: channels between.
        name: prefix of the layers.
        options: `Head`, of which the dropout counts.
        norm: `Norm`.
        salt: tells this head's dropout from another's.

    Returns:
        [B, H, W, classes] logits.
    """
    x = conv_norm_relu(x, channels, 3, name=name, norm=norm)
    dropout = SampleDropout(
        options.dropout, kind=options.dropout_kind, salt=salt, name=f"{name}_dropout"
    )
    return tf_keras.layers.Conv2D(
        classes,
        1,
        kernel_initializer=fan_in_uniform(),
        bias_initializer=bias_uniform(channels),
        name=f"{name}_logits",
    )(dropout(x))


@tf_keras.utils.register_keras_serializable("lfp_tf")
class ZoomLogits(tf_keras.layers.Layer):
    """Resizes logits to the size that a zoom factor gives an image (semseg `model/pspnet.py`).

    Zoom 8 is the image's own size; below, (h - 1) // 8 * zoom + 1; at 1 the map stays as it is.
    Bilinear with aligned corners, in float32.

    Args:
        zoom_factor: 8, 4, 2 or 1.
    """

    def __init__(self, zoom_factor=8, **kwargs):
        super().__init__(**kwargs | {"dtype": "float32"})
        if zoom_factor not in (1, 2, 4, 8):
            raise ValueError(f"zoom_factor is {zoom_factor}, but must be 1, 2, 4 or 8.")
        self.zoom_factor = zoom_factor

    def call(self, inputs: list) -> tf.Tensor:
        """Resizes the logits [B, h, w, C] of the images [B, H, W, 3]: inputs are both."""
        logits, images = inputs
        logits = tf.cast(logits, tf.float32)
        if self.zoom_factor == 1:
            return logits
        height, width = height_width(images)
        if self.zoom_factor < 8:
            height, width = ((side - 1) // 8 * self.zoom_factor + 1 for side in (height, width))
        return resize_aligned(logits, (height, width))

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        return super().get_config() | {"zoom_factor": self.zoom_factor}
