"""The signatures of a detector's export: whole images to objects, scaling included.

| signature | in | out |
| --- | --- | --- |
| `serving_default` | `image_bytes` string [B], sizes may differ | the five below |
| `images` | `images` uint8 [B, H, W, 3] RGB | the five below |
| `instances` | `images`, `boxes` float32 [B, N, 4], `classes` int32 [B, N] | `masks` |

`boxes` float32 [B, N, 4]: ymin, xmin, ymax, xmax, edges in the image's pixels; `classes` int32
[B, N]: numbers from 0, the lines of `assets/labels.txt`; `scores` float32 [B, N]; `num_detections`
int32 [B]; with masks `masks` float32 [B, N, S, S]: probabilities within the box, S 28 (C4 14, an
hourglass 32). Detections come best first, with zeros behind the last.

`instances`, of networks with masks, gives the masks of boxes that the caller brings. A box of no
area gives any mask.

Images pass the network one after the other, each at its own size, so that answers do not depend on
neighbours and memory is bounded by the largest one.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.errors import LfpError
from lfp_tf.serving.limits import Limits, checked_files, checked_images, decode_image
from lfp_tf.serving.warmup import warmup_images
from lfp_tf.tasks.detection.prediction import Protocol, detector, masks_in_boxes

_WARMUP_BOXES = 2
# Pixels from the image's corner, as far as a caller's box may reach: squares of it are finite.
_FARTHEST = 1_000_000


def signature_functions(
    model: tf_keras.Model, *, protocol: Protocol, limits: Limits
) -> dict[str, Callable]:
    """Makes the functions of the signatures, by name; each a `tf.function` of one shape.

    Args:
        model: detector with a `recipe`, see `serving.network`.
        protocol: how images are brought to the network.
        limits: without an `input_size`.

    Raises:
        LfpError: an `input_size`: the protocol says the size.
    """
    if limits.input_size:
        raise LfpError(
            "--input_size is for segmentation; a detector sees images with their short side at "
            f"{protocol.short_side} pixels (--short_side)."
        )
    detect = detector(model, protocol, model.recipe.preprocess)
    shapes = _answer_shapes(model, protocol)

    def one(image):
        return _answer(detect(image))

    def each(function, elements):
        return tf.map_fn(function, elements, fn_output_signature=shapes, parallel_iterations=1)

    def serving_default(image_bytes):
        files = checked_files(image_bytes, limits)
        return each(lambda data: one(decode_image(data, max_pixels=limits.max_pixels)), files)

    def images_(images):
        return each(one, checked_images(images, limits))

    files_spec = tf.TensorSpec([None], tf.string, "image_bytes")
    images_spec = tf.TensorSpec([None, None, None, 3], tf.uint8, "images")
    functions = {
        "serving_default": _graph(serving_default, files_spec),
        "images": _graph(images_, images_spec),
    }
    if model.masks is not None:
        in_boxes = masks_in_boxes(model, protocol)
        side = shapes["masks"].shape[-1]

        def instances(images, boxes, classes):
            checks = [_check_boxes(images, boxes, classes, len(model.recipe.classes), limits)]
            with tf.control_dependencies(checks):
                elements = checked_images(images, limits), tf.identity(boxes), classes + 1
            masks = tf.map_fn(
                lambda row: in_boxes(row[0], tf.gather(row[1], [1, 0, 3, 2], axis=1), row[2]),
                elements,
                fn_output_signature=tf.TensorSpec([None, side, side], tf.float32),
                parallel_iterations=1,
            )
            return {"masks": masks}

        functions["instances"] = _graph(
            instances,
            images_spec,
            tf.TensorSpec([None, None, 4], tf.float32, "boxes"),
            tf.TensorSpec([None, None], tf.int32, "classes"),
        )
    return functions


def warmup_requests(recipe: Any, limits: Limits) -> list[tuple[str, dict[str, np.ndarray]]]:
    """Draws a request per signature and format, as large as the network sees images.

    Returns:
        (signature, {input: array}), see `serving.warmup`.
    """
    side = recipe.evaluation["short_side"]
    images, files = warmup_images(side, side, max_pixels=limits.max_pixels)
    requests: list[tuple[str, dict[str, np.ndarray]]] = [
        *(("serving_default", {"image_bytes": data}) for data in files),
        ("images", {"images": images}),
    ]
    if recipe.options["masks"]:
        height, width = images.shape[1:3]
        count = min(_WARMUP_BOXES, limits.max_boxes)
        boxes = np.tile(np.array([0, 0, height, width], np.float32), (1, count, 1))
        classes = np.zeros((1, count), np.int32)
        requests.append(("instances", {"images": images, "boxes": boxes, "classes": classes}))
    return requests


def _answer(found):
    answer = {
        "boxes": tf.gather(found["boxes"], [1, 0, 3, 2], axis=1),
        # Labels count from 1; what fills up is 0.
        "classes": tf.maximum(found["labels"] - 1, 0),
        "scores": found["scores"],
        "num_detections": found["count"],
    }
    return answer | ({"masks": found["masks"]} if "masks" in found else {})


def _answer_shapes(model, protocol):
    shapes = {
        "boxes": tf.TensorSpec([protocol.limit, 4], tf.float32),
        "classes": tf.TensorSpec([protocol.limit], tf.int32),
        "scores": tf.TensorSpec([protocol.limit], tf.float32),
        "num_detections": tf.TensorSpec([], tf.int32),
    }
    if model.masks is not None:
        side = model.mask_side
        shapes["masks"] = tf.TensorSpec([protocol.limit, side, side], tf.float32)
    return shapes


def _check_boxes(images, boxes, classes, num_classes, limits):
    """Assertions that boxes belong to the images and are boxes."""
    count, shape = tf.shape(images)[0], tf.shape(boxes)
    fit = (shape[0] == count) & tf.reduce_all(tf.shape(classes) == shape[:2])
    is_good = tf.reduce_all(tf.abs(boxes) <= _FARTHEST)
    is_class = tf.reduce_all((classes >= 0) & (classes < num_classes))
    text = tf.strings.join(
        [
            "The request has ",
            tf.strings.as_string(shape[1]),
            f" boxes an image, at most {limits.max_boxes} are served.",
        ]
    )
    return tf.group(
        tf.debugging.Assert(fit, ["boxes must be [images, boxes, 4] and classes [images, boxes]."]),
        tf.debugging.Assert(shape[1] <= limits.max_boxes, [text]),
        tf.debugging.Assert(
            is_good,
            [f"Boxes must be ymin, xmin, ymax, xmax, within {_FARTHEST} pixels of the corner."],
        ),
        tf.debugging.Assert(is_class, [f"classes must lie in 0..{num_classes - 1}."]),
    )


def _graph(function, *signature):
    return tf.function(function, input_signature=signature, autograph=False)
