"""Running a network over images by a protocol."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.ops.resize import resize_aligned
from lfp_tf.ops.shapes import height_width
from lfp_tf.tasks.segmentation.lfp_protocol import PUBLISHED_SCALES
from lfp_tf.tasks.segmentation.protocols import Protocol, probabilities

_STRIDE = 8  # pixels per cell of the map under the pyramid


def least_side(options: Mapping[str, Any]) -> int:
    """Gives the pixels per side that the fixed windows of a pyramid need; 1 without such windows.

    >>> least_side({"pooling": "window", "pool_windows": [60, 30, 20, 10]})
    473

    Args:
        options: of the network, see `recipes.recipe.Recipe`.
    """
    windows = options["pool_windows"] if options.get("pooling") == "window" else ()
    return (max(windows, default=1) - 1) * _STRIDE + 1


def network_logits(model: tf_keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """Makes the function of preprocessed images [n, h, w, 3] to logits [n, h', w', C].

    Images smaller than the network's fixed windows get zeros, the mean colour, at the bottom and on
    the right, as in `hszhao/PSPNet evaluation/ms_caffe_process.m` and
    `hellochick/PSPNet-tensorflow evaluate.py`; their logits are then [n, h, w, C].

    Args:
        model: from `recipes.networks` or `serving.network`.
    """
    least = least_side(model.recipe.options)

    def logits(images):
        return model(images, training=False)["logits"]

    return logits if least == 1 else lambda images: _padded_logits(logits, images, least)


def protocol_of(
    recipe: Any,
    *,
    name: str | None = None,
    flip: str | None = None,
    scales: Sequence[float] | None = None,
    window_batch: int = 1,
    second_softmax: bool = False,
) -> Protocol:
    """Gives the protocol of a recipe, with what a user changes.

    Args:
        recipe: `recipes.recipe.Recipe`.
        name: None takes the recipe's own.
        flip: None takes the recipe's, if the protocol is the recipe's, else the protocol's.
        scales: None likewise.
        window_batch: windows through the network at once.
        second_softmax: only for the protocol `lfp`, see `lfp_protocol`.

    Raises:
        LfpError: values that the protocol does not have.
    """
    own = recipe.evaluation
    name = name or str(own["protocol"])
    is_own = name == own["protocol"]
    values: dict[str, Any] = {"flip": flip or (own["flip"] if is_own else None)}
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


def predictor(
    model: tf_keras.Model, protocol: Protocol, *, dtype: tf.DType = tf.uint8
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Makes the graph function of one image [H, W, 3] to the protocol's outputs.

    Args:
        model: from `recipes.networks`.
        protocol: how images are brought to the network and back.
        dtype: of the image, RGB grey levels 0..255.

    Returns:
        Function to `labels` [H, W] and `probabilities` or `scores` [H, W, C].
    """
    recipe = model.recipe

    def predict(image):
        return probabilities(
            protocol,
            network_logits(model),
            image,
            preprocess_name=recipe.preprocess,
            classes=len(recipe.classes),
        )

    signature = [tf.TensorSpec([None, None, 3], dtype)]
    return tf.function(predict, input_signature=signature, autograph=False)


def softmax_probabilities(outputs: dict[str, tf.Tensor]) -> tf.Tensor:
    """Gives the probabilities [H, W, C] of a protocol's outputs.

    The protocol `tf1_whole` has none: its sums of logits take their softmax here.

    Args:
        outputs: of `predictor`.
    """
    if "scores" in outputs:
        return tf.nn.softmax(outputs["scores"])
    return outputs["probabilities"]


def _padded_logits(network, images, least):
    """Logits of images padded to `least` pixels per side, without what was padded."""
    height, width = height_width(images)
    if all(isinstance(side, int) and side >= least for side in (height, width)):
        return network(images)
    size = [tf.maximum(side, least) for side in (height, width)]
    edges = [[0, 0], [0, size[0] - height], [0, size[1] - width], [0, 0]]
    logits = network(tf.pad(images, edges))
    return tf.cond(
        tf.minimum(height, width) < least,
        # Where the map has fewer pixels than the image, only the whole map can be placed.
        lambda: resize_aligned(logits, size)[:, :height, :width],
        lambda: logits,
    )
