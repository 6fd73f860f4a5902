"""From an image to its objects: scaling, network, detections in pixels of the image.

All functions are TensorFlow operations, the same in evaluation and in an exported graph. Letters:
H x W pixels, N the largest number of detections, S cells of a mask a side.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.ops.detection.input import image_scale, pad_image, padded_size, prepare_image
from lfp_tf.ops.preprocessing import preprocess
from lfp_tf.options import Inference
from lfp_tf.tasks.traced import traced


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How an image is brought to the network, and what becomes a detection.

    Attributes:
        short_side: pixels that the short side is scaled to.
        max_size: no side is longer, pixels.
        pre_nms: anchors with the best scores of a level that become boxes.
        post_nms: proposals of an image.
        rpn_nms: overlap from which on a proposal suppresses another.
        score_threshold: a detection scores more.
        nms: overlap from which on a detection suppresses another of its class.
        limit: N.
    """

    short_side: int = 800
    max_size: int = 1333
    pre_nms: int = 1000
    post_nms: int = 1000
    rpn_nms: float = 0.7
    score_threshold: float = 0.05
    nms: float = 0.5
    limit: int = 100

    @property
    def inference(self) -> Inference:
        """What the network makes detections by."""
        names = [field.name for field in dataclasses.fields(Inference)]
        return Inference(**{name: getattr(self, name) for name in names})

    def describe(self) -> dict:
        """Gives plain values, for JSON."""
        return {"name": "detection"} | dataclasses.asdict(self)


def protocol_of(recipe: Any, **changes: Any) -> Protocol:
    """Gives the protocol of a `recipes.recipe.Recipe`, with what a user changes.

    Args:
        recipe: of the network.
        changes: attributes of `Protocol`; None takes the recipe's.
    """
    own = {field.name: recipe.evaluation[field.name] for field in dataclasses.fields(Protocol)}
    return Protocol(**own | {name: value for name, value in changes.items() if value is not None})


def detector(
    model: tf_keras.Model, protocol: Protocol, preprocessing: str
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Makes the function of one image to its objects, for graphs.

    Args:
        model: an `RCNN`.
        protocol: see there.
        preprocessing: what its images go through, see `ops.preprocessing`.

    Returns:
        Function of uint8 or float [H, W, 3] RGB grey levels to {"boxes": [N, 4] (x1, y1, x2, y2:
        edges in pixels of the image), "scores": [N], "labels": int32 [N] from 1, "count": int32
        scalar} and with masks {"masks": [N, S, S] probabilities within the box}; best first, zeros
        behind the last.
    """
    pixel, inference = model.conventions.pixel, protocol.inference

    def detect(image):
        inputs = network_input(image, protocol, model, preprocessing)
        outputs = model.objects(inputs, inference, training=False)
        edges = outputs["boxes"][0] + tf.constant([0.0, 0.0, pixel, pixel])
        count = outputs["counts"][0]
        is_box = tf.sequence_mask(count, tf.shape(edges)[0])
        found = {
            "boxes": tf.where(is_box[:, None], edges, 0.0),
            "scores": outputs["scores"][0],
            "labels": outputs["labels"][0],
            "count": count,
        }
        if "masks" in outputs:
            found["masks"] = outputs["masks"][0]
        return found

    return detect


def network_input(
    image: tf.Tensor, protocol: Protocol, model: tf_keras.Model, preprocessing: str
) -> dict[str, tf.Tensor]:
    """Brings an image to the network: preprocessed, scaled, padded.

    Args:
        image: [H, W, 3] RGB grey levels.
        protocol: says the size.
        model: says its stride, and whether proposals are clipped at the padded size.
        preprocessing: as of `detector`.

    Returns:
        {"images": [1, h, w, 3], "info": [1, 5], "sizes": int32 [1, 2]}: what a call of an `RCNN`
        takes.
    """
    size = tf.shape(image)[:2]
    scale = image_scale(size, target=protocol.short_side, largest=protocol.max_size)
    pixels = preprocess(tf.cast(image, tf.float32)[None], preprocessing)[0]
    scaled = prepare_image(pixels, scale, means=(0.0, 0.0, 0.0))
    scaled_sides = tf.shape(scaled)[:2]
    padded = padded_size(tf.unstack(scaled_sides), model.STRIDE)
    clipped = padded if model.conventions.clips_to_padding else tf.unstack(scaled_sides)
    info = [*clipped, scale, *tf.unstack(size)]
    info = tf.stack([tf.cast(value, tf.float32) for value in info])
    images = pad_image(scaled, padded)[None]
    return {"images": images, "info": info[None], "sizes": scaled_sides[None]}


def predictor(model: tf_keras.Model, protocol: Protocol) -> Callable[[tf.Tensor], dict]:
    """Gives `detector` as a graph function of uint8 [H, W, 3]."""
    signature = [tf.TensorSpec([None, None, 3], tf.uint8)]
    function = detector(model, protocol, model.recipe.preprocess)
    return tf.function(function, input_signature=signature, autograph=False)


def array_function(model: tf_keras.Model, protocol: Protocol) -> Callable[[Any], dict]:
    """Gives `predictor` as a function of arrays, traced once."""
    detect = traced(model, predictor, protocol)
    return lambda image: {name: value.numpy() for name, value in detect(image).items()}


def masks_in_boxes(
    model: tf_keras.Model, protocol: Protocol
) -> Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]:
    """Makes the function of an image and boxes of known classes to masks, for graphs.

    Args:
        model: an `RCNN` with a mask head and a `recipe`.
        protocol: how images are scaled.

    Returns:
        Function of [H, W, 3] RGB grey levels, boxes [R, 4] (x1, y1, x2, y2: edges in pixels of the
        image) and labels int32 [R] from 1 to probabilities [R, S, S].
    """
    pixel, preprocessing = model.conventions.pixel, model.recipe.preprocess

    def masks(image, boxes, labels):
        inputs = network_input(image, protocol, model, preprocessing)
        outputs = model.trunk_outputs(inputs["images"], inputs["sizes"], training=False)
        rois = (boxes - tf.constant([0.0, 0.0, pixel, pixel])) * inputs["info"][0, 2]
        numbers = tf.zeros(tf.shape(labels), tf.int32)
        return tf.sigmoid(model.mask_logits(model.mask_features(outputs, rois, numbers), labels))

    return masks
