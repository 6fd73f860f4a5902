"""The mask head: from a pooled box to features of twice the size, and from these to masks.

Letters: R boxes (RoIs), P cells a side, D channels, K classes with background as 0.
"""

import dataclasses
from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.layers.blocks import convolve_as
from lfp_tf.layers.hourglass import Hourglass
from lfp_tf.layers.initializers import fan_out_normal
from lfp_tf.options import Norm, PyramidModule, RoIHeads

# Detectron's GaussianFill of the one mask for all classes, which MSRAFill lets diverge.
_AGNOSTIC_DEVIATION = 0.001


def mask_head(x: tf.Tensor, options: RoIHeads = RoIHeads(), norm: Norm = Norm()) -> tf.Tensor:
    """Convolves and doubles pooled boxes (Mask R-CNN, figure 4; `mask_rcnn_heads.py`).

    Args:
        x: [R, P, P, C] Keras tensor.
        options: `RoIHeads`, of which the mask head's count.
        norm: `Norm` of its norms, where it has some.

    Returns:
        [R, 2P, 2P, mask_dim].
    """
    for number in range(1, options.mask_convolutions + 1):
        x = convolved_mask(x, f"conv{number}", options, norm)
    return doubled(x, options.mask_dim)


# How often the hourglass halves a box's features: from 16 cells a side to 2.
_HOURGLASS_DEPTH = 3


def hourglass_mask_head(
    x: tf.Tensor, options: RoIHeads = RoIHeads(), norm: Norm = Norm()
) -> tf.Tensor:
    """Makes features of masks by one hourglass of plain units, which sees the whole box.

    Deep-MAC (Birodkar et al. 2021) found that such heads draw masks of classes that they never
    learnt any of far better than a few convolutions do, if they learn in the objects' own boxes
    (`task.sampling.use_gt_boxes_for_masks`). The hourglass is that of the pyramid networks'
    plain twin; its norms are group norms, as each box is one of few.

    Args:
        x: [R, P, P, C] Keras tensor, P a multiple of 8.
        options: `RoIHeads`, of which `mask_dim` counts.
        norm: `Norm`, of which the groups count.

    Returns:
        [R, 2P, 2P, mask_dim].
    """
    norm = dataclasses.replace(norm, kind="group")
    plain = PyramidModule(pyramid=False)
    parts = Hourglass(options.mask_dim, 1, plain, "branch_aware", norm)
    x = parts.residual(x, options.mask_dim, "mask_in", preact=False)
    x = parts.hourglass(x, _HOURGLASS_DEPTH, "mask_hourglass")
    return doubled(parts.norm(x, "mask_hourglass_norm"), options.mask_dim)


def convolved_mask(
    x: tf.Tensor, name: str, options: RoIHeads, norm: Norm, *, channels: int | None = None
) -> tf.Tensor:
    """The 3x3 convolution `mask_NAME`, its norm and a ReLU: [R, P, P, channels or mask_dim]."""
    return convolve_as(
        x,
        channels or options.mask_dim,
        3,
        name=f"mask_{name}",
        normalization=options.normalization,
        norm=norm,
        initializer=fan_out_normal(),
        relu=True,
    )


def flat_channels(x: tf.Tensor, name: str) -> tf.Tensor:
    """[R, P, P, D] as [R, D P P], channel after channel, as in Detectron's weights."""
    x = tf_keras.layers.Permute((3, 1, 2), name=f"{name}_channels")(x)
    return tf_keras.layers.Flatten(name=f"{name}_flatten")(x)


def doubled(x: tf.Tensor, channels: int) -> tf.Tensor:
    """The deconvolution `mask_deconv` of 2x2 with stride 2, and a ReLU: [R, 2P, 2P, channels]."""
    return tf_keras.layers.Conv2DTranspose(
        channels,
        2,
        strides=2,
        activation="relu",
        kernel_initializer=fan_out_normal(),
        name="mask_deconv",
    )(x)


