"""Whatever form an image is in, its pixels are the same; what could be read in two ways is refused."""

import io

import numpy as np
import pytest
from PIL import Image

from lfp_tf.errors import LfpError
from lfp_tf.images.given import as_image

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
GREY = PIXELS[..., 0]


def test_a_path_bytes_a_pil_image_an_array_and_a_tensor_are_alike(tmp_path):
    import tensorflow as tf

    path = tmp_path / "a.png"
    Image.fromarray(PIXELS).save(path)
    opened = Image.open(path)
    forms = (path, str(path), path.read_bytes(), opened, PIXELS, tf.constant(PIXELS))
    for form in forms:
        np.testing.assert_array_equal(as_image(form), PIXELS)


def test_grey_is_repeated_and_alpha_dropped():
    grey = np.repeat(GREY[..., None], 3, axis=2)
    for form in (GREY, GREY[..., None], Image.fromarray(GREY)):
        np.testing.assert_array_equal(as_image(form), grey)
    with_alpha = np.concatenate([PIXELS, GREY[..., None]], axis=2)
    for form in (with_alpha, Image.fromarray(with_alpha)):
        np.testing.assert_array_equal(as_image(form), PIXELS)


def test_a_pil_image_of_a_camera_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 3
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, "PNG", exif=exif)
    np.testing.assert_array_equal(as_image(Image.open(stream)), PIXELS[::-1, ::-1])


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            PIXELS / 255,
            "array of float64, which does not tell whether its grey levels are 0..255 or",
        ),
        (PIXELS.astype(np.int64), "array of int64; convert it to uint8 of 0..255"),
        (PIXELS[None], r"shape \[1, 5, 7, 3\], but must be \[H, W, 3\]; give several images as a"),
        (PIXELS.transpose(2, 0, 1), r"shape \[3, 5, 7\], but must be"),
        (PIXELS[:0], r"has no pixels: its shape is \[0, 7, 3\]"),
        (3, r"An image is a path, .* \[H, W, 3\], not int"),
        (None, "not NoneType"),
        (Image.new("F", (4, 4)), "grey levels without a range"),
        ("no_such.png", "There is no image no_such.png"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(given, text):
    with pytest.raises(LfpError, match=text):
        as_image(given)


def test_a_pil_image_cut_short_is_refused_in_a_sentence():
    stream = io.BytesIO()
    Image.fromarray(PIXELS.repeat(20, 0).repeat(20, 1)).save(stream, "PNG")
    opened = Image.open(io.BytesIO(stream.getvalue()[:-200]))
    with pytest.raises(LfpError, match="The image cannot be read: it is cut short"):
        as_image(opened)
