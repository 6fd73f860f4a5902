"""The signatures of a classifier's export: whole images to classes, preprocessing included.

| signature | in | out |
| --- | --- | --- |
| `serving_default` | `image_bytes` string [B], sizes may differ | the three below |
| `images` | `images` uint8 [B, H, W, 3] RGB | the three below |

`probabilities` float32 [B, C]; `classes` int32 [B, 5] and `scores` float32 [B, 5]: the five most
probable classes, the most probable first, the lower number first of equal ones, and their
probabilities. Of fewer than five classes all are given. Classes are numbers from 0: the lines of
`assets/labels.txt`.

Images are decoded and cropped one after the other, so that memory is bounded by the largest one;
the network takes all images of a request at once.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.errors import LfpError
from lfp_tf.serving.limits import Limits, checked_files, checked_images, decode_image
from lfp_tf.serving.warmup import warmup_images
from lfp_tf.tasks.classification.metrics import TOP
from lfp_tf.tasks.classification.prediction import (
    MAX_PROPORTION,
    Protocol,
    classifier,
    is_strip,
    middle,
)


def signature_functions(
    model: tf_keras.Model, *, protocol: Protocol, limits: Limits
) -> dict[str, Callable]:
    """Makes the functions of the two signatures, by name; each a `tf.function` of one shape.

    Args:
        model: classifier with a `recipe`, see `serving.network`.
        protocol: how images are cropped.
        limits: without an `input_size`.

    Raises:
        LfpError: an `input_size`: the network's own crop is the only one.
    """
    recipe, size = model.recipe, protocol.crop
    if limits.input_size:
        raise LfpError(
            f"--input_size is for segmentation; a classifier sees the middle {size} x {size} of "
            "every image."
        )
    classify = classifier(model)

    def answer(images, crop):
        middles = tf.map_fn(
            crop,
            images,
            fn_output_signature=tf.TensorSpec([size, size, 3], tf.float32),
            parallel_iterations=1,
        )
        probabilities = tf.ensure_shape(classify(middles), [None, len(recipe.classes)])
        scores, classes = tf.math.top_k(probabilities, min(TOP, len(recipe.classes)))
        return {"probabilities": probabilities, "classes": classes, "scores": scores}

    def cropped(image):
        with tf.control_dependencies([_check_proportion(*tf.unstack(tf.shape(image)[:2]))]):
            return middle(protocol, tf.identity(image))

    def serving_default(image_bytes):
        return answer(
            checked_files(image_bytes, limits),
            lambda data: cropped(decode_image(data, max_pixels=limits.max_pixels)),
        )

    def images_(images):
        return answer(checked_images(images, limits), cropped)

    files_spec = tf.TensorSpec([None], tf.string, "image_bytes")
    images_spec = tf.TensorSpec([None, None, None, 3], tf.uint8, "images")
    return {
        "serving_default": tf.function(
            serving_default, input_signature=[files_spec], autograph=False
        ),
        "images": tf.function(images_, input_signature=[images_spec], autograph=False),
    }


def warmup_requests(recipe: Any, limits: Limits) -> list[tuple[str, dict[str, np.ndarray]]]:
    """Draws a request per signature and format, as large as the crop where limits allow.

    Returns:
        (signature, {input: array}), see `serving.warmup`.
    """
    size = recipe.crop[0]
    image, files = warmup_images(size, size, max_pixels=limits.max_pixels)
    return [
        *(("serving_default", {"image_bytes": data}) for data in files),
        ("images", {"images": image}),
    ]


def _check_proportion(height, width):
    text = tf.strings.join(
        [
            "The image has ",
            tf.strings.as_string(width),
            "x",
            tf.strings.as_string(height),
            f" pixels, but no side may be more than {MAX_PROPORTION} times the other.",
        ]
    )
    return tf.debugging.Assert(~is_strip(height, width), [text])
