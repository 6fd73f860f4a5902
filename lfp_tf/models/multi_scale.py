"""Any network on several sizes of the image, the maximum of its logits (DeepLab v2, 2.5)."""

import tf_keras

from lfp_tf.layers.multi_scale import MaximumOfScales, ScaleImages, check_rule
from lfp_tf.options import scale_output


def multi_scale(network, *, scales=(0.5, 0.75), resize="ratio", input_shape=(None, None, 3)):
    """Wraps a network so that it sees its images at 1 and at further scales, weights shared.

    Args:
        network: Keras model of images [B, H, W, 3] to {"logits": [B, h, w, classes], ...}.
        scales: the further scales, as 0.75 and 0.5; none leaves the network as it is.
        resize: `ratio`, `factor`, `align_corners` or `legacy`, see `layers.multi_scale`.
        input_shape: (height, width, 3), None where any size may come.

    Returns:
        A Keras model of the same images to {"logits": the maximum, at the size of scale 1;
        "logits_1", "logits_0.75", ...: each scale's own logits at their own size}. Variables have
        the names that they have in the network.

    Raises:
        ValueError: a scale that is not above 0, 1 itself, one twice, or an unknown rule.
    """
    scales = tuple(scales)
    check_rule(resize)
    if not scales:
        return network
    if min(scales) <= 0 or 1 in scales or len(set(scales)) < len(scales):
        raise ValueError(
            f"scales are {list(scales)}, but must be different numbers above 0 other than 1."
        )
    images = tf_keras.Input(input_shape, name="images")
    outputs = {scale_output(1): network(images)["logits"]}
    for scale in scales:
        scaled = ScaleImages(scale, resize, name=f"images_{scale:g}")(images)
        outputs[scale_output(scale)] = network(scaled)["logits"]
    maximum = MaximumOfScales(resize, name="maximum")(list(outputs.values()))
    return tf_keras.Model(images, {"logits": maximum} | outputs, name=f"multi_scale_{network.name}")
