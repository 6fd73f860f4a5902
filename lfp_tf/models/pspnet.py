"""PSPNet: a dilated backbone, pyramid pooling and two classifiers (Zhao et al. 2017)."""

import tf_keras

from lfp_tf.backbones.catalog import backbone_features
from lfp_tf.heads.segmentation import ZoomLogits, segmentation_head
from lfp_tf.layers.pyramid_pooling import PyramidPooling
from lfp_tf.options import Backbone, Head, Norm, PoolingPyramid, ResNet


def pspnet(
    *,
    classes: int,
    backbone: Backbone = ResNet(),
    pyramid: PoolingPyramid = PoolingPyramid(),
    head: Head = Head(),
    norm: Norm = Norm(),
    input_shape: tuple = (None, None, 3),
) -> tf_keras.Model:
    """Builds PSPNet; the defaults are those of `hszhao/semseg model/pspnet.py`.

    Args:
        classes: number of classes.
        backbone: `ResNet`, `PyramidResNet` or `MobileNetV2` (ours; the pyramid stands on its 320
            channels).
        pyramid: `PoolingPyramid`.
        head: `Head`, for both classifiers.
        norm: `Norm`; values that it leaves to the network are the backbone's own there, 0.9 and
            1e-5 behind it.
        input_shape: (height, width, 3), None where any size may come.

    Returns:
        A Keras model: preprocessed images [B, H, W, 3] to {"logits": [B, h, w, classes]} and, with
        `head.aux_head`, "aux_logits" of the same shape; float32.
    """
    images = tf_keras.Input(input_shape, name="images")
    taps = backbone_features(images, backbone, norm)
    middle, x = (taps[name] for name in backbone.TAPS)
    channels = x.shape[-1]
    if pyramid.use_ppm:
        x = PyramidPooling(
            bins=pyramid.bins,
            pooling=pyramid.pooling,
            pool_windows=pyramid.pool_windows,
            concat=pyramid.concat,
            norm=norm,
            name="pyramid",
        )(x)
    shared = {"classes": classes, "options": head, "norm": norm}
    logits = segmentation_head(x, channels=channels // 4, name="cls", **shared)
    outputs = {"logits": ZoomLogits(head.zoom_factor, name="zoom")([logits, images])}
    if head.aux_head:
        channels = middle.shape[-1] // 4
        aux = segmentation_head(middle, channels=channels, name="aux", salt=1, **shared)
        outputs["aux_logits"] = ZoomLogits(head.zoom_factor, name="aux_zoom")([aux, images])
    return tf_keras.Model(images, outputs, name="pspnet")
