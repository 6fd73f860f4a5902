"""PANet's heads: every box is pooled from all levels, and the maximum over the levels counts.

Liu et al. 2018, section 3.2 (adaptive feature pooling); dongzhang89/FPT lib/modeling/
{fast_rcnn,mask_rcnn}_heads.py. Letters: R boxes (RoIs), P cells a side, L levels, C and D channels.
"""

import tensorflow as tf
import tf_keras

from lfp_tf.heads.box import convolved_box, dense_box
from lfp_tf.heads.mask import convolved_mask, doubled, flat_channels
from lfp_tf.layers.initializers import xavier_fill
from lfp_tf.options import Norm, RoIHeads

# Of the pyramid; the finest first, as features are joined.
LEVELS = (2, 3, 4, 5)
# Detectron's GaussianFill of the dense layer that makes a mask.
_MASK_DEVIATION = 0.01


def all_levels_box_head(
    x: tf.Tensor, options: RoIHeads = RoIHeads(), norm: Norm = Norm()
) -> tf.Tensor:
    """Makes vectors of boxes that were pooled from all levels.

    `all_levels_4conv1fc`: `box_conv1_pL` of each level, the maximum, `box_conv2` to `box_conv4`,
    `box_fc1` (FPT's `roi_Xconv1fc_gn_head_fptnet`). `all_levels_2fc`: `box_fc1_pL`, the maximum,
    `box_fc2` (`roi_2mlp_head_gn_fptnet`).

    Args:
        x: [R, P, P, L C] Keras tensor, the finest level first.
        options: `RoIHeads`, of which `box_head`, its widths and the norm count.
        norm: `Norm` of its norms, where it has some.

    Returns:
        [R, box_dim].
    """
    levels = _split(x, "box")
    if options.box_head == "all_levels_2fc":
        x = _largest([dense_box(y, f"fc1_p{n}", options, norm) for n, y in levels.items()], "box")
        return dense_box(x, "fc2", options, norm)
    x = _largest([convolved_box(y, f"conv1_p{n}", options, norm) for n, y in levels.items()], "box")
    for number in (2, 3, 4):
        x = convolved_box(x, f"conv{number}", options, norm)
    x = tf_keras.layers.Flatten(name="box_flatten")(x)
    return tf_keras.layers.Dense(
        options.box_dim, activation="relu", kernel_initializer=xavier_fill(), name="box_fc1"
    )(x)


def all_levels_mask_head(
    x: tf.Tensor, options: RoIHeads = RoIHeads(), norm: Norm = Norm()
) -> tf.Tensor:
    """Makes features of masks of boxes that were pooled from all levels.

    `mask_conv1_pL` of each level, the maximum, `mask_conv2` and on, `mask_deconv` (FPT's
    `mask_rcnn_fcn_head_v1up4convs_gn_adp`). With `all_levels_fc` two convolutions and a dense layer
    leave before the last of these and make one mask for all classes (`..._adp_ff`).

    Args:
        x: [R, P, P, L C] Keras tensor, the finest level first.
        options: `RoIHeads`, of which the mask head's and the norm count.
        norm: `Norm` of its norms, where it has some.

    Returns:
        [R, 2P, 2P, mask_dim]; with `all_levels_fc` one more channel, the logits of that mask.
    """
    levels = _split(x, "mask")
    convolve = {"options": options, "norm": norm}
    first = [convolved_mask(y, f"conv1_p{n}", **convolve) for n, y in levels.items()]
    x = _largest(first, "mask")
    shared = x
    for number in range(2, options.mask_convolutions + 1):
        shared, x = x, convolved_mask(x, f"conv{number}", **convolve)
    features = doubled(x, options.mask_dim)
    if not options.adds_mask:
        return features
    added = _dense_mask(shared, features.shape[1:3], **convolve)
    return tf_keras.layers.Concatenate(name="mask_features")([features, added])


def _dense_mask(x, size, *, options, norm):
    """One mask [R, 2P, 2P, 1] by a dense layer of `mask_dim` / 2 channels (PANet, section 3.3)."""
    x = convolved_mask(x, "fc_conv1", options, norm)
    x = convolved_mask(x, "fc_conv2", options, norm, channels=options.mask_dim // 2)
    x = tf_keras.layers.Dense(
        size[0] * size[1],
        # Kept from the original: this mask can but add to the others' logits.
        activation="relu",
        kernel_initializer=tf_keras.initializers.RandomNormal(stddev=_MASK_DEVIATION),
        name="mask_fc",
    )(flat_channels(x, "mask_fc"))
    return tf_keras.layers.Reshape((*size, 1), name="mask_fc_mask")(x)


def _split(x, head):
    """{level: [R, P, P, C]} of maps joined by channels."""
    channels = x.shape[-1] // len(LEVELS)
    return {
        level: _Channels(place * channels, channels, name=f"{head}_pooled_p{level}")(x)
        for place, level in enumerate(LEVELS)
    }


def _largest(maps, head):
    return tf_keras.layers.Maximum(name=f"{head}_of_all_levels")(maps)


@tf_keras.utils.register_keras_serializable("lfp_tf")
class _Channels(tf_keras.layers.Layer):
    """Some of the channels.

    Args:
        first: the first of them.
        count: number of them.
    """

    def __init__(self, first, count, **kwargs):
        super().__init__(**kwargs)
        self.first = first
        self.count = count

    def call(self, inputs):
        """Gives [..., count] of [..., C]."""
        return inputs[..., self.first : self.first + self.count]

    def get_config(self):
        """The arguments, for saving."""
        return super().get_config() | {"first": self.first, "count": self.count}
