"""What a network expects of its input: channel order, mean and divisor, by name (D8, D9)."""

import dataclasses

import tensorflow as tf

from lfp_tf.errors import LfpError, nearest


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """(x - mean) / std of RGB grey levels 0..255, then the channel order.

    Attributes:
        mean: subtracted, in grey levels, in R, G, B order.
        std: divisor, in grey levels, in R, G, B order.
        order: `rgb` or `bgr`, how the network takes its channels.
    """

    mean: tuple
    std: tuple
    order: str


_IMAGENET_BGR = (123.68, 116.779, 103.939)

PREPROCESSINGS = {
    "torch": Preprocessing((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), "rgb"),
    # The same numbers for networks that tensorpack trained.
    "imagenet_bgr": Preprocessing((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), "bgr"),
    "caffe": Preprocessing(_IMAGENET_BGR, (1.0, 1.0, 1.0), "bgr"),
    # The means of the DeepLab authors, kept to three digits (DeepLab spec 4.1).
    "deeplab": Preprocessing((122.675, 116.669, 104.008), (1.0, 1.0, 1.0), "bgr"),
    # Printed in R, G, B order but subtracted in B, G, R order; old weights need it (defect 9.7).
    "kitti": Preprocessing((93.5726928711, 96.4095153809, 89.592376709), (1.0, 1.0, 1.0), "bgr"),
    "mobilenet": Preprocessing((127.5, 127.5, 127.5), (127.5, 127.5, 127.5), "rgb"),
    # Newell's means of MPII in 0..1 of 255 grey levels, nothing else (LFP spec 4.4).
    "pose": Preprocessing((112.302, 113.22, 110.3385), (255.0, 255.0, 255.0), "rgb"),
    "none": Preprocessing((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "rgb"),
}


def preprocessing(name):
    """The `Preprocessing` of that name.

    Raises:
        LfpError: no such name.
    """
    if name not in PREPROCESSINGS:
        raise LfpError(
            f'No preprocessing "{name}".{nearest(name, PREPROCESSINGS)} '
            f"There are {', '.join(PREPROCESSINGS)}."
        )
    return PREPROCESSINGS[name]


def preprocess(images, name):
    """Turns RGB pictures into a network's input.

    Args:
        images: [..., 3], RGB, grey levels 0..255, any numeric type.
        name: key of `PREPROCESSINGS`.

    Returns:
        float32 of the same shape.
    """
    rule = preprocessing(name)
    images = (tf.cast(images, tf.float32) - tf.constant(rule.mean)) / tf.constant(rule.std)
    return images[..., ::-1] if rule.order == "bgr" else images
