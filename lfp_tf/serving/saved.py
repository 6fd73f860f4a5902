"""Running an export from Python, as a server does."""

import re

import tensorflow as tf

from lfp_tf.errors import LfpError


def saved_predictor(folder):
    """A function from one picture uint8 [H, W, 3] to labels [H, W] of an export's folder.

    A SavedModel is a program: load only those you trust.

    Raises:
        LfpError: the SavedModel cannot be loaded; calling it: the picture is refused.
    """
    try:
        loaded = tf.saved_model.load(str(folder))
        images = loaded.signatures["images"]
    except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
        raise LfpError(f"{folder} cannot be loaded as a SavedModel of `lfp-tf export`.") from error

    def predict(image):
        try:
            return images(images=tf.constant(image)[None])["labels"][0].numpy()
        except tf.errors.InvalidArgumentError as error:
            raise LfpError(sentence(error)) from error

    predict.loaded = loaded  # Signatures do not keep their variables alive.
    return predict


def sentence(error):
    """The sentence of a graph's assertion, without TensorFlow's frame around it."""
    text = str(getattr(error, "message", error))
    found = re.search(r"assertion failed: \[(.*?)\]", text, re.DOTALL)
    return found[1] if found else text.splitlines()[0]
