"""An image in whatever form a caller holds it: a path, bytes, a PIL image, an array or tensor."""

import os
from typing import Any

import numpy as np
from PIL import Image

from lfp_tf.errors import LfpError, printable
from lfp_tf.images.decode import read_image, rgb_of_pillow

_FORMS = "a path, a file's bytes, a PIL image, or a uint8 array or tensor [H, W, 3]"


def as_image(given: Any) -> np.ndarray:
    """Gives an image as uint8 [H, W, 3] RGB.

    Grey levels are repeated and alpha is dropped, as in files (see `images.decode`).

    Args:
        given: a path, a file's bytes, a PIL image, or uint8 [H, W], [H, W, 1], [H, W, 3] or
            [H, W, 4], an array or a tensor.

    Raises:
        LfpError: anything else, no pixels, or a file that cannot be read.
    """
    if isinstance(given, str | os.PathLike | bytes):
        return read_image(given)
    if isinstance(given, Image.Image):
        return rgb_of_pillow(given)
    if not hasattr(given, "__array__"):
        raise LfpError(f"An image is {_FORMS}, not {printable(type(given).__name__)}.")
    return _rgb_of_array(np.asarray(given))


def _rgb_of_array(array):
    if array.dtype.kind == "f":
        raise LfpError(
            f"The image is an array of {array.dtype}, which does not tell whether its grey levels "
            "are 0..255 or 0..1; convert it to uint8 of 0..255."
        )
    if array.dtype != np.uint8:
        raise LfpError(f"The image is an array of {array.dtype}; convert it to uint8 of 0..255.")
    channels = array if array.ndim == 3 else array[..., None]
    if array.ndim not in (2, 3) or channels.shape[2] not in (1, 3, 4):
        raise LfpError(
            f"The image is an array of shape {list(array.shape)}, but must be [H, W, 3]; give "
            "several images as a list."
        )
    if not array.size:
        raise LfpError(f"The image has no pixels: its shape is {list(array.shape)}.")
    return np.repeat(channels, 3, axis=2) if channels.shape[2] == 1 else channels[..., :3]
