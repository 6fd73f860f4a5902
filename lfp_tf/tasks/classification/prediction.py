"""Running a classifier over images: the middle of each, and the probabilities of its classes."""

import dataclasses

import tensorflow as tf

from lfp_tf.data.classification.augmentations import centre
from lfp_tf.data.classification.pipeline import usual_shortest
from lfp_tf.errors import LfpError
from lfp_tf.ops.preprocessing import preprocess

# A thin strip would become huge before its middle is cut out.
MAX_PROPORTION = 50


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How images are cut.

    Attributes:
        crop: pixels a side of what the network sees.
        shortest: pixels that an image's shorter side is brought to before the middle is cut out.
    """

    crop: int
    shortest: int

    def __post_init__(self):
        if self.shortest < self.crop:
            raise LfpError(
                f"task.evaluation.shortest is {self.shortest}, but the crop has {self.crop} "
                "pixels a side."
            )

    def describe(self):
        """Plain values for JSON."""
        return {"name": "middle", "shortest": self.shortest, "crop": [self.crop, self.crop]}


def protocol_of(recipe):
    """The protocol that a recipe was scored by.

    Raises:
        LfpError: it makes images smaller than its crop.
    """
    crop = recipe.crop[0]
    return Protocol(crop, recipe.evaluation["shortest"] or usual_shortest(crop))


def middle(protocol, image):
    """The middle of an image as the network was scored on: a TensorFlow operation.

    Args:
        protocol: `Protocol`.
        image: [H, W, 3] RGB grey levels.

    Returns:
        float32 [crop, crop, 3] whole grey levels.
    """
    return centre(image, shortest=protocol.shortest, size=protocol.crop)


def is_strip(height, width):
    """Whether a side is more than `MAX_PROPORTION` times the other; numbers or int32 scalars."""
    return (height > MAX_PROPORTION * width) | (width > MAX_PROPORTION * height)


def classifier(model):
    """A graph function of middles float32 [B, size, size, 3] to probabilities float32 [B, C].

    Args:
        model: from `recipes.networks` or `serving.network`, with a recipe of a classifier.
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


def predictor(model, protocol):
    """A graph function of one whole image uint8 [H, W, 3] to probabilities float32 [C]."""
    classify = classifier(model)
    return tf.function(
        lambda image: classify(middle(protocol, image)[None])[0],
        input_signature=[tf.TensorSpec([None, None, 3], tf.uint8)],
        autograph=False,
    )
