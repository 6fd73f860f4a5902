"""Images and label images from files: limits checked first, odd formats made plain.

| an image that is | becomes |
| --- | --- |
| grey, alpha, palette | RGB: repeated, dropped, looked up |
| CMYK | converted |
| of 16 bits | the upper 8 of them, as TensorFlow's decoder does |
| turned by EXIF | upright |
| animated | its first frame |

Files are JPEG, PNG, BMP, GIF, TIFF, WebP or PPM and PGM, told by their bytes. Pillow knows more
formats, among them some that start other programs (EPS) or unpack before their size is known (ICO).
"""

import contextlib
import io
import os
import threading
import warnings
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from lfp_tf.errors import LfpError, printable

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM")  # as Pillow calls them
FORMAT_NAMES = "JPEG, PNG, BMP, GIF, TIFF, WebP, PPM, PGM"
MAX_PIXELS = 178_956_970  # twice what Pillow warns of: a gigabyte of RGB as 16-bit numbers
_EXIF_ORIENTATION = 0x0112
_GREY_BITS_FACTOR = {2: 85, 4: 17}  # Pillow stretches grey levels of 2 and 4 bits to 0..255
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_OLD_EXIF = b"Raw profile type exif"  # ImageMagick's way before PNG had its own
# Pillow makes room for a frame of a GIF, and looks at tiles of a TIFF, before it tells the size.
_ROOM_BEFORE_SIZE = (b"GIF8", b"II", b"MM")
_pillow_limit = threading.Lock()
Source = str | os.PathLike | bytes  # a path, or a file's bytes


class NotLabels(LfpError):
    """A whole image, but one that cannot hold label values: colours, or a lossy format."""


