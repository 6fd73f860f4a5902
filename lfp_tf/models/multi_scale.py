"""Any network on several sizes of the image, the maximum of its logits (DeepLab v2, 4.2)."""

import tf_keras

from lfp_tf.layers.multi_scale import MaximumOfScales, ScaleImages
from lfp_tf.options import Scales, scale_output


def multi_scale(
    network: tf_keras.Model,
    scales: Scales = Scales((0.5, 0.75)),
    *,
    input_shape: tuple = (None, None, 3),
) -> tf_keras.Model:
    """Wraps a network so that it sees its images at 1 and at further scales, weights shared.

    Args:
        network: Keras model of images [B, H, W, 3] to {"logits": [B, h, w, classes], ...}.
        scales: `Scales`; without factors the network stays as it is.
        input_shape: (height, width, 3), None where any size may come.

    Returns:
        A Keras model of the same images to {"logits": the maximum, at the size of scale 1;
        "logits_1", "logits_0.75", ...: each scale's own logits at their own size}. Variables have
        the names that they have in the network.
    """
    if not scales.factors:
        return network
    images = tf_keras.Input(input_shape, name="images")
    outputs = {scale_output(1): network(images)["logits"]}
    for factor in scales.factors:
        scaled = ScaleImages(factor, scales.resize, name=f"images_{factor:g}")(images)
        outputs[scale_output(factor)] = network(scaled)["logits"]
    maximum = MaximumOfScales(scales.resize, name="maximum")(list(outputs.values()))
    return tf_keras.Model(images, {"logits": maximum} | outputs, name=f"multi_scale_{network.name}")
