"""The signatures of an export: three graph functions of images to labels.

| signature | in | out |
| --- | --- | --- |
| `serving_default` | `image_bytes` string [B] | `labels_png` string [B], `sizes` int32 [B, 2] |
| `images` | `images` uint8 [B, H, W, 3] | `labels` [B, H, W] |
| `probabilities` | `images` | `probabilities` float32 [B, H, W, C], `labels` |

Labels are uint8, above 256 classes int32 (a PNG of 16 bits). Images pass the network one after
the other, so that memory is bounded by the largest one, not by the batch.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.errors import LfpError
from lfp_tf.ops.resize import resize_opencv
from lfp_tf.serving.limits import Limits, checked_files, checked_images, decode_image
from lfp_tf.serving.warmup import warmup_images
from lfp_tf.tasks.segmentation.arguments import EXPORTED_PROTOCOLS
from lfp_tf.tasks.segmentation.prediction import network_logits
from lfp_tf.tasks.segmentation.protocols import Protocol, probabilities


def signature_functions(
    model: tf_keras.Model, *, protocol: Protocol, limits: Limits
) -> dict[str, Callable]:
    """Makes the functions of the three signatures, by name; each a `tf.function` of one shape.

    Args:
        model: network with a `recipe`, see `serving.network`.
        protocol: one of `EXPORTED_PROTOCOLS`.
        limits: what requests may hold.

    Raises:
        LfpError: a protocol that is not exported.
    """
    if protocol.name not in EXPORTED_PROTOCOLS:
        raise LfpError(
            f"Protocol {protocol.name} is for scores and not exported; "
            f"there are {', '.join(EXPORTED_PROTOCOLS)}."
        )
    classes = len(model.recipe.classes)
    dtype = tf.uint8 if classes <= 256 else tf.int32
    predict = _predictor(model, protocol, limits.input_size)

    def serving_default(image_bytes):
        labels_png, sizes = tf.map_fn(
            lambda contents: _answer(contents, predict, limits.max_pixels, classes),
            checked_files(image_bytes, limits),
            fn_output_signature=(
                tf.TensorSpec([], tf.string),
                tf.TensorSpec([2], tf.int32),
            ),
            parallel_iterations=1,
        )
        return {"labels_png": labels_png, "sizes": sizes}

    def images_(images):
        labels = _each(images, limits, lambda image: _labels(predict(image), dtype), (dtype, ()))
        return {"labels": labels}

    def probabilities_(images):
        scores = _each(images, limits, predict, (tf.float32, (classes,)))
        return {"probabilities": scores, "labels": _labels(scores, dtype)}

    files_spec = tf.TensorSpec([None], tf.string, "image_bytes")
    images_spec = tf.TensorSpec([None, None, None, 3], tf.uint8, "images")
    return {
        "serving_default": _graph(serving_default, files_spec),
        "images": _graph(images_, images_spec),
        "probabilities": _graph(probabilities_, images_spec),
    }


def warmup_requests(recipe: Any, limits: Limits) -> list[tuple[str, dict[str, np.ndarray]]]:
    """Draws a request per signature and format, as large as the training crop if allowed.

    Returns:
        (signature, {input: array}), see `serving.warmup`.
    """
    size = limits.input_size or recipe.crop
    images, files = warmup_images(*size, max_pixels=limits.max_pixels)
    return [
        *(("serving_default", {"image_bytes": data}) for data in files),
        ("images", {"images": images}),
        ("probabilities", {"images": images}),
    ]


def _predictor(model, protocol, input_size):
    """The function of one image [h, w, 3] to its probabilities [h, w, C]."""
    # One graph of the network for all signatures: its nodes are stored once.
    inputs = _network_input(protocol, input_size)
    network = tf.function(
        network_logits(model),
        input_signature=[tf.TensorSpec(inputs, tf.float32)],
        autograph=False,
    )

    def predict(image):
        size = tf.shape(image)[:2]
        if input_size:
            image = resize_opencv(tf.cast(image, tf.float32)[None], size=input_size)[0]
        scores = probabilities(
            protocol,
            network,
            image,
            preprocess_name=model.recipe.preprocess,
            classes=len(model.recipe.classes),
        )["probabilities"]
        if input_size:
            scores = resize_opencv(scores[None], size=size)[0]
        return tf.ensure_shape(scores, [None, None, len(model.recipe.classes)])

    return predict


def _network_input(protocol, input_size):
    """The network's input shape: static where protocol and export know it, to be folded."""
    if protocol.name == "semseg":
        return [None, *protocol.crop, 3]
    if protocol.warp:
        return [None, *protocol.warp, 3]
    if input_size and protocol.scales == (1.0,):
        return [None, *input_size, 3]
    return [None, None, None, 3]


def _answer(contents, predict, max_pixels, classes):
    image = decode_image(contents, max_pixels=max_pixels)
    labels = _labels(predict(image), tf.uint8 if classes <= 256 else tf.uint16)
    contents = tf.io.encode_png(labels[..., None])  # pyright: ignore[reportArgumentType]
    return contents, tf.shape(image)[:2]


def _each(images, limits, function, output):
    """Applies a function of one image to each of a batch, after the limits have passed."""
    dtype, tail = output
    return tf.map_fn(
        function,
        checked_images(images, limits),
        fn_output_signature=tf.TensorSpec([None, None, *tail], dtype),
        parallel_iterations=1,
    )


def _labels(scores, dtype):
    """The most probable class; the first of equal ones."""
    return tf.cast(tf.argmax(scores, -1, tf.int32), dtype)


def _graph(function, spec):
    return tf.function(function, input_signature=[spec], autograph=False)
