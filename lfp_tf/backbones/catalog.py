"""Backbones by their options."""

import tensorflow as tf
import tf_keras

from lfp_tf.backbones.mobilenet import mobilenet_v2_features
from lfp_tf.backbones.pyramid_resnet import pyramid_resnet_features
from lfp_tf.backbones.resnet import resnet_features
from lfp_tf.options import Backbone, MobileNetV2, Norm, PyramidResNet, ResNet

_FEATURES = {
    ResNet: resnet_features,
    PyramidResNet: pyramid_resnet_features,
    MobileNetV2: mobilenet_v2_features,
}


def backbone_features(
    images: tf.Tensor, options: Backbone, norm: Norm = Norm()
) -> dict[str, tf.Tensor]:
    """Builds the feature maps of any backbone.

    Args:
        images: [B, H, W, 3] Keras tensor, preprocessed.
        options: `ResNet`, `PyramidResNet` or `MobileNetV2`; its `TAPS` name the last map and that
            for a second classifier.
        norm: `Norm`.

    Returns:
        {name of a stage: [B, h, w, C] Keras tensor}, in order.
    """
    return _FEATURES[type(options)](images, options, norm)


def backbone_model(
    options: Backbone, norm: Norm = Norm(), *, input_shape: tuple = (None, None, 3)
) -> tf_keras.Model:
    """A Keras model from preprocessed images [B, H, W, 3] to the maps of `backbone_features`."""
    images = tf_keras.Input(input_shape, name="images")
    return tf_keras.Model(images, backbone_features(images, options, norm), name="backbone")