# Units of the hidden layers of `mask_mlp`, and the deviation of its last one (Detectron's keys).
_MLP_UNITS, _MLP_DEVIATION = 1024, 0.001


def mask_mlp(shape: tuple, layers: int) -> tf_keras.Model:
    """Builds dense layers from all features of a mask to one mask for all classes.

    The branch that MaskX R-CNN adds to the predicted masks (Hu et al. 2018, section 3.4).

    Args:
        shape: (P, P, D) of the features.
        layers: 1, 2 or 3; those before the last have 1024 units and a ReLU.

    Returns:
        A Keras model [R, P, P, D] to [R, P, P].
    """
    features = tf_keras.Input(shape, name="mlp_features")
    x = flat_channels(features, "mask_mlp")
    for number in range(1, layers):
        x = tf_keras.layers.Dense(
            _MLP_UNITS,
            activation="relu",
            kernel_initializer=fan_out_normal(),
            name=f"mask_mlp_fc{number}",
        )(x)
    draw = tf_keras.initializers.RandomNormal(stddev=_MLP_DEVIATION)
    cells = shape[0] * shape[1]
    x = tf_keras.layers.Dense(cells, kernel_initializer=draw, dtype="float32", name="mask_mlp_out")(
        x
    )
    x = tf_keras.layers.Reshape(shape[:2], name="mask_mlp_mask")(x)
    return tf_keras.Model(features, x, name="mask_mlp")


@tf_keras.utils.register_keras_serializable("lfp_tf")
class ClassMasks(tf_keras.layers.Layer):
    """The 1x1 convolution to a mask for each class, of which each box gets its own class' alone.

    Args:
        classes: K, or 1 for one mask that serves all classes.
    """

    def __init__(self, classes, **kwargs):
        super().__init__(**kwargs)
        self.classes = classes

    def build(self, input_shape: list) -> None:
        """Makes the kernel [1, 1, D, K] and the bias [K]."""
        is_agnostic = self.classes == 1
        draw = tf_keras.initializers.RandomNormal(stddev=_AGNOSTIC_DEVIATION)
        channels = input_shape[0][-1]
        self.kernel = self.add_weight(
            "kernel",
            [1, 1, channels, self.classes],
            initializer=draw if is_agnostic else fan_out_normal(),
        )
        self.bias = self.add_weight("bias", [self.classes], initializer="zeros")
        super().build(input_shape)

    def call(self, inputs: list) -> tf.Tensor:
        """Takes features [R, P, P, D] and labels [R] int32; gives logits [R, P, P]."""
        features, labels = inputs
        kernels = tf.transpose(self.kernel[0, 0])
        return masks_of_labels(features, kernels, labels, self.bias)

    def get_config(self) -> dict[str, Any]:
        """The arguments, for saving."""
        return super().get_config() | {"classes": self.classes}


def masks_of_labels(
    features: tf.Tensor, kernels: tf.Tensor, labels: tf.Tensor, bias: tf.Tensor | None = None
) -> tf.Tensor:
    """The mask of each box for its label, without those of the other classes.

    Args:
        features: [R, P, P, D].
        kernels: [K, D], or [1, D] for one mask that serves all labels.
        labels: int32 [R].
        bias: [K] or [1]; None adds nothing.

    Returns:
        [R, P, P] logits, float32.
    """
    places = tf.zeros_like(labels) if kernels.shape[0] == 1 else labels
    own = tf.cast(tf.gather(kernels, places), features.dtype)
    logits = tf.cast(tf.einsum("rhwd,rd->rhw", features, own), tf.float32)
    if bias is None:
        return logits
    # As a table of rows, like the kernels, so that its gradient is one tensor.
    own = tf.gather(tf.reshape(bias, [-1, 1]), places)
    return logits + tf.cast(own, tf.float32)[..., None]
