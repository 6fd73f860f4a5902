"""What a request may ask for, checked inside the graph: a header before a single pixel is decoded.

TensorFlow's decoders have no limit: a file of 250 kB may cost a gigabyte. Formats are JPEG, PNG,
BMP of 24 or 32 bits, and the first frame of a GIF. EXIF's orientation is ignored.
"""

import dataclasses
from typing import Any

import tensorflow as tf

from lfp_tf.errors import LfpError

MAX_PIXELS = 8_388_608  # 4096 x 2048
MAX_BATCH = 16
MAX_BOXES = 100
FORMATS = ("JPEG", "PNG", "GIF", "BMP")
_JPEG, _PNG, _GIF, _BMP = range(4)
_SIGNATURES = ((b"\xff\xd8\xff",), (b"\x89PNG\r\n\x1a\n",), (b"GIF87a", b"GIF89a"), (b"BM",))
# Bytes that hold the size in each format; JPEG's may stand anywhere.
_HEADER_BYTES = (4, 33, 13, 34)
_GIF_EXTENSION, _GIF_IMAGE, _GIF_END = 0x21, 0x2C, b"\x3b"
_CMYK_CHANNELS = 4


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a request may ask for.

    Attributes:
        max_pixels: of one image; above, the request is an error.
        max_batch: images per request.
        input_size: (height, width) that every image is resized to before the network and its
            probabilities back from; None runs each at its own size.
        max_boxes: of an image, that a detector's caller brings.
    """

    max_pixels: int = MAX_PIXELS
    max_batch: int = MAX_BATCH
    input_size: tuple[int, int] | None = None
    max_boxes: int = MAX_BOXES

    def __post_init__(self):
        for name in ("max_pixels", "max_batch", "max_boxes"):
            if getattr(self, name) < 1:
                raise LfpError(f"--{name} must be at least 1, not {getattr(self, name)}.")
        size = self.input_size
        if size and (len(size) != 2 or min(size) < 1):
            raise LfpError(f"--input_size must be HEIGHT,WIDTH in pixels, not {list(size)}.")


def checked_files(image_bytes: tf.Tensor, limits: Limits) -> tf.Tensor:
    """Gives the files of a request, string [B], after checking their number."""
    with tf.control_dependencies([_check_batch(tf.size(image_bytes), limits.max_batch)]):
        return tf.identity(image_bytes)


def checked_images(images: tf.Tensor, limits: Limits) -> tf.Tensor:
    """Gives the images [B, H, W, 3] of a request after checking their number and size."""
    shape = tf.shape(images)
    checks = [
        _check_batch(shape[0], limits.max_batch),
        check_pixels(shape[1], shape[2], limits.max_pixels),
    ]
    with tf.control_dependencies(checks):
        return tf.identity(images)


def decode_image(contents: tf.Tensor, *, max_pixels: int) -> tf.Tensor:
    """Decodes one image after checking its header, inside a graph.

    Args:
        contents: scalar string, the file's bytes.
        max_pixels: a header that states more is an error.

    Returns:
        uint8 [H, W, 3] RGB: grey repeated, alpha dropped, palettes looked up, 16 bits cut to 8.
        Running it raises `InvalidArgumentError` with a sentence for everything else.
    """
    kind = image_kind(contents)
    height, width, contents = tf.switch_case(
        kind,
        [
            lambda: _jpeg_header(contents),
            lambda: _png_header(contents),
            lambda: _gif_header(contents),
            lambda: _bmp_header(contents),
        ],
    )
    with tf.control_dependencies([check_pixels(height, width, max_pixels)]):
        contents = tf.identity(contents)
    image = tf.switch_case(
        kind,
        [
            # The exact transform, which is what Pillow and OpenCV use.
            lambda: tf.io.decode_jpeg(contents, 3, dct_method="INTEGER_ACCURATE"),
            lambda: tf.io.decode_png(contents, 3),
            lambda: tf.io.decode_gif(contents)[0],
            lambda: tf.io.decode_bmp(contents)[..., :3],
        ],
    )
    return tf.ensure_shape(image, [None, None, 3])


def image_kind(contents: tf.Tensor) -> tf.Tensor:
    """Gives the index in `FORMATS` of a file's bytes, int32; an error for any other."""
    is_kind = [
        tf.reduce_any([tf.strings.substr(contents, 0, len(s)) == s for s in signatures])
        for signatures in _SIGNATURES
    ]
    long_enough = tf.strings.length(contents) >= tf.gather(_HEADER_BYTES, tf.argmax(is_kind))
    texts = (
        "The image is empty.",
        f"The image is of no format that is served: {', '.join(FORMATS)}.",
        "The image is cut short within its header.",
    )
    checks = (tf.strings.length(contents) > 0, tf.reduce_any(is_kind), long_enough)
    with tf.control_dependencies(
        [tf.debugging.Assert(check, [text]) for check, text in zip(checks, texts, strict=True)]
    ):
        return tf.argmax(is_kind, output_type=tf.int32)


