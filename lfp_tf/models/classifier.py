"""A ResNet that names one class per image."""

import tf_keras

from lfp_tf.backbones.resnet import resnet_features
from lfp_tf.layers.initializers import bias_uniform, fan_in_uniform
from lfp_tf.options import Norm, ResNet


def resnet_classifier(
    *,
    classes: int,
    backbone: ResNet = ResNet(output_stride=32),
    norm: Norm = Norm(),
    input_shape: tuple = (None, None, 3),
) -> tf_keras.Model:
    """ResNet with stride 32, the mean over the map and a linear classifier `fc`.

    Args:
        classes: number of classes.
        backbone: `ResNet`.
        norm: `Norm`; by itself decay 0.9 and epsilon 1e-5.
        input_shape: (height, width, 3), None where any size may come.

    Returns:
        A Keras model: preprocessed images [B, H, W, 3] to {"logits": [B, classes]}.
    """
    images = tf_keras.Input(input_shape, name="images")
    x = resnet_features(images, backbone, norm)["stage4"]
    x = tf_keras.layers.GlobalAveragePooling2D(name="mean")(x)
    logits = tf_keras.layers.Dense(
        classes,
        kernel_initializer=fan_in_uniform(),
        bias_initializer=bias_uniform(x.shape[-1]),
        dtype="float32",
        name="fc",
    )(x)
    return tf_keras.Model(images, {"logits": logits}, name="resnet")
