"""Running a classifier over images: the middle of each, and the probabilities of its classes."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.data.classification.augmentations import centre
from lfp_tf.data.classification.pipeline import usual_shortest
from lfp_tf.errors import LfpError
from lfp_tf.ops.preprocessing import preprocess
from lfp_tf.tasks.traced import traced

# A thin strip would become huge before its middle is cut out.
MAX_PROPORTION = 50


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How images are cropped.

    Attributes:
        crop: side of the network's input, in pixels.
        shortest: length in pixels that an image's shorter side is resized to before the crop.
    """

    crop: int
    shortest: int

    def __post_init__(self):
        if self.shortest < self.crop:
            raise LfpError(
                f"task.evaluation.shortest is {self.shortest}, but the crop has {self.crop} "
                "pixels per side."
            )

    def describe(self) -> dict:
        """Gives plain values, for JSON."""
        return {"name": "middle", "shortest": self.shortest, "crop": [self.crop, self.crop]}


def protocol_of(recipe: Any) -> Protocol:
    """Gives the protocol that a recipe was scored by.

    Args:
        recipe: `recipes.recipe.Recipe`.

    Raises:
        LfpError: it makes images smaller than its crop.
    """
    crop = recipe.crop[0]
    return Protocol(crop, recipe.evaluation["shortest"] or usual_shortest(crop))


def middle(protocol: Protocol, image: tf.Tensor) -> tf.Tensor:
    """Crops the middle of an image, as the network was scored: a TensorFlow operation.

    Args:
        protocol: how to crop.
        image: [H, W, 3] RGB grey levels, 0..255.

    Returns:
        float32 [crop, crop, 3], whole grey levels.
    """
    return centre(image, shortest=protocol.shortest, size=protocol.crop)


# Numbers in, truth value out; or int32 scalars in, a boolean scalar out.
def is_strip(height: Any, width: Any) -> Any:
    """Tells whether a side is more than `MAX_PROPORTION` times the other."""
    return (height > MAX_PROPORTION * width) | (width > MAX_PROPORTION * height)


def classifier(model: tf_keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """Makes the graph function of cropped images to the probabilities of their classes.

    Args:
        model: from `recipes.networks` or `serving.network`, with a recipe of a classifier.

    Returns:
        Function of float32 [B, size, size, 3] RGB grey levels to float32 [B, C].
    """
    recipe = model.recipe
    size = recipe.crop[0]

    def classify(images):
        logits = model(preprocess(images, recipe.preprocess), training=False)["logits"]
        return tf.nn.softmax(tf.cast(logits, tf.float32))

    return tf.function(
        classify,
        input_signature=[tf.TensorSpec([None, size, size, 3], tf.float32)],
        autograph=False,
    )


def predictor(model: tf_keras.Model, protocol: Protocol) -> Callable[[tf.Tensor], tf.Tensor]:
    """Makes the graph function of an image uint8 [H, W, 3] to its probabilities float32 [C]."""
    classify = classifier(model)
    return tf.function(
        lambda image: classify(middle(protocol, image)[None])[0],
        input_signature=[tf.TensorSpec([None, None, 3], tf.uint8)],
        autograph=False,
    )


def array_function(model: tf_keras.Model, protocol: Protocol) -> Callable[[np.ndarray], np.ndarray]:
    """Gives the function of an image uint8 [H, W, 3] to its probabilities [C], traced once.

    It raises LfpError for an image that is a strip, or too large for the memory.
    """
    predict = traced(model, predictor, protocol)

    def probabilities(image):
        height, width = image.shape[:2]
        if is_strip(height, width):
            raise LfpError(
                f"The image has {width}x{height} pixels; no side may be more than "
                f"{MAX_PROPORTION} times the other."
            )
        return predict(image).numpy()

    return probabilities
