"""Warm-up requests of TF Serving, encoded by hand: its Python package is not needed for 20 bytes.

A TFRecord of `PredictionLog` messages (`tensorflow/serving apis/prediction_log.proto`); the server
runs them before it says that a model is ready.
"""

import io
import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from lfp_tf.images.decode import encode_png
from lfp_tf.protobuf import field

# Field numbers of the messages, by their path.
_LOG_PREDICT, _PREDICT_REQUEST = 6, 1
_REQUEST_MODEL, _REQUEST_INPUTS = 1, 2
_MODEL_NAME, _MODEL_SIGNATURE = 1, 3
_MAP_KEY, _MAP_VALUE = 1, 2


def warmup_images(
    height: int, width: int, *, max_pixels: int
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Makes a grey image in the forms that requests bring.

    Args:
        height, width: pixels; a square of about `max_pixels` where they are more.
        max_pixels: that a request may have.

    Returns:
        (uint8 [1, height, width, 3], [a JPEG as an array of one bytes object, a PNG likewise]).
    """
    if height * width > max_pixels:
        height = width = int(max_pixels**0.5)
    image = np.full((height, width, 3), 128, np.uint8)
    jpeg = io.BytesIO()
    Image.fromarray(image).save(jpeg, "JPEG")
    # A list would become an array of fixed width, which cuts off what ends in zeros.
    files = [np.array([data], object) for data in (jpeg.getvalue(), encode_png(image))]
    return image[None], files


def write_warmup(
    path: str | os.PathLike, requests: Iterable[tuple[str, Mapping[str, Any]]], *, model: str
) -> None:
    """Writes the requests.

    Args:
        path: of the TFRecord file.
        requests: list of (signature, {input: numpy array or list of bytes}).
        model: the name it is served under.
    """
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, inputs in requests:
            writer.write(prediction_log(signature, inputs, model=model))


def prediction_log(signature: str, inputs: Mapping[str, Any], *, model: str) -> bytes:
    """Encodes one request as a `PredictionLog`; arguments as of `write_warmup`."""
    request = field(
        _REQUEST_MODEL,
        field(_MODEL_NAME, model.encode()) + field(_MODEL_SIGNATURE, signature.encode()),
    )
    for name, value in inputs.items():
        tensor = tf.make_tensor_proto(value).SerializeToString()
        entry = field(_MAP_KEY, name.encode()) + field(_MAP_VALUE, tensor)
        request += field(_REQUEST_INPUTS, entry)
    return field(_LOG_PREDICT, field(_PREDICT_REQUEST, request))
