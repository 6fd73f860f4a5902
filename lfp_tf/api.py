"""What `import lfp_tf` offers, from a checkpoint and an image to labels; TensorFlow comes late."""

import os
from typing import TYPE_CHECKING, Any

from lfp_tf.errors import LfpError
from lfp_tf.tasks import catalog

if TYPE_CHECKING:
    import numpy as np
    import tf_keras
    from PIL import Image

    from lfp_tf.checkpoints.load import Report
    from lfp_tf.tasks.segmentation.protocols import Protocol

__all__ = ["build", "load_weights", "read_checkpoint", "segment", "show"]


def build(
    name: str,
    *,
    preset: str | None = None,
    checkpoint: str | os.PathLike | None = None,
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    changes: dict[str, Any] | None = None,
) -> "tf_keras.Model":
    """Builds a network in the form that a checkpoint needs, with weights still as drawn.

    Names, fields and types are checked before TensorFlow is loaded.

    Args:
        name: of the experiment.
        preset: lineage of the network's options: torch, caffe, tf1, kitti, newest or seed.
        checkpoint: a run's folder or a converted one, whose own options win over the recipe's.
        input_shape: (height, width, 3), None where any size may come.
        changes: nested dictionaries of further fields, as {"task": {"model": {"depth": 18}}}.

    Returns:
        A tf_keras model from preprocessed images to a dictionary of logits, with a
        `recipes.recipe.Recipe` as its attribute `recipe`.

    Raises:
        LfpError: no such experiment or field; a folder of another data set's network.
    """
    from lfp_tf.recipes import config

    config.of_experiment(name, preset=preset, changes=changes)
    from lfp_tf.recipes import networks

    return networks.build(
        name, preset=preset, checkpoint=checkpoint, input_shape=input_shape, changes=changes
    )


def load_weights(model: "tf_keras.Model", path: str | os.PathLike) -> "Report | None":
    """Fills a built network from a file or folder; see `recipes.networks.load_weights`."""
    from lfp_tf.recipes import networks

    return networks.load_weights(model, path)


def read_checkpoint(path: str | os.PathLike) -> "dict[str, np.ndarray]":
    """Reads {name: array} of any checkpoint; see `checkpoints.read.read_checkpoint`."""
    from lfp_tf.checkpoints import read

    return read.read_checkpoint(path)


def segment(
    model: "tf_keras.Model",
    image: "str | os.PathLike | np.ndarray",
    *,
    protocol: "Protocol | None" = None,
) -> "np.ndarray":
    """Labels every pixel of an image.

    Args:
        model: from `build`, with weights.
        image: a path, or uint8 [H, W, 3] RGB.
        protocol: `tasks.segmentation.protocols.Protocol`; None takes the whole image in one
            pass.

    Returns:
        numpy [H, W]: uint8, or int32 above 256 classes.

    Raises:
        LfpError: a network that labels no pixels.
    """
    import numpy as np
    import tensorflow as tf

    from lfp_tf.tasks.segmentation.prediction import network_function, protocol_of
    from lfp_tf.tasks.segmentation.protocols import probabilities

    recipe = model.recipe
    if recipe.task != catalog.SEGMENTATION.name:
        raise LfpError(
            f"{recipe.experiment} is for {recipe.task} and labels no pixels; use `lfp-tf predict`."
        )
    outputs = probabilities(
        protocol or protocol_of(recipe, name="whole"),
        network_function(model),
        tf.constant(_image(image)),
        preprocess_name=recipe.preprocess,
        classes=len(recipe.classes),
    )
    return outputs["labels"].numpy().astype(np.uint8 if len(recipe.classes) <= 256 else np.int32)


def show(
    image: "str | os.PathLike | np.ndarray",
    labels: "np.ndarray",
    *,
    dataset: str | None = None,
    model: "tf_keras.Model | None" = None,
    alpha: float = 0.5,
) -> "Image.Image":
    """Draws labels over an image.

    Args:
        image: a path, or uint8 [H, W, 3] RGB.
        labels: [H, W] classes.
        dataset: name of the class table that gives the colours; or
        model: whose recipe does.
        alpha: share of the colour, 0..1.

    Returns:
        A PIL image.
    """
    from PIL import Image

    from lfp_tf.images.overlay import overlay
    from lfp_tf.images.palette import class_table

    table = class_table(dataset or model.recipe.dataset)  # pyright: ignore[reportOptionalMemberAccess]
    return Image.fromarray(overlay(_image(image), labels, table, alpha=alpha))


def _image(image):
    import numpy as np

    from lfp_tf.images.decode import read_image

    return image if isinstance(image, np.ndarray) else read_image(image)
