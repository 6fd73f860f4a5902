"""Running a classifier over pictures: the middle of each, and the probabilities of its classes."""

import tensorflow as tf

from lfp_tf.data.classification.pipeline import usual_shortest
from lfp_tf.data.classification.transforms import centre
from lfp_tf.errors import LfpError
from lfp_tf.ops.preprocessing import preprocess

# A thin strip would become huge before its middle is cut out.
MAX_PROPORTION = 50


def crop_size(recipe):
    """Pixels a side of what the network sees."""
    return recipe.crop[0]


def shorter_side(recipe):
    """Pixels that a picture's shorter side is brought to before the middle is cut out.

    Raises:
        LfpError: the recipe states fewer than the crop has.
    """
    size = crop_size(recipe)
    shortest = recipe.evaluation["shortest"] or usual_shortest(size)
    if shortest < size:
        raise LfpError(
            f"task.evaluation.shortest is {shortest}, but the crop has {size} pixels a side."
        )
    return shortest


def describe_protocol(recipe):
    """How pictures are cut, as plain values."""
    size = crop_size(recipe)
    return {"name": "middle", "shortest": shorter_side(recipe), "crop": [size, size]}


def middle(recipe, image):
    """The middle of a picture as the network was scored on: a TensorFlow operation.

    Args:
        recipe: `recipes.recipe.Recipe`.
        image: [H, W, 3] RGB grey levels.

    Returns:
        float32 [size, size, 3] whole grey levels.
    """
    return centre(image, shortest=shorter_side(recipe), size=crop_size(recipe))


def is_strip(height, width):
    """Whether a side is more than `MAX_PROPORTION` times the other; numbers or int32 scalars."""
    return (height > MAX_PROPORTION * width) | (width > MAX_PROPORTION * height)


def classifier(model):
    """A graph function of middles float32 [B, size, size, 3] to probabilities float32 [B, C].

    Args:
        model: from `recipes.networks` or `serving.network`, with a recipe of a classifier.
    """
    recipe = model.recipe
    size = crop_size(recipe)

    def classify(images):
        logits = model(preprocess(images, recipe.preprocess), training=False)["logits"]
        return tf.nn.softmax(tf.cast(logits, tf.float32))

    return tf.function(
        classify,
        input_signature=[tf.TensorSpec([None, size, size, 3], tf.float32)],
        autograph=False,
    )


def picture_classifier(model):
    """A graph function of one whole picture uint8 [H, W, 3] to probabilities float32 [C]."""
    classify = classifier(model)
    return tf.function(
        lambda image: classify(middle(model.recipe, image)[None])[0],
        input_signature=[tf.TensorSpec([None, None, 3], tf.uint8)],
        autograph=False,
    )
