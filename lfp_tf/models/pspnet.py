"""PSPNet: a dilated backbone, pyramid pooling and two classifiers (Zhao et al. 2017)."""

import tf_keras

from lfp_tf.backbones.mobilenet import mobilenet_v2_features
from lfp_tf.backbones.pyramid_resnet import pyramid_resnet_features
from lfp_tf.backbones.resnet import resnet_features
from lfp_tf.heads.segmentation import ZoomLogits, segmentation_head
from lfp_tf.layers.pyramid_pooling import PyramidPooling


def pspnet(
    *,
    classes,
    backbone="resnet",
    pyramid=True,
    depth=50,
    stem="deep",
    stride_in="3x3",
    padding="symmetric",
    pool_rounding="floor",
    use_ppm=True,
    bins=(1, 2, 3, 6),
    pooling="adaptive",
    pool_windows=(),
    concat="ascending",
    zoom_factor=8,
    aux_head=True,
    dropout=0.1,
    dropout_kind="channel",
    bn_decay=None,
    bn_eps=None,
    bn_unbiased=True,
    bn_synchronized=True,
    bn_frozen=False,
    width=1.0,
    input_shape=(None, None, 3),
):
    """Builds PSPNet; the defaults are those of `hszhao/semseg model/pspnet.py`.

    Args:
        classes: number of classes.
        backbone: `resnet`, `pyramid_resnet` (see `pyramid_resnet_features`), or `mobilenet_v2`
            (ours; the pyramid stands on its 320 channels).
        pyramid: of the `pyramid_resnet`: whether its blocks have pyramids.
        depth: of the ResNet: 18, 34, 50, 101 or 152; the last three for `pyramid_resnet`.
        stem, stride_in, padding, pool_rounding: of the `resnet`, see `resnet_features`.
        use_ppm: whether there is a pyramid.
        bins, pooling, pool_windows, concat: of the pyramid, see `PyramidPooling`.
        zoom_factor: size of the logits: 8 as the image, 4, 2, or 1 as the map.
        aux_head: whether a second classifier stands on the last stage but one.
        dropout, dropout_kind: before the classifiers, see `SampleDropout`.
        bn_decay, bn_eps: None takes the backbone's own: 0.9 and 1e-5, `pyramid_resnet` 0.9 and
            1.001e-5, MobileNetV2 0.999 and 1e-3.
        bn_unbiased, bn_synchronized, bn_frozen: see `BatchNorm`.
        width: multiplies all widths; for quick tests.
        input_shape: (height, width, 3), None where any size may come.

    Returns:
        A Keras model: preprocessed images [B, H, W, 3] to {"logits": [B, h, w, classes]} and,
        with `aux_head`, "aux_logits" of the same shape; float32.

    Raises:
        ValueError: a value outside its choices.
    """
    norm = {"unbiased": bn_unbiased, "synchronized": bn_synchronized, "frozen": bn_frozen}
    norm |= {"decay": bn_decay} if bn_decay is not None else {}
    norm |= {"epsilon": bn_eps} if bn_eps is not None else {}
    images = tf_keras.Input(input_shape, name="images")
    if backbone == "resnet":
        taps = resnet_features(
            images,
            depth=depth,
            stem=stem,
            stride_in=stride_in,
            padding=padding,
            pool_rounding=pool_rounding,
            width=width,
            norm=norm,
        )
        x, middle = taps["stage4"], taps["stage3"]
    elif backbone == "pyramid_resnet":
        taps = pyramid_resnet_features(
            images, depth=depth, pyramid=pyramid, output_stride=8, width=width, norm=norm
        )
        x, middle = taps["stage4"], taps["stage3"]
    elif backbone == "mobilenet_v2":
        taps = mobilenet_v2_features(images, width=width, norm=norm)
        x, middle = taps["stage7"], taps["stage5"]
    else:
        raise ValueError(
            f'backbone is "{backbone}", but must be "resnet", "pyramid_resnet" or "mobilenet_v2".'
        )
    channels = x.shape[-1]
    if use_ppm:
        x = PyramidPooling(
            bins=bins,
            pooling=pooling,
            pool_windows=pool_windows,
            concat=concat,
            norm=norm,
            name="pyramid",
        )(x)
    head = {"classes": classes, "dropout": dropout, "dropout_kind": dropout_kind, "norm": norm}
    logits = segmentation_head(x, channels=channels // 4, name="cls", **head)
    outputs = {"logits": ZoomLogits(zoom_factor, name="zoom")([logits, images])}
    if aux_head:
        aux = segmentation_head(middle, channels=middle.shape[-1] // 4, name="aux", salt=1, **head)
        outputs["aux_logits"] = ZoomLogits(zoom_factor, name="aux_zoom")([aux, images])
    return tf_keras.Model(images, outputs, name="pspnet")
