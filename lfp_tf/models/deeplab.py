"""DeepLab v1 to v3+ on the Caffe form of the ResNet (`kazuto1011/deeplab-pytorch`).

Each is a plain network; with `scales` the multi-scale wrapper of DeepLab v2 stands around it.
"""

import dataclasses

import tf_keras

from lfp_tf.backbones.catalog import backbone_features
from lfp_tf.layers.aspp import atrous_classifiers, atrous_features
from lfp_tf.layers.blocks import conv_norm_relu
from lfp_tf.layers.initializers import bias_uniform, fan_in_uniform
from lfp_tf.layers.scaling import ResizeLike
from lfp_tf.models.multi_scale import multi_scale
from lfp_tf.options import Norm, PyramidResNet, ResNet, Scales

# ASPP rates of v3 and v3+ by output stride (the reference's factory).
V3_RATES = {16: (6, 12, 18), 8: (12, 24, 36)}
_ANY_SIZE = (None, None, 3)
_CAFFE = ResNet(depth=101, stem="plain", stride_in="1x1", pool_rounding="ceil")
_CAFFE_V3 = dataclasses.replace(_CAFFE, output_stride=16, multi_grids=(1, 2, 4))
_NORM = Norm(decay=0.999, epsilon=1e-5, frozen=True)


def deeplabv1(
    *,
    classes: int,
    backbone: ResNet | PyramidResNet = _CAFFE,
    scales: Scales = Scales(),
    norm: Norm = _NORM,
    input_shape: tuple = _ANY_SIZE,
) -> tf_keras.Model:
    """The trunk and a 1x1 classifier `fc`: how the COCO weights are published.

    Arguments and result are those of `deeplabv2`.
    """

    def head(x, _):
        return _classifier(x, classes, "fc")

    return _network("deeplabv1", head, backbone, scales, norm, input_shape)


def deeplabv2(
    *,
    classes: int,
    rates: tuple = (6, 12, 18, 24),
    backbone: ResNet | PyramidResNet = _CAFFE,
    scales: Scales = Scales(),
    norm: Norm = _NORM,
    input_shape: tuple = _ANY_SIZE,
) -> tf_keras.Model:
    """DeepLab v2: the sum of dilated 3x3 classifiers at stride 8 (Chen et al. 2017).

    Args:
        classes: number of classes.
        rates: dilations of the classifiers; 3, 6, 9, 12 is the variant of a small field.
        backbone: `ResNet` or `PyramidResNet`.
        scales: `Scales` of the wrapper.
        norm: `Norm`.
        input_shape: (height, width, 3), None where any size may come.

    Returns:
        A Keras model: preprocessed images [B, H, W, 3] to {"logits": [B, h, w, classes]}, and
        with `scales` the logits of each scale (see `multi_scale`); float32.
    """

    def head(x, _):
        return atrous_classifiers(x, classes=classes, rates=rates)

    return _network("deeplabv2", head, backbone, scales, norm, input_shape)


def deeplabv3(
    *,
    classes: int,
    rates: tuple = (),
    backbone: ResNet | PyramidResNet = _CAFFE_V3,
    scales: Scales = Scales(),
    norm: Norm = _NORM,
    decoder: bool = False,
    input_shape: tuple = _ANY_SIZE,
) -> tf_keras.Model:
    """DeepLab v3, and with `decoder` v3+, whose logits have the image's size.

    Args:
        classes: number of classes.
        rates: of the module; none takes those of the backbone's output stride.
        backbone: `ResNet` or `PyramidResNet` of output stride 16 or 8.
        scales, norm, input_shape: as in `deeplabv2`.
        decoder: whether the features of stage 1 are joined in.

    Raises:
        ValueError: another output stride.
    """
    if backbone.output_stride not in V3_RATES:
        raise ValueError(f"output_stride is {backbone.output_stride}, but must be 16 or 8.")
    rates = tuple(rates) or V3_RATES[backbone.output_stride]
    channels = round(256 * backbone.width)

    def head(x, taps):
        x = atrous_features(x, rates=rates, channels=channels, norm=norm)
        x = conv_norm_relu(x, channels, 1, name="fc1", norm=norm)
        if not decoder:
            return _classifier(x, classes, "fc2")
        low = conv_norm_relu(taps["stage1"], channels * 3 // 16, 1, name="reduce", norm=norm)
        x = ResizeLike("half_pixel", name="fc1_resize")([x, low])
        x = tf_keras.layers.Concatenate(name="fc2_join")([x, low])
        for number in (1, 2):
            x = conv_norm_relu(x, channels, 3, name="fc2", norm=norm, number=number)
        x = _classifier(x, classes, "fc2_conv3")
        return ResizeLike("half_pixel", name="fc2_resize")([x, taps["images"]])

    name = "deeplabv3plus" if decoder else "deeplabv3"
    return _network(name, head, backbone, scales, norm, input_shape)


def deeplabv3plus(
    *,
    classes: int,
    rates: tuple = (),
    backbone: ResNet | PyramidResNet = _CAFFE_V3,
    scales: Scales = Scales(),
    norm: Norm = _NORM,
    input_shape: tuple = _ANY_SIZE,
) -> tf_keras.Model:
    """DeepLab v3+: `deeplabv3` with its decoder."""
    return deeplabv3(
        classes=classes,
        rates=rates,
        backbone=backbone,
        scales=scales,
        norm=norm,
        decoder=True,
        input_shape=input_shape,
    )


def _network(name, head, backbone, scales, norm, input_shape):
    """Trunk, head and wrapper; `head` makes logits of the last map and all maps with the images."""
    # Scales bring their own sizes, so the network inside takes any.
    images = tf_keras.Input(_ANY_SIZE if scales.factors else input_shape, name="images")
    taps = backbone_features(images, backbone, norm)
    logits = head(taps[backbone.TAPS[1]], taps | {"images": images})
    logits = tf_keras.layers.Activation("linear", dtype="float32", name="logits")(logits)
    network = tf_keras.Model(images, {"logits": logits}, name=name)
    return multi_scale(network, scales, input_shape=input_shape)


def _classifier(x, classes, name):
    return tf_keras.layers.Conv2D(
        classes,
        1,
        kernel_initializer=fan_in_uniform(),
        bias_initializer=bias_uniform(x.shape[-1]),
        name=name,
    )(x)
