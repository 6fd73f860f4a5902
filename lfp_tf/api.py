"""What `import lfp_tf` offers: five functions from a checkpoint and a picture to labels."""

import numpy as np
import tensorflow as tf
from PIL import Image

from lfp_tf.checkpoints.read import read_checkpoint
from lfp_tf.images.decode import read_picture
from lfp_tf.images.overlay import overlay
from lfp_tf.images.palette import class_table
from lfp_tf.recipes.networks import build, load_weights
from lfp_tf.tasks.segmentation.prediction import network_function, protocol_of
from lfp_tf.tasks.segmentation.protocols import probabilities

__all__ = ["build", "load_weights", "read_checkpoint", "segment", "show"]


def segment(model, picture, *, protocol=None):
    """Labels every pixel of a picture.

    Args:
        model: from `build`, with weights.
        picture: a path, or uint8 [H, W, 3] RGB.
        protocol: `tasks.segmentation.protocols.Protocol`; None takes the whole picture in one pass.

    Returns:
        numpy [H, W]: uint8, or int32 above 256 classes.
    """
    image = picture if isinstance(picture, np.ndarray) else read_picture(picture)
    found = probabilities(
        protocol or protocol_of(model.recipe, name="whole"),
        network_function(model),
        tf.constant(image),
        preprocess_name=model.recipe.preprocess,
        classes=len(model.recipe.classes),
    )
    return (
        found["labels"].numpy().astype(np.uint8 if len(model.recipe.classes) <= 256 else np.int32)
    )


def show(picture, labels, *, dataset=None, model=None, alpha=0.5):
    """Draws labels over a picture.

    Args:
        picture: a path, or uint8 [H, W, 3] RGB.
        labels: [H, W] classes.
        dataset: name of the class table that gives the colours; or
        model: whose recipe does.
        alpha: share of the colour, 0..1.

    Returns:
        A PIL image.
    """
    image = picture if isinstance(picture, np.ndarray) else read_picture(picture)
    table = class_table(dataset or model.recipe.dataset)
    return Image.fromarray(overlay(image, labels, table, alpha=alpha))
