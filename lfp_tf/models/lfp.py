"""The networks of Learning Feature Pyramids on pyramid ResNets: ImageNet and PASCAL VOC."""

import tf_keras

from lfp_tf.backbones.pyramid_resnet import pyramid_resnet_features
from lfp_tf.layers.aspp import atrous_classifiers
from lfp_tf.layers.batch_norm import norm_arguments
from lfp_tf.layers.initializers import ContribFanIn
from lfp_tf.models.multi_scale import multi_scale

HEADS = ("aspp", "conv102")


def lfp_classifier(
    *,
    classes=1000,
    bn_decay=0.9,
    bn_eps=1.001e-5,
    bn_unbiased=True,
    bn_synchronized=False,
    bn_frozen=False,
    input_shape=(None, None, 3),
    **arguments,
):
    """Pyramid ResNet with stride 32, the mean over the map and a linear classifier `fc`.

    Args:
        classes: number of classes.
        bn_decay, bn_eps, bn_unbiased, bn_synchronized, bn_frozen: see `BatchNorm`; the original's
            statistics are those of each replica.
        input_shape: (height, width, 3), None where any size from 33 pixels may come.
        arguments: further ones of `pyramid_resnet_features`: depth, blocks, pyramid, width.

    Returns:
        A Keras model: preprocessed images [B, H, W, 3] to {"logits": [B, classes]}; float32.

    Raises:
        ValueError: a value outside its choices, an image too small for the pyramid.
    """
    norm = norm_arguments(bn_decay, bn_eps, bn_unbiased, bn_synchronized, bn_frozen)
    images = tf_keras.Input(input_shape, name="images")
    maps = pyramid_resnet_features(images, output_stride=32, norm=norm, **arguments)
    return tf_keras.Model(
        images, {"logits": linear_head(maps["stage4"], classes)}, name="lfp_classifier"
    )


def lfp_segmentation(
    *,
    classes=21,
    depth=101,
    blocks=(),
    pyramid=True,
    dilated_bias=True,
    head="aspp",
    rates=(6, 12, 18, 24),
    scales=(0.75, 0.5),
    scale_resize="legacy",
    bn_decay=0.9,
    bn_eps=1.001e-5,
    bn_unbiased=True,
    bn_synchronized=True,
    bn_frozen=True,
    width=1.0,
    input_shape=(None, None, 3),
):
    """The VOC network: dilated pyramid ResNet at stride 8, a sum of dilated classifiers, scales.

    Args:
        classes: number of classes.
        depth, blocks, pyramid, dilated_bias, width: see `pyramid_resnet_features`.
        head: `aspp`, or `conv102`: one 1x1 classifier without bias (COCO pretraining).
        rates: dilations of `aspp`.
        scales, scale_resize: of `multi_scale`; none is the network of one scale.
        bn_decay, bn_eps, bn_unbiased, bn_synchronized, bn_frozen: see `BatchNorm`; the original
            never moves its running values.
        input_shape: (height, width, 3), None where any size may come.

    Returns:
        A Keras model: preprocessed images [B, H, W, 3] to {"logits": [B, h, w, classes]}, and
        with `scales` the logits of each scale (see `multi_scale`); float32.

    Raises:
        ValueError: a value outside its choices.
    """
    # Scales bring their own sizes, so the network inside takes any.
    images = tf_keras.Input((None, None, 3) if scales else input_shape, name="images")
    maps = pyramid_resnet_features(
        images,
        depth=depth,
        blocks=blocks,
        pyramid=pyramid,
        output_stride=8,
        dilated_bias=dilated_bias,
        width=width,
        norm=norm_arguments(bn_decay, bn_eps, bn_unbiased, bn_synchronized, bn_frozen),
    )
    logits = dense_head(maps["stage4"], classes, head=head, rates=rates)
    network = tf_keras.Model(images, {"logits": logits}, name="lfp_segmentation")
    return multi_scale(network, scales=scales, resize=scale_resize, input_shape=input_shape)


def linear_head(x, classes):
    """The mean over a map [B, H, W, C] and the classifier `fc`: [B, classes], float32."""
    x = tf_keras.layers.GlobalAveragePooling2D(name="mean")(x)
    return tf_keras.layers.Dense(
        classes, kernel_initializer=ContribFanIn(), dtype="float32", name="fc"
    )(x)


def dense_head(x, classes, *, head="aspp", rates=(6, 12, 18, 24)):
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
