"""The signatures of an export for pose: the joints of people, crop and flip test included.

| signature | in | out |
| --- | --- | --- |
| `serving_default` | `image_bytes` string [B], sizes may differ | `keypoints` float32 [B, J, 3] |
| `images` | `images` uint8 [B, H, W, 3] RGB | the same |
| `image_bytes_boxes` | `image_bytes`, `boxes` float32 [B, 4] | the same |
| `images_boxes` | `images`, `boxes` | the same |

A signature cannot leave an input out, so those with boxes have names of their own. A joint is x, y
in the image's pixels, counted from 0, and its score; joints are the lines of `assets/labels.txt`.
A box is ymin, xmin, ymax, xmax in pixels of its image, one person each, as a detector gives it;
the network gets the square about its middle, as high as the box. Enlarge boxes that fit tightly by
a quarter. Without boxes an image is one person as high as it is.

Images pass the network one after the other, so that memory is bounded by the largest one.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.errors import LfpError
from lfp_tf.serving.limits import Limits, checked_files, checked_images, decode_image
from lfp_tf.serving.warmup import warmup_images
from lfp_tf.tasks.pose.prediction import Protocol, image_box, person_function

# A box may reach out of its image, by so many of the image's longer sides.
_FURTHEST = 20.0


def signature_functions(
    model: tf_keras.Model, *, protocol: Protocol, limits: Limits
) -> dict[str, Callable]:
    """Makes the functions of the four signatures, by name; each a `tf.function` of one shape.

    Args:
        model: network with a `recipe`, see `serving.network`.
        protocol: of one scale.
        limits: without an `input_size`.

    Raises:
        LfpError: an `input_size`: the network's own crop is the only one.
    """
    recipe = model.recipe
    if limits.input_size:
        raise LfpError(
            "--input_size is for segmentation; a network for pose sees people at "
            f"{recipe.crop[0]} x {recipe.crop[1]}."
        )
    joints = tf.TensorSpec([len(recipe.classes), 3], tf.float32)
    person = person_function(model, flip=protocol.flip)

    def each(function, elements):
        people = tf.map_fn(function, elements, fn_output_signature=joints, parallel_iterations=1)
        return {"keypoints": people}

    def in_box(image, box):
        with tf.control_dependencies([_check_box(image, box)]):
            return person(tf.identity(image), box)

    def decoded(data):
        return decode_image(data, max_pixels=limits.max_pixels)

    def serving_default(image_bytes):
        return each(lambda data: _whole(person, decoded(data)), checked_files(image_bytes, limits))

    def images_(images):
        return each(lambda image: _whole(person, image), checked_images(images, limits))

    def image_bytes_boxes(image_bytes, boxes):
        elements = _with_boxes(checked_files(image_bytes, limits), boxes)
        return each(lambda pair: in_box(decoded(pair[0]), pair[1]), elements)

    def images_boxes(images, boxes):
        elements = _with_boxes(checked_images(images, limits), boxes)
        return each(lambda pair: in_box(*pair), elements)

    files_spec = tf.TensorSpec([None], tf.string, "image_bytes")
    images_spec = tf.TensorSpec([None, None, None, 3], tf.uint8, "images")
    boxes = tf.TensorSpec([None, 4], tf.float32, "boxes")
    return {
        "serving_default": _graph(serving_default, files_spec),
        "images": _graph(images_, images_spec),
        "image_bytes_boxes": _graph(image_bytes_boxes, files_spec, boxes),
        "images_boxes": _graph(images_boxes, images_spec, boxes),
    }


def warmup_requests(recipe: Any, limits: Limits) -> list[tuple[str, dict[str, np.ndarray]]]:
    """Draws a request per signature and format, as large as the crop where limits allow.

    Returns:
        (signature, {input: array}), see `serving.warmup`.
    """
    images, files = warmup_images(*recipe.crop, max_pixels=limits.max_pixels)
    height, width = images.shape[1:3]
    boxes = {"boxes": np.array([[0, 0, height, width]], np.float32)}
    return [
        *(("serving_default", {"image_bytes": data}) for data in files),
        ("images", {"images": images}),
        *(("image_bytes_boxes", {"image_bytes": data} | boxes) for data in files),
        ("images_boxes", {"images": images} | boxes),
    ]


def _whole(person, image):
    return person(image, image_box(image))


def _with_boxes(elements, boxes):
    """Pairs for `tf.map_fn`, after their counts were compared."""
    count, num_boxes = tf.shape(elements)[0], tf.shape(boxes)[0]
    text = tf.strings.join(
        [
            "The request has ",
            tf.strings.as_string(num_boxes),
            " boxes for ",
            tf.strings.as_string(count),
            " images; send one each, and an image twice for two people.",
        ]
    )
    with tf.control_dependencies([tf.debugging.Assert(tf.equal(num_boxes, count), [text])]):
        return elements, tf.identity(boxes)


def _check_box(image, box):
    """An assertion that a box holds at least a pixel and lies near its image."""
    furthest = _FURTHEST * tf.cast(tf.reduce_max(tf.shape(image)), tf.float32)
    # Comparisons with NaN are false.
    is_good = tf.reduce_all(tf.abs(box) <= furthest) & tf.reduce_all(box[2:] - box[:2] >= 1.0)
    text = (
        "A box must be ymin, xmin, ymax, xmax in pixels of its image, at least one pixel high "
        "and wide."
    )
    return tf.debugging.Assert(is_good, [text])


def _graph(function, *signature):
    return tf.function(function, input_signature=signature, autograph=False)
