"""A ResNet that names one class an image."""

import tf_keras

from lfp_tf.backbones.resnet import resnet_features
from lfp_tf.layers.initializers import bias_uniform, fan_in_uniform


def resnet_classifier(
    *,
    classes,
    depth=50,
    bn_decay=0.9,
    bn_eps=1e-5,
    bn_frozen=False,
    input_shape=(None, None, 3),
    **arguments,
):
    """ResNet with stride 32, the mean over the map and a linear classifier `fc`.

    Args:
        classes: number of classes.
        depth: of the ResNet.
        bn_decay, bn_eps, bn_frozen: see `BatchNorm`.
        input_shape: (height, width, 3), None where any size may come.
        arguments: further ones of `resnet_features`.

    Returns:
        A Keras model: preprocessed images [B, H, W, 3] to {"logits": [B, classes]}.
    """
    images = tf_keras.Input(input_shape, name="images")
    norm = {"decay": bn_decay, "epsilon": bn_eps, "frozen": bn_frozen}
    x = resnet_features(images, depth=depth, output_stride=32, norm=norm, **arguments)["stage4"]
    x = tf_keras.layers.GlobalAveragePooling2D(name="mean")(x)
    logits = tf_keras.layers.Dense(
        classes,
        kernel_initializer=fan_in_uniform(),
        bias_initializer=bias_uniform(x.shape[-1]),
        dtype="float32",
        name="fc",
    )(x)
    return tf_keras.Model(images, {"logits": logits}, name="resnet")
