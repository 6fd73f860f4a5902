"""The networks of Learning Feature Pyramids on pyramid ResNets: ImageNet and PASCAL VOC."""

import tensorflow as tf
import tf_keras

from lfp_tf.backbones.pyramid_resnet import pyramid_resnet_features
from lfp_tf.layers.aspp import atrous_classifiers
from lfp_tf.layers.initializers import ContribFanIn
from lfp_tf.models.multi_scale import multi_scale
from lfp_tf.options import Norm, PyramidResNet, Scales

HEADS = ("aspp", "conv102")


def lfp_classifier(
    *,
    classes: int = 1000,
    backbone: PyramidResNet = PyramidResNet(output_stride=32),
    norm: Norm = Norm(synchronized=False),
    input_shape: tuple = (None, None, 3),
) -> tf_keras.Model:
    """Pyramid ResNet with stride 32, the mean over the map and a linear classifier `fc`.

    Args:
        classes: number of classes.
        backbone: `PyramidResNet`.
        norm: `Norm`; the original's statistics are those of each replica.
        input_shape: (height, width, 3), None where any size from 33 pixels may come.

    Returns:
        A Keras model: preprocessed images [B, H, W, 3] to {"logits": [B, classes]}; float32.

    Raises:
        ValueError: an image too small for the pyramid.
    """
    images = tf_keras.Input(input_shape, name="images")
    x = pyramid_resnet_features(images, backbone, norm)["stage4"]
    return tf_keras.Model(images, {"logits": linear_head(x, classes)}, name="lfp_classifier")


def lfp_segmentation(
    *,
    classes: int = 21,
    backbone: PyramidResNet = PyramidResNet(depth=101, dilated_bias=True),
    head: str = "aspp",
    rates: tuple = (6, 12, 18, 24),
    scales: Scales = Scales((0.75, 0.5), "legacy"),
    norm: Norm = Norm(frozen=True),
    input_shape: tuple = (None, None, 3),
) -> tf_keras.Model:
    """The VOC network: dilated pyramid ResNet at stride 8, a sum of dilated classifiers, scales.

    Args:
        classes: number of classes.
        backbone: `PyramidResNet`.
        head: `aspp`, or `conv102`: one 1x1 classifier without bias (COCO pretraining).
        rates: dilations of `aspp`.
        scales: `Scales`; none is the network of one scale.
        norm: `Norm`; the original never moves its running values.
        input_shape: (height, width, 3), None where any size may come.

    Returns:
        A Keras model: preprocessed images [B, H, W, 3] to {"logits": [B, h, w, classes]}, and
        with scales the logits of each scale (see `multi_scale`); float32.

    Raises:
        ValueError: an unknown head.
    """
    # Scales bring their own sizes, so the network inside takes any.
    images = tf_keras.Input((None, None, 3) if scales.factors else input_shape, name="images")
    x = pyramid_resnet_features(images, backbone, norm)["stage4"]
    logits = dense_head(x, classes, head=head, rates=rates)
    network = tf_keras.Model(images, {"logits": logits}, name="lfp_segmentation")
    return multi_scale(network, scales, input_shape=input_shape)


def linear_head(x: tf.Tensor, classes: int) -> tf.Tensor:
    """The mean over a map [B, H, W, C] and the classifier `fc`: [B, classes], float32."""
    x = tf_keras.layers.GlobalAveragePooling2D(name="mean")(x)
    return tf_keras.layers.Dense(
        classes, kernel_initializer=ContribFanIn(), dtype="float32", name="fc"
    )(x)


def dense_head(
    x: tf.Tensor, classes: int, *, head: str = "aspp", rates: tuple = (6, 12, 18, 24)
) -> tf.Tensor:
    """Logits [B, h, w, classes] of a map, float32; `head` and `rates` as in `lfp_segmentation`."""
    if head not in HEADS:
        raise ValueError(f'head is "{head}", but must be "aspp" or "conv102".')
    if head == "aspp":
        x = atrous_classifiers(x, classes=classes, rates=rates, initializer=ContribFanIn())
    else:
        x = tf_keras.layers.Conv2D(
            classes, 1, use_bias=False, kernel_initializer=ContribFanIn(), name="fc"
        )(x)
    return tf_keras.layers.Activation("linear", dtype="float32", name="logits")(x)
