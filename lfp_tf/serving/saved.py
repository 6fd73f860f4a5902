"""Running an export from Python, as a server does."""

import tensorflow as tf

from lfp_tf.errors import LfpError, graph_sentence


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
            raise LfpError(graph_sentence(error)) from error

    predict.loaded = loaded  # Signatures do not keep their variables alive.
    return predict
