"""Odd images become plain ones, and what cannot be read is refused by name."""

import io
import pathlib
import resource
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from lfp_tf.errors import LfpError
from lfp_tf.images.decode import (
    NotLabels,
    encode_png,
    image_size,
    plain_format,
    read_colors,
    read_image,
    read_labels,
)

RGB = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
GREY = np.arange(24, dtype=np.uint8).reshape(4, 6)


def save(path, array, mode=None, **options):
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def png(width, height, bits, kind, rows=b""):
    """A PNG by hand: any header with any (perhaps missing) pixels."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))]
    chunks += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def test_rgb_is_read_as_it_is(tmp_path):
    path = save(tmp_path / "a.png", RGB)
    np.testing.assert_array_equal(read_image(path), RGB)
    assert image_size(path) == (4, 6)
    assert plain_format(path) == "PNG"


def test_grey_is_repeated(tmp_path):
    path = save(tmp_path / "a.png", GREY)
    np.testing.assert_array_equal(read_image(path), np.repeat(GREY[..., None], 3, axis=2))
    assert plain_format(path) is None


def test_alpha_is_dropped_not_blended(tmp_path):
    path = save(tmp_path / "a.png", np.dstack([RGB, np.zeros_like(GREY)]))
    np.testing.assert_array_equal(read_image(path), RGB)
    assert plain_format(path) is None


def test_palette_is_looked_up_for_images_and_kept_for_labels(tmp_path):
    image = Image.fromarray(GREY % 3, "L")
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png")[0, 1], [40, 50, 60])
    np.testing.assert_array_equal(read_labels(tmp_path / "a.png"), GREY % 3)


def test_cmyk_is_converted(tmp_path):
    path = save(tmp_path / "a.jpg", np.full((8, 8, 3), 200, np.uint8), "CMYK", quality=95)
    assert np.abs(read_image(path).astype(int) - 200).max() <= 3
    assert plain_format(path) is None


def test_sixteen_bits_keep_their_upper_eight(tmp_path):
    values = np.array([[0, 255, 256, 65535]], np.uint16)
    path = save(tmp_path / "a.png", values)
    np.testing.assert_array_equal(read_image(path)[..., 0], [[0, 0, 1, 255]])
    assert plain_format(path) is None


def test_sixteen_bit_colour_keeps_its_upper_eight():
    data = png(1, 1, 16, 2, b"\0" + struct.pack(">HHH", 0x1280, 0xFFFF, 0x00FF))
    np.testing.assert_array_equal(read_image(data), [[[0x12, 0xFF, 0x00]]])
    assert plain_format(data) is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_image_and_size_alike(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.png", RGB, exif=exif)
    expected = {
        1: RGB,
        2: RGB[:, ::-1],
        3: RGB[::-1, ::-1],
        4: RGB[::-1],
        5: RGB.transpose(1, 0, 2),
        6: np.rot90(RGB, -1),
        7: RGB[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(RGB, 1),
    }[orientation]
    np.testing.assert_array_equal(read_image(path), expected)
    assert image_size(path) == expected.shape[:2]
    assert plain_format(path) == ("PNG" if orientation == 1 else None)


def test_animations_give_their_first_frame(tmp_path):
    frames = [Image.new("RGB", (3, 2), color) for color in ((255, 0, 0), (0, 0, 255))]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(read_image(tmp_path / "a.gif"), np.full((2, 3, 3), [255, 0, 0]))


def test_one_pixel_and_very_wide_images_are_read(tmp_path):
    assert read_image(save(tmp_path / "a.png", RGB[:1, :1])).shape == (1, 1, 3)
    wide = np.zeros((1, 50_000, 3), np.uint8)
    assert read_image(save(tmp_path / "b.png", wide)).shape == (1, 50_000, 3)


def test_bytes_are_read_like_files(tmp_path):
    data = save(tmp_path / "a.png", RGB).read_bytes()
    np.testing.assert_array_equal(read_image(data), RGB)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_cut_short_files_are_refused_by_name(tmp_path, suffix):
    noise = np.random.RandomState(0).randint(0, 256, (64, 64, 3), np.uint8)
    path = save(tmp_path / f"a.{suffix}", noise)
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(LfpError, match=rf"a\.{suffix} cannot be read: "):
        read_image(path)


def test_empty_files_and_no_images_are_refused_by_name(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.png").write_text("a letter")
    with pytest.raises(LfpError, match=r"a\.png is empty\."):
        read_image(tmp_path / "a.png")
    with pytest.raises(
        LfpError,
        match=r"b\.png is no image of a format that can be read \(JPEG, PNG, BMP, GIF, TIFF, WebP, PPM, PGM\)\.",
    ):
        read_image(tmp_path / "b.png")
    with pytest.raises(LfpError, match=r"There is no image .*c\.png\."):
        read_image(tmp_path / "c.png")


def saved(kind):
    stream = io.BytesIO()
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(stream, kind)
    return stream.getvalue()


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"
OTHER_FORMATS = {
    "EPS": EPS,
    "QOI": b"qoif" + struct.pack(">IIBB", 4, 4, 3, 0) + b"\xfe\1\2\3" + bytes(7) + b"\1",
    **{kind: saved(kind) for kind in ("ICO", "DDS", "TGA", "PCX", "SGI", "ICNS")},
}


@pytest.mark.parametrize("kind", OTHER_FORMATS)
@pytest.mark.parametrize("read", [image_size, read_image, read_labels, read_colors, plain_format])
def test_other_formats_are_refused_by_name_whatever_their_ending(tmp_path, kind, read):
    (tmp_path / "a.jpg").write_bytes(OTHER_FORMATS[kind])
    with pytest.raises(LfpError, match=r"a\.jpg is no image of a format that can be read \(JPEG, "):
        read(tmp_path / "a.jpg")


def test_no_program_is_started_for_an_image(tmp_path, monkeypatch):
    program = tmp_path / "bin" / "gs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)  # Pillow looks for it once.
    with pytest.raises(LfpError, match="is no image of a format"):
        read_image(EPS)
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM"])
def test_every_promised_format_is_read(kind):
    assert read_image(saved(kind)).shape == (32, 32, 3)


@pytest.mark.parametrize(
    "path", sorted(pathlib.Path("/work/shared/faults").glob("*.[jp][pn]g")), ids=lambda p: p.name
)
def test_images_that_failed(path):
    with pytest.raises(LfpError, match=rf"{path.name} is no image of a format that can be read"):
        read_image(path, max_pixels=100_000)


@pytest.mark.parametrize("error", [IndexError("x"), KeyError("x"), RuntimeError("x"), TypeError()])
def test_whatever_pillow_raises_of_a_damaged_file_is_one_sentence(tmp_path, monkeypatch, error):
    path = save(tmp_path / "a.png", RGB)
    monkeypatch.setattr(Image.Image, "load", lambda self: (_ for _ in ()).throw(error))
    monkeypatch.setattr(type(Image.open(path)), "load", Image.Image.load)
    with pytest.raises(LfpError) as caught:
        read_image(path)
    kind = type(error).__name__
    assert str(caught.value) == f"{path} cannot be read: it is damaged ({kind})."


def test_a_frame_larger_than_its_gif_makes_no_room():
    control = b"\x21\xf9\x04\x0b\0\0\0\0"  # Its place shall become the background's again.
    frame = b"," + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0) + b"\x08\x01\0\0;"
    data = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0) + control + frame
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(LfpError, match="has more pixels than the 1000 allowed; raise --max_pixels"):
        read_image(data, max_pixels=1000)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_bombs_are_refused_from_their_header(tmp_path):
    (tmp_path / "a.png").write_bytes(png(50_000, 50_000, 8, 2))
    with pytest.raises(
        LfpError, match=r"a\.png has 2500000000 pixels \(50000x50000\).*--max_pixels"
    ):
        image_size(tmp_path / "a.png")
    with pytest.raises(LfpError, match="has 24 pixels"):
        read_labels(save(tmp_path / "b.png", GREY), max_pixels=23)


def test_large_images_below_the_limit_warn_of_nothing(tmp_path):
    (tmp_path / "a.png").write_bytes(png(10_000, 9_500, 1, 0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert image_size(tmp_path / "a.png") == (9_500, 10_000)


@pytest.mark.parametrize(("bits", "packed"), [(1, 0b01_10_00_00), (2, 0b00_01_10_11)])
def test_grey_labels_of_few_bits_are_not_stretched(bits, packed):
    expected = [0, 1, 1, 0] if bits == 1 else [0, 1, 2, 3]
    data = png(4, 1, bits, 0, bytes([0, packed]))
    np.testing.assert_array_equal(read_labels(data), [expected])


def test_four_bit_grey_labels_are_not_stretched():
    np.testing.assert_array_equal(read_labels(png(2, 1, 4, 0, bytes([0, 0x7F]))), [[7, 15]])


def test_sixteen_bit_labels_keep_their_values(tmp_path):
    path = save(tmp_path / "a.png", np.array([[3, 300]], np.uint16))
    labels = read_labels(path)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, [[3, 300]])


def test_colour_coded_labels_are_refused(tmp_path):
    with pytest.raises(NotLabels, match=r"a\.png is a colour-coded label image \(mode RGB\)"):
        read_labels(save(tmp_path / "a.png", RGB))


def test_jpeg_labels_are_refused(tmp_path):
    path = save(tmp_path / "a.jpg", GREY)
    with pytest.raises(NotLabels, match=r"a\.jpg is JPEG, which changes label values; use PNG\."):
        read_labels(path)
    with pytest.raises(NotLabels, match="changes label colours"):
        read_colors(path)


def test_float_images_are_refused(tmp_path):
    path = save(tmp_path / "a.tif", np.zeros((2, 2), np.float32))
    with pytest.raises(LfpError, match="grey levels without a range"):
        read_image(path)


@pytest.mark.parametrize("array", [RGB, GREY, GREY.astype(np.int32) * 40])
def test_encoded_pngs_give_their_values_back(array):
    read = np.array(Image.open(io.BytesIO(encode_png(array))))
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize(
    "array", [np.zeros((2, 2), np.float32), np.full((1, 1), -1), np.zeros((1, 1, 4), np.uint8)]
)
def test_what_fits_no_png_is_refused(array):
    with pytest.raises(ValueError):
        encode_png(array)


def test_equal_channels_and_opaque_alpha_are_label_values(tmp_path):
    grey = Image.fromarray(GREY)
    for mode in ("RGB", "RGBA", "LA"):
        grey.convert(mode).save(tmp_path / "a.png")
        np.testing.assert_array_equal(read_labels(tmp_path / "a.png"), GREY)
    for mode in ("RGBA", "LA"):
        image = grey.convert(mode)
        image.putalpha(Image.fromarray(np.minimum(GREY, 254)))
        image.save(tmp_path / "a.png")
        with pytest.raises(NotLabels, match=f"colour-coded label image .mode {mode}"):
            read_labels(tmp_path / "a.png")
    image = Image.fromarray(RGB).convert("RGBA")
    image.putalpha(254)
    image.save(tmp_path / "a.png")
    with pytest.raises(NotLabels, match=r"a\.png has transparent pixels; labels have none"):
        read_colors(tmp_path / "a.png")
