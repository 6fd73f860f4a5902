"""What a network expects of its input: channel order, mean and divisor, by name."""

import tensorflow as tf

from lfp_tf.errors import LfpError, nearest
from lfp_tf.options import PREPROCESSINGS, Preprocessing


def preprocessing(name: str) -> Preprocessing:
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


def preprocess(images: tf.Tensor, name: str) -> tf.Tensor:
    """Turns RGB images into a network's input.

    Args:
        images: [..., 3], RGB, grey levels 0..255, any numeric type.
        name: key of `options.PREPROCESSINGS`.

    Returns:
        float32 of the same shape.
    """
    rule = preprocessing(name)
    images = (tf.cast(images, tf.float32) - tf.constant(rule.mean)) / tf.constant(rule.std)
    return images[..., ::-1] if rule.order == "bgr" else images
