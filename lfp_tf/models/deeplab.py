"""DeepLab v1 to v3+ on the Caffe form of the ResNet (`kazuto1011/deeplab-pytorch`).

Each is a plain network; `scales` puts the multi-scale wrapper of DeepLab v2 around it.
"""

import tf_keras

from lfp_tf.backbones.pyramid_resnet import pyramid_resnet_features
from lfp_tf.backbones.resnet import resnet_features
from lfp_tf.layers.aspp import atrous_classifiers, atrous_features
from lfp_tf.layers.batch_norm import norm_arguments
from lfp_tf.layers.blocks import convolve, normalize
from lfp_tf.layers.initializers import bias_uniform, fan_in_uniform
from lfp_tf.layers.scaling import ResizeLike
from lfp_tf.models.multi_scale import multi_scale

# ASPP rates of v3 and v3+ by output stride (the reference's factory).
V3_RATES = {16: (6, 12, 18), 8: (12, 24, 36)}


def deeplabv2(*, classes, rates=(6, 12, 18, 24), **arguments):
    """DeepLab v2: the sum of dilated 3x3 classifiers at stride 8.

    Args:
        classes: number of classes.
        rates: dilations of the classifiers; 3, 6, 9, 12 is the variant of a small field.
        arguments: those of `_network`.

    Returns:
        A Keras model: preprocessed images [B, H, W, 3] to {"logits": [B, h, w, classes]}, and
        with `scales` the logits of each scale (see `multi_scale`); float32.

    Raises:
        ValueError: a value outside its choices.
    """

    def head(x, _, __):
        return atrous_classifiers(x, classes=classes, rates=rates)

    return _network("deeplabv2", head, **arguments)


def deeplabv1(*, classes, **arguments):
    """The trunk and a 1x1 classifier `fc`: how the COCO weights are published."""

    def head(x, _, __):
        return _classifier(x, classes, "fc")

    return _network("deeplabv1", head, **arguments)


def deeplabv3(
    *, classes, output_stride=16, rates=(), multi_grids=(1, 2, 4), decoder=False, **arguments
):
    """DeepLab v3, and with `decoder` v3+, whose logits have the image's size.

    Args:
        classes: number of classes.
        output_stride: 16 or 8.
        rates: of the module; none takes those of the stride.
        multi_grids: factors of the last stage's dilations, one a block.
        decoder: whether the features of stage 1 are joined in.
        arguments: those of `_network`.

    Raises:
        ValueError: a value outside its choices.
    """
    if output_stride not in V3_RATES:
        raise ValueError(f"output_stride is {output_stride}, but must be 16 or 8.")
    rates = tuple(rates) or V3_RATES[output_stride]
    channels = round(256 * arguments.get("width", 1.0))

    def unit(x, kernel, name, norm_name, norm, filters=channels):
        x = convolve(x, filters, kernel, initializer=fan_in_uniform(), name=name)
        return normalize(x, name=norm_name, norm=norm)

    def head(x, taps, norm):
        x = atrous_features(x, rates=rates, channels=channels, norm=norm)
        x = unit(x, 1, "fc1_conv", "fc1_bn", norm)
        if not decoder:
            return _classifier(x, classes, "fc2")
        low = unit(taps["stage1"], 1, "reduce_conv", "reduce_bn", norm, channels * 3 // 16)
        x = ResizeLike("half_pixel", name="fc1_resize")([x, low])
        x = tf_keras.layers.Concatenate(name="fc2_join")([x, low])
        for number in (1, 2):
            x = unit(x, 3, f"fc2_conv{number}", f"fc2_bn{number}", norm)
        x = _classifier(x, classes, "fc2_conv3")
        return ResizeLike("half_pixel", name="fc2_resize")([x, taps["images"]])

    return _network(
        "deeplabv3plus" if decoder else "deeplabv3",
        head,
        output_stride=output_stride,
        multi_grids=multi_grids,
        **arguments,
    )


def deeplabv3plus(**arguments):
    """DeepLab v3+: `deeplabv3` with its decoder."""
    return deeplabv3(decoder=True, **arguments)


def _network(
    name,
    head,
    *,
    backbone="resnet",
    pyramid=True,
    depth=101,
    blocks=(),
    stem="plain",
    stride_in="1x1",
    padding="symmetric",
    pool_rounding="ceil",
    output_stride=8,
    multi_grids=(),
    scales=(),
    scale_resize="ratio",
    bn_decay=0.999,
    bn_eps=1e-5,
    bn_unbiased=True,
    bn_synchronized=True,
    bn_frozen=True,
    width=1.0,
    input_shape=(None, None, 3),
):
    """Trunk, head and wrapper.

    Args:
        name: of the model.
        head: from (last map, all maps and the images, arguments of `BatchNorm`) to logits.
        backbone: `resnet` or `pyramid_resnet`.
        pyramid: of the `pyramid_resnet`: whether its blocks have pyramids.
        depth, blocks, stem, stride_in, padding, pool_rounding: of the ResNet, see
            `resnet_features`; the defaults are Caffe's. A `pyramid_resnet` has the first two.
        output_stride, multi_grids: likewise.
        scales, scale_resize: of `multi_scale`.
        bn_decay, bn_eps, bn_unbiased, bn_synchronized, bn_frozen: see `BatchNorm`.
        width: multiplies all widths; for quick tests.
        input_shape: (height, width, 3), None where any size may come.
    """
    norm = norm_arguments(bn_decay, bn_eps, bn_unbiased, bn_synchronized, bn_frozen)
    # Scales bring their own sizes, so the network inside takes any.
    images = tf_keras.Input((None, None, 3) if scales else input_shape, name="images")
    arguments = {
        "depth": depth,
        "blocks": blocks,
        "output_stride": output_stride,
        "multi_grids": multi_grids,
        "width": width,
        "norm": norm,
    }
    if backbone == "pyramid_resnet":
        taps = pyramid_resnet_features(images, pyramid=pyramid, **arguments)
    elif backbone == "resnet":
        taps = resnet_features(
            images,
            stem=stem,
            stride_in=stride_in,
            padding=padding,
            pool_rounding=pool_rounding,
            **arguments,
        )
    else:
        raise ValueError(f'backbone is "{backbone}", but must be "resnet" or "pyramid_resnet".')
    logits = head(taps["stage4"], taps | {"images": images}, norm)
    logits = tf_keras.layers.Activation("linear", dtype="float32", name="logits")(logits)
    network = tf_keras.Model(images, {"logits": logits}, name=name)
    return multi_scale(network, scales=scales, resize=scale_resize, input_shape=input_shape)


def _classifier(x, classes, name):
    return tf_keras.layers.Conv2D(
        classes,
        1,
        kernel_initializer=fan_in_uniform(),
        bias_initializer=bias_uniform(x.shape[-1]),
        name=name,
    )(x)
