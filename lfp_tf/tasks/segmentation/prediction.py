"""Running a network over images by a protocol."""

import tensorflow as tf

from lfp_tf.tasks.segmentation.lfp_protocol import PUBLISHED_SCALES
from lfp_tf.tasks.segmentation.protocols import Protocol, probabilities


def network_function(model):
    """The function of preprocessed images [n, h, w, 3] to logits that protocols call.

    One graph for all sizes; the auxiliary head falls away, as nothing asks for it.
    """
    return tf.function(
        lambda images: model(images, training=False)["logits"],
        input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)],
    )


def protocol_of(recipe, *, name=None, flip=None, scales=None, window_batch=1, second_softmax=False):
    """The protocol of a recipe, with what a user changes.

    Args:
        recipe: `recipes.recipe.Recipe`.
        name: None takes the recipe's own.
        flip: None takes the recipe's, if the protocol is the recipe's, else the protocol's.
        scales: None likewise.
        window_batch: windows through the network at once.
        second_softmax: for the protocol `lfp` alone, see there.

    Raises:
        LfpError: values that the protocol does not have.
    """
    own = recipe.evaluation
    name = name or own["protocol"]
    is_own = name == own["protocol"]
    values = {"flip": flip or (own["flip"] if is_own else None)}
    usual = PUBLISHED_SCALES if name == "lfp" else (1.0,)
    values["scales"] = tuple(scales or (own["scales"] if is_own else usual))
    if name in ("whole", "deeplab"):
        values["logits_resize"] = own["logits_resize"]
    if name == "deeplab":
        values["warp"] = tuple(own["warp"]) or None
    if name in ("semseg", "matlab"):
        values["base_size"] = own["base_size"] or max(recipe.crop)
        values["crop"] = tuple(own["crop"] or recipe.crop)
    if name == "lfp":
        values["crop"] = tuple(own["crop"] or recipe.crop)
    if name == "tf1_whole":
        values["min_size"] = tuple(own["min_size"] or [side + 7 for side in recipe.crop])
    return Protocol(name, window_batch=window_batch, second_softmax=second_softmax, **values)


def predictor(model, protocol, *, dtype=tf.uint8):
    """A graph function from one RGB image [H, W, 3] of grey levels to the protocol's outputs.

    Args:
        model: from `recipes.networks`.
        protocol: `tasks.segmentation.protocols.Protocol`.
        dtype: of the image.

    Returns:
        Function to `labels` [H, W] and `probabilities` or `scores` [H, W, C].
    """
    recipe = model.recipe

    def predict(image):
        return probabilities(
            protocol,
            lambda images: model(images, training=False)["logits"],
            image,
            preprocess_name=recipe.preprocess,
            classes=len(recipe.classes),
        )

    return tf.function(predict, input_signature=[tf.TensorSpec([None, None, 3], dtype)])
