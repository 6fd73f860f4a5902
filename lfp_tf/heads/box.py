"""The box head: from a pooled box to the scores of all classes and better corners."""

import dataclasses

import tensorflow as tf
import tf_keras

from lfp_tf.layers.blocks import convolve_as, norm_layer
from lfp_tf.layers.initializers import fan_out_normal, xavier_fill
from lfp_tf.options import Norm, RoIHeads

_CONVOLUTIONS = 4
# Detectron's GaussianFills.
_CLASS_DEVIATION, _DELTA_DEVIATION = 0.01, 0.001


def box_head(x: tf.Tensor, options: RoIHeads = RoIHeads(), norm: Norm = Norm()) -> tf.Tensor:
    """Makes vectors of pooled boxes (Detectron's `fast_rcnn_heads.py`).

    Args:
        x: [R, P, P, C] Keras tensor.
        options: `RoIHeads`, of which `box_head` and its widths count.
        norm: `Norm` of its norms, where it has some.

    Returns:
        [R, box_dim].
    """
    if options.box_head == "2fc_norm":
        for number in (1, 2):
            x = dense_box(x, f"fc{number}", options, norm)
        return x
    if options.box_head == "4conv1fc":
        for number in range(1, _CONVOLUTIONS + 1):
            x = convolved_box(x, f"conv{number}", options, norm)
    x = tf_keras.layers.Flatten(name="box_flatten")(x)
    for number in range(1, 2 if options.box_head == "4conv1fc" else 3):
        x = tf_keras.layers.Dense(
            options.box_dim,
            activation="relu",
            kernel_initializer=xavier_fill(),
            name=f"box_fc{number}",
        )(x)
    return x


def convolved_box(x: tf.Tensor, name: str, options: RoIHeads, norm: Norm) -> tf.Tensor:
    """The 3x3 convolution `box_NAME`, its norm and a ReLU: [R, P, P, box_conv_dim]."""
    return convolve_as(
        x,
        options.box_conv_dim,
        3,
        name=f"box_{name}",
        normalization=options.normalization,
        norm=norm,
        initializer=fan_out_normal(),
        relu=True,
    )


def dense_box(x: tf.Tensor, name: str, options: RoIHeads, norm: Norm) -> tf.Tensor:
    """The dense layer `box_NAME` with a bias, its norm and a ReLU: [R, box_dim].

    Args:
        x: [R, P, P, C] or [R, D] Keras tensor.
        name: of the layer.
        options: `RoIHeads`, of which `box_dim` and the norm count.
        norm: `Norm` of the norm, where there is one.
    """
    if len(x.shape) == 4:
        x = tf_keras.layers.Flatten(name=f"box_{name}_flatten")(x)
    dense = tf_keras.layers.Dense(
        options.box_dim, kernel_initializer=xavier_fill(), name=f"box_{name}"
    )
    x = dense(x)
    if options.normalization != "none":
        group = dataclasses.replace(norm, kind="group")
        x = norm_layer(group, name=f"box_{name}_norm")(x)
    return tf_keras.layers.ReLU(name=f"box_{name}_relu")(x)


def box_outputs(
    x: tf.Tensor, *, classes: int, class_agnostic: bool = False
) -> dict[str, tf.Tensor]:
    """Scores classes and moves corners (Fast R-CNN; Detectron's `fast_rcnn_heads.py`).

    Args:
        x: [R, D] Keras tensor.
        classes: K, with background as 0.
        class_agnostic: whether all classes share their deltas, which stand in the second group of
            four.

    Returns:
        {"class_logits": [R, K], "deltas": [R, 4K] or [R, 8], class after class}; float32.
    """
    groups = 2 if class_agnostic else classes
    return {
        "class_logits": _dense(classes, _CLASS_DEVIATION, "box_classes")(x),
        "deltas": _dense(4 * groups, _DELTA_DEVIATION, "box_deltas")(x),
    }


def _dense(units, deviation, name):
    initializer = tf_keras.initializers.RandomNormal(stddev=deviation)
    return tf_keras.layers.Dense(units, kernel_initializer=initializer, dtype="float32", name=name)