def image_size(path_or_bytes: Source, *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Reads the size that an image has once decoded, from its header alone.

    Args:
        path_or_bytes: a path, or the file's bytes.
        max_pixels: a header that states more is refused.

    Returns:
        (height, width), after the turn that EXIF asks for.

    Raises:
        LfpError: no image, empty, or too large.
    """
    with _opened(path_or_bytes, max_pixels) as image:
        width, height = image.size
        return (width, height) if _orientation(image, path_or_bytes) >= 5 else (height, width)


def read_image(path_or_bytes: Source, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Reads an image as uint8 [H, W, 3] RGB.

    Raises:
        LfpError: no image, empty, cut short, or too large; the file is named.
    """
    with _opened(path_or_bytes, max_pixels) as image:
        image.load()
        if _orientation(image, path_or_bytes) > 1:
            image = ImageOps.exif_transpose(image)
        return _rgb(image, path_or_bytes)


def rgb_of_pillow(image: Image.Image) -> np.ndarray:
    """Gives an open Pillow image as uint8 [H, W, 3] RGB, turned upright.

    Raises:
        LfpError: its file is damaged, or its grey levels are floats.
    """
    try:
        image.load()
        return _rgb(ImageOps.exif_transpose(image), b"")
    except LfpError:
        raise
    # As in `_opened`.
    except Exception as error:
        raise LfpError(f"The image cannot be read: {_reason(error)}.") from error


def read_labels(path_or_bytes: Source, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Reads the values of a label image: palette indices, or grey levels of 1 to 16 bits.

    Three equal channels are grey levels, and opaque alpha says nothing.

    Returns:
        uint8 [H, W], or int32 where the file has 16 bits.

    Raises:
        LfpError: as `read_image`.
        NotLabels: the file is JPEG or holds colours instead of values.
    """
    with _opened(path_or_bytes, max_pixels) as image:
        name = _name(path_or_bytes)
        if image.format in ("JPEG", "MPO", "WEBP"):
            raise NotLabels(f"{name} is {image.format}, which changes label values; use PNG.")
        image.load()
        if image.mode == "P" or image.mode == "1":
            return np.array(image, np.uint8)
        if image.mode == "L":
            return np.array(image, np.uint8) // _GREY_BITS_FACTOR.get(_png_bits(path_or_bytes), 1)
        if image.mode.startswith("I"):
            return np.array(image).astype(np.int32)
        values = _grey_of_channels(image, path_or_bytes)
        if values is not None:
            return values
        raise NotLabels(
            f"{name} is a colour-coded label image (mode {image.mode}); "
            "one number per pixel is needed: a grey or palette PNG of class ids."
        )


def read_colors(path_or_bytes: Source, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Reads a label image that stores colours: uint8 [H, W, 3] RGB.

    Raises:
        LfpError: as `read_labels`.
    """
    with _opened(path_or_bytes, max_pixels) as image:
        if image.format in ("JPEG", "MPO", "WEBP"):
            name = _name(path_or_bytes)
            raise NotLabels(f"{name} is {image.format}, which changes label colours; use PNG.")
        if image.mode in ("LA", "RGBA") and image.getextrema()[-1] != (255, 255):
            raise NotLabels(f"{_name(path_or_bytes)} has transparent pixels; labels have none.")
    return read_image(path_or_bytes, max_pixels=max_pixels)


def holds_colors(
    path_or_bytes: Source, *, or_palette: bool = False, max_pixels: int = MAX_PIXELS
) -> bool:
    """Tells whether an image's pixels are three channels, or with `or_palette` a palette's.

    Raises:
        LfpError: as `image_size`.
    """
    with _opened(path_or_bytes, max_pixels) as image:
        return image.mode in ("RGB", "RGBA") or (or_palette and image.mode == "P")


def plain_format(path_or_bytes: Source, *, max_pixels: int = MAX_PIXELS) -> str | None:
    """Tells `JPEG` or `PNG` of upright 8-bit RGB that all decoders read alike, else None."""
    with _opened(path_or_bytes, max_pixels) as image:
        plain = image.mode == "RGB" and _orientation(image, path_or_bytes) <= 1
        plain = plain and not getattr(image, "is_animated", False)
        if image.format == "PNG":
            plain = plain and _png_bits(path_or_bytes) == 8 and "transparency" not in image.info
        return image.format if plain and image.format in ("JPEG", "PNG") else None


def encode_png(array: np.ndarray) -> bytes:
    """Encodes an array as a PNG file's bytes.

    Args:
        array: uint8 [H, W] (grey) or [H, W, 3] (RGB), or integers 0..65535 [H, W] (16-bit grey).

    Raises:
        ValueError: another shape, or values outside these ranges.
    """
    array = np.asarray(array)
    is_image = array.ndim == 3 and array.shape[2] == 3
    if not (array.ndim == 2 or is_image) or array.dtype.kind not in "ui":
        raise ValueError(f"no image: {array.dtype} {array.shape}")
    if array.size and (array.min() < 0 or array.max() > (255 if is_image else 65535)):
        raise ValueError(f"values {array.min()}..{array.max()} do not fit a PNG")
    is_wide = array.size and array.max() > 255
    stream = io.BytesIO()
    Image.fromarray(array.astype(np.uint16 if is_wide else np.uint8)).save(stream, "PNG")
    return stream.getvalue()


@contextlib.contextmanager
def _opened(path_or_bytes: Source, max_pixels: int) -> Iterator[Image.Image]:
    """Opens a Pillow image and checks its header; each failure becomes one sentence."""
    name = _name(path_or_bytes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with _open(path_or_bytes, max_pixels) as image:
                width, height = image.size
                if width * height > max_pixels:
                    raise LfpError(
                        f"{name} has {width * height} pixels ({width}x{height}), more than the "
                        f"{max_pixels} allowed; raise --max_pixels if it is to be read."
                    )
                yield image
        except LfpError:
            raise
        except FileNotFoundError:
            raise LfpError(f"There is no image {name}.") from None
        except UnidentifiedImageError:
            raise LfpError(f"{name} {_what_instead(path_or_bytes)}.") from None
        except Image.DecompressionBombError:
            raise LfpError(
                f"{name} has more pixels than the {max_pixels} allowed; raise --max_pixels if it "
                "is to be read."
            ) from None
        except MemoryError:
            raise LfpError(f"{name} does not fit into memory.") from None
        # Of a damaged file Pillow raises whatever its readers run into: IndexError, KeyError, ...
        except Exception as error:
            raise LfpError(f"{name} cannot be read: {_reason(error)}.") from error


def _open(path_or_bytes, max_pixels):
    with _stream(path_or_bytes) as stream:
        start = stream.read(4)
    is_limited = start.startswith(_ROOM_BEFORE_SIZE)
    source = io.BytesIO(path_or_bytes) if isinstance(path_or_bytes, bytes) else path_or_bytes
    with _pillow_limit:  # Pillow's own limit is global, and half of where it refuses.
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            if is_limited:
                Image.MAX_IMAGE_PIXELS = max(max_pixels // 2, 1)
            return Image.open(source, formats=FORMATS)
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _name(path_or_bytes):
    return "The image" if isinstance(path_or_bytes, bytes) else str(path_or_bytes)


def _what_instead(path_or_bytes):
    with _stream(path_or_bytes) as stream:
        is_empty = not stream.read(1)
    return "is empty" if is_empty else f"is no image of a format that can be read ({FORMAT_NAMES})"


def _reason(error):
    text = printable(str(error).strip().rstrip("."))
    if "truncated" in text.lower():
        return "it is cut short"
    if isinstance(error, OSError | SyntaxError | ValueError | EOFError) and text:
        return text
    return f"it is damaged ({type(error).__name__})"


def _orientation(image, path_or_bytes):
    """Reads EXIF's number of the image's turn, 1 (upright) to 8."""
    if image.format == "PNG" and not _png_has_exif(path_or_bytes):
        return 1  # Pillow would decode the whole file to search behind the pixels.
    value = image.getexif().get(_EXIF_ORIENTATION, 1)
    return value if value in range(1, 9) else 1


def _grey_of_channels(image, path_or_bytes):
    """Grey levels uint8 [H, W] of equal channels of 8 bits and opaque alpha, else None."""
    if image.mode not in ("LA", "RGB", "RGBA") or _png_bits(path_or_bytes) != 8:
        return None
    channels = np.array(image)
    if image.mode != "RGB":
        if channels[..., -1].min(initial=255) < 255:
            return None
        channels = channels[..., :-1]
    return channels[..., 0] if (channels == channels[..., :1]).all() else None


def _png_has_exif(path_or_bytes):
    with _stream(path_or_bytes) as stream:
        stream.seek(len(_PNG_SIGNATURE))
        while len(head := stream.read(8)) == 8:
            length, kind = int.from_bytes(head[:4], "big"), head[4:]
            is_text = kind in (b"tEXt", b"zTXt", b"iTXt")
            if kind == b"eXIf" or (is_text and stream.peek(length)[:21] == _OLD_EXIF):
                return True
            stream.seek(length + 4, io.SEEK_CUR)
    return False


def _png_bits(path_or_bytes):
    """Reads the bits per channel in a PNG's header; 8 for other formats."""
    with _stream(path_or_bytes) as stream:
        header = stream.read(25)
    return header[24] if header.startswith(_PNG_SIGNATURE) else 8


def _stream(path_or_bytes: Source) -> io.BufferedReader:
    if isinstance(path_or_bytes, bytes):
        return io.BufferedReader(io.BytesIO(path_or_bytes))
    return open(path_or_bytes, "rb")


def _rgb(image, path_or_bytes):
    if image.mode.startswith("I"):
        grey = np.array(image).astype(np.int64)
        if grey.min() < 0 or grey.max() > 65535:
            raise LfpError(f"{_name(path_or_bytes)} has grey levels of more than 16 bits.")
        return np.repeat((grey >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if image.mode == "F":
        raise LfpError(f"{_name(path_or_bytes)} has grey levels without a range (floats).")
    return np.array(image.convert("RGB"))
