"""Headers are read right, odd images become plain ones, all else is refused before decoding."""

import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from lfp_tf.errors import graph_sentence
from lfp_tf.serving.limits import decode_image

DECODE = tf.function(
    lambda contents: decode_image(contents, max_pixels=2000),
    input_signature=[tf.TensorSpec([], tf.string)],
    autograph=False,
)


def random_image(height=7, width=11, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def encoded(image, kind, **options):
    stream = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(
        stream, kind, **options
    )
    return stream.getvalue()


def refusal(contents):
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        DECODE(contents)
    return graph_sentence(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "BMP"])
def test_lossless_images_come_back_as_they_were(kind):
    np.testing.assert_array_equal(DECODE(encoded(random_image(), kind)), random_image())


def test_jpeg_is_decoded_as_pillow_does():
    data = encoded(random_image(16, 16), "JPEG", quality=90)
    np.testing.assert_array_equal(DECODE(data), np.array(Image.open(io.BytesIO(data))))


def test_grey_is_repeated_alpha_dropped_palette_looked_up():
    grey = random_image()[..., 0]
    np.testing.assert_array_equal(DECODE(encoded(grey, "PNG")), np.repeat(grey[..., None], 3, 2))
    with_alpha = np.concatenate([random_image(), random_image(seed=1)[..., :1]], 2)
    np.testing.assert_array_equal(DECODE(encoded(with_alpha, "PNG")), random_image())
    palette = Image.fromarray(random_image()).quantize(16)
    np.testing.assert_array_equal(DECODE(encoded(palette, "PNG")), np.array(palette.convert("RGB")))
    grey_jpeg = encoded(grey, "JPEG")
    assert DECODE(grey_jpeg).shape == (7, 11, 3)


def test_16_bits_become_the_upper_8():
    values = np.arange(77, dtype=np.uint16).reshape(7, 11) * 800
    np.testing.assert_array_equal(DECODE(encoded(values, "PNG"))[..., 0], values >> 8)


def test_a_32_bit_bmp_loses_its_alpha():
    rgba = Image.fromarray(np.concatenate([random_image(), np.full((7, 11, 1), 9, np.uint8)], 2))
    np.testing.assert_array_equal(DECODE(encoded(rgba, "BMP")), random_image())


def test_an_animation_gives_its_first_frame():
    frames = [Image.fromarray(random_image(seed=n)).quantize(32) for n in range(3)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], loop=0, comment=b"x")
    first = np.array(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(DECODE(data), first)


def png_of(width, height, rows=b""):
    def chunk(kind, content):
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows))


def gif_of(width, height, frame=None):
    frame = frame or (width, height)
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0)
    extension = b"\x21\xfe\x03abc\x00"
    image = b"\x2c" + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\x02\x02\x44\x01\x00"
    return head + extension + image + b"\x3b"


def bmp_of(width, height, bits=24, packing=0):
    sizes = struct.pack("<IiiHHI", 40, width, height, 1, bits, packing)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + sizes + bytes(20)


def jpeg_of(width, height):
    data = bytearray(encoded(random_image(8, 8), "JPEG"))
    place = data.index(b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", height, width)
    return bytes(data)


@pytest.mark.parametrize(
    "contents",
    [
        png_of(16000, 12000),
        gif_of(16000, 12000),
        gif_of(10, 10, frame=(16000, 12000)),
        bmp_of(16000, 12000),
        bmp_of(16000, -12000),
        jpeg_of(16000, 12000),
    ],
    ids=["png", "gif", "gif frame", "bmp", "bmp upside down", "jpeg"],
)
def test_a_header_with_too_many_pixels_is_refused_before_decoding(contents):
    assert refusal(contents) == (
        "The image has 16000x12000 pixels, but at most 2000 are served; send a smaller one."
    )


@pytest.mark.parametrize("width, height", [(0, 5), (2**31, 2), (2**31 - 1, 2**31 - 1)])
def test_sizes_that_are_none_or_overflow_are_refused(width, height):
    assert "at most 2000 are served" in refusal(png_of(width, height))


def test_the_limit_itself_is_served():
    assert DECODE(encoded(random_image(40, 50), "PNG")).shape == (40, 50, 3)
    assert "The image has 51x40 pixels" in refusal(encoded(random_image(40, 51), "PNG"))


def test_what_is_no_served_image_is_told_in_a_sentence():
    assert refusal(b"") == "The image is empty."
    assert refusal(b"hello, this is text") == (
        "The image is of no format that is served: JPEG, PNG, GIF, BMP."
    )
    assert refusal(encoded(random_image(), "PNG")[:20]) == (
        "The image is cut short within its header."
    )
    assert refusal(bmp_of(5, 5, bits=8)) == (
        "The image is a BMP of another kind than 24 or 32 plain bits; convert it to PNG."
    )
    cmyk = Image.fromarray(random_image()).convert("CMYK")
    assert refusal(encoded(cmyk, "JPEG")) == (
        "The image is a CMYK JPEG, which is not served; convert it to RGB."
    )
    assert refusal(gif_of(5, 5)[:19]) == "The image is a GIF without a whole frame."


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
def test_an_image_cut_short_is_an_error(kind):
    data = encoded(random_image(30, 30), kind)
    with pytest.raises(tf.errors.InvalidArgumentError):
        DECODE(data[: len(data) // 2])


def test_no_beginning_of_a_file_is_more_than_an_error():
    rng = np.random.default_rng(0)
    starts = [
        b"GIF89a",
        b"GIF87a\x0a\x00\x0a\x00\x80",
        b"BM",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
    ]
    for number in range(200):
        tail = rng.integers(0, 256, rng.integers(0, 80), np.uint8).tobytes()
        with pytest.raises(tf.errors.InvalidArgumentError):
            DECODE(starts[number % len(starts)] + tail)