def check_pixels(height: tf.Tensor, width: tf.Tensor, max_pixels: int) -> Any:
    """Asserts that height x width lies in 1..`max_pixels`; gives the operation."""
    pixels = tf.cast(height, tf.int64) * tf.cast(width, tf.int64)
    text = tf.strings.join(
        [
            "The image has ",
            tf.strings.as_string(width),
            "x",
            tf.strings.as_string(height),
            f" pixels, but at most {max_pixels} are served; send a smaller one.",
        ]
    )
    is_good = (height > 0) & (width > 0) & (pixels <= max_pixels)
    return tf.debugging.Assert(is_good, [text])


def _jpeg_header(contents):
    shape = tf.image.extract_jpeg_shape(contents)
    text = "The image is a CMYK JPEG, which is not served; convert it to RGB."
    with tf.control_dependencies([tf.debugging.Assert(shape[2] < _CMYK_CHANNELS, [text])]):
        return tf.identity(shape[0]), shape[1], contents


def _png_header(contents):
    header = _bytes(contents, 16, 8)
    return _big_endian(header[4:]), _big_endian(header[:4]), contents


def _bmp_header(contents):
    header = _bytes(contents, 14, 20)
    width, height = _little_endian(header[4:8]), _little_endian(header[8:12])
    bits, packing = _little_endian(header[14:16]), _little_endian(header[16:20])
    is_plain = ((bits == 24) | (bits == 32)) & ((packing == 0) | ((packing == 3) & (bits == 32)))
    text = "The image is a BMP of another kind than 24 or 32 plain bits; convert it to PNG."
    with tf.control_dependencies([tf.debugging.Assert(is_plain, [text])]):
        return tf.abs(height), tf.identity(width), contents


def _gif_header(contents):
    """Gives the larger of screen and first frame, and the file cut after that frame.

    TensorFlow unpacks every frame of a GIF, whatever is asked for, and a frame may be larger than
    the screen that the header states.
    """
    data = tf.cast(tf.io.decode_raw(contents, tf.uint8), tf.int32)
    height, width = _little_endian(data[8:10]), _little_endian(data[6:8])
    start = _after_gif_extensions(data, 13 + _gif_palette_bytes(data[10]))
    frame = data[start : start + 10]
    is_frame = tf.size(frame) == 10
    is_frame = tf.cond(is_frame, lambda: frame[0] == _GIF_IMAGE, lambda: False)
    text = "The image is a GIF without a whole frame."
    with tf.control_dependencies([tf.debugging.Assert(is_frame, [text])]):
        frame = tf.identity(frame)
    end = _after_gif_blocks(data, start + 11 + _gif_palette_bytes(frame[9]))
    frame_height = _little_endian(frame[3:5]) + _little_endian(frame[7:9])
    frame_width = _little_endian(frame[1:3]) + _little_endian(frame[5:7])
    contents = tf.strings.join([tf.strings.substr(contents, 0, end), _GIF_END])
    return tf.maximum(height, frame_height), tf.maximum(width, frame_width), contents


def _gif_palette_bytes(flags):
    size = tf.bitwise.left_shift(tf.constant(2), flags % 8)
    return tf.where(flags >= 128, 3 * size, 0)


def _after_gif_extensions(data, start):
    def is_extension(at):
        return tf.gather(data, tf.minimum(at, tf.size(data) - 1)) == _GIF_EXTENSION

    def skip(at):
        return _after_gif_blocks(data, at + 2)

    return tf.while_loop(lambda at: (at < tf.size(data)) & is_extension(at), skip, [start])[0]


def _after_gif_blocks(data, start):
    """Finds the byte behind a chain of blocks, each led by its length, the last by 0."""
    last = tf.size(data) - 1

    def length(at):
        return tf.gather(data, tf.minimum(at, last))

    end = tf.while_loop(
        lambda at: (at < last) & (length(at) > 0),
        lambda at: at + 1 + length(at),
        [start],
        parallel_iterations=1,
    )[0]
    return tf.minimum(end, last) + 1


def _bytes(contents, start, count):
    text = tf.strings.substr(contents, start, count)
    return tf.ensure_shape(tf.cast(tf.io.decode_raw(text, tf.uint8), tf.int32), [count])


def _big_endian(values):
    return _little_endian(values[::-1])


def _little_endian(values):
    """Reads int32 from two or four bytes; above 2**31 it is negative, which no size may be."""
    powers = tf.constant([256**number for number in range(values.shape[0] or 2)], tf.int64)
    return tf.cast(tf.reduce_sum(tf.cast(values, tf.int64) * powers), tf.int32)


def _check_batch(count, max_batch):
    text = tf.strings.join(
        [
            "The request has ",
            tf.strings.as_string(count),
            f" images, at most {max_batch} are served.",
        ]
    )
    return tf.group(
        tf.debugging.Assert(count > 0, ["The request has no images; send at least one."]),
        tf.debugging.Assert(count <= max_batch, [text]),
    )
