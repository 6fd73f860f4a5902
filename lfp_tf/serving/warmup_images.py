"""Grey pictures for warm-up requests, as pixels and as files."""

import io

import numpy as np
from PIL import Image

from lfp_tf.images.decode import encode_png


def warmup_pictures(height, width, *, max_pixels):
    """A grey picture in the forms that requests bring.

    Args:
        height, width: pixels; a square of about `max_pixels` where they are more.
        max_pixels: that a request may have.

    Returns:
        (uint8 [1, height, width, 3], [a JPEG as an array of one bytes object, a PNG likewise]).
    """
    if height * width > max_pixels:
        height = width = int(max_pixels**0.5)
    picture = np.full((height, width, 3), 128, np.uint8)
    jpeg = io.BytesIO()
    Image.fromarray(picture).save(jpeg, "JPEG")
    # A list would become an array of fixed width, which cuts off what ends in zeros.
    files = [np.array([data], object) for data in (jpeg.getvalue(), encode_png(picture))]
    return picture[None], files
