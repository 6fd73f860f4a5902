"""Labels drawn over their image, with a legend, for people to see."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lfp_tf.images.palette import ClassTable, colorize

ROW_PIXELS = 16
SWATCH_PIXELS = 10
MARGIN_PIXELS = 6
BAR_COLOR = (150, 190, 235)
_BACKGROUND = (255, 255, 255)
_INK = (20, 20, 20)


def overlay(
    image: np.ndarray, labels: np.ndarray, table: ClassTable, *, alpha: float = 0.5
) -> np.ndarray:
    """Mixes the classes' colours into an image; ignored pixels stay as they are.

    Args:
        image: uint8 [H, W, 3].
        labels: integer [H, W].
        table: of the labels' classes.
        alpha: 0 shows the image alone, 1 the colours alone.

    Returns:
        uint8 [H, W, 3].
    """
    labels = np.asarray(labels)
    share = np.where((labels >= 0) & (labels < len(table)), alpha, 0.0)[..., None]
    mixed = image * (1 - share) + colorize(labels, table.colors) * share
    return np.rint(mixed).astype(np.uint8)


def with_legend(image: np.ndarray, labels: np.ndarray, table: ClassTable) -> np.ndarray:
    """Puts the names and colours of the classes that occur below an image.

    Args:
        image: uint8 [H, W, 3].
        labels: integer [H, W]; only its classes are listed.
        table: of the labels' classes.

    Returns:
        uint8 [H + rows, max(W, one column), 3].
    """
    present = [int(value) for value in np.unique(labels) if 0 <= value < len(table)]
    entries = [(table.names[value], tuple(table.colors[value].tolist())) for value in present]
    if np.any(np.asarray(labels) == table.ignore_label):
        entries.append(("ignored", (0, 0, 0)))
    height, width = image.shape[:2]
    column = max([_text_width(name) for name, _ in entries], default=0)
    column += SWATCH_PIXELS + 3 * MARGIN_PIXELS
    columns = max(1, width // column)
    rows = -(-len(entries) // columns)
    sheet = Image.new("RGB", (max(width, column), height + rows * ROW_PIXELS), _BACKGROUND)
    sheet.paste(Image.fromarray(image), (0, 0))
    pen = ImageDraw.Draw(sheet)
    for number, (name, color) in enumerate(entries):
        x = MARGIN_PIXELS + number % columns * column
        y = height + number // columns * ROW_PIXELS + 3
        pen.rectangle([x, y, x + SWATCH_PIXELS, y + SWATCH_PIXELS], fill=color, outline=_INK)
        pen.text((x + SWATCH_PIXELS + MARGIN_PIXELS, y - 1), name, fill=_INK, font=_font())
    return np.array(sheet)


def with_bars(image: np.ndarray, entries: Sequence[tuple[str, float]]) -> np.ndarray:
    """Puts names with bars of their shares below an image.

    Args:
        image: uint8 [H, W, 3].
        entries: (name, share 0..1), drawn from top to bottom.

    Returns:
        uint8 [H + rows, max(W, what the longest name needs), 3].
    """
    height, width = image.shape[:2]
    texts = [f"{100 * share:.1f} %  {name}" for name, share in entries]
    width = max([width, *(_text_width(text) + 2 * MARGIN_PIXELS for text in texts)])
    sheet = Image.new("RGB", (width, height + len(entries) * ROW_PIXELS), _BACKGROUND)
    sheet.paste(Image.fromarray(image), (0, 0))
    _draw_bars(sheet, texts, entries, top=height)
    return np.array(sheet)


def under_bars(image: np.ndarray, entries: Sequence[tuple[str, float]]) -> np.ndarray:
    """Lays names with bars of their shares over the foot of an image, whose size stays.

    Args:
        image: uint8 [H, W, 3].
        entries: as of `with_bars`; as many are shown as there is room for.

    Returns:
        uint8 [H, W, 3].
    """
    shown = entries[: image.shape[0] // ROW_PIXELS]
    top = image.shape[0] - len(shown) * ROW_PIXELS
    mixed = image.copy()
    mixed[top:] = np.rint(image[top:] * 0.25 + np.array(_BACKGROUND) * 0.75)
    sheet = Image.fromarray(mixed)
    texts = [f"{100 * share:.1f} %  {name}" for name, share in shown]
    _draw_bars(sheet, texts, shown, top=top)
    return np.array(sheet)


def side_by_side(panels: Sequence[np.ndarray], captions: Sequence[str]) -> np.ndarray:
    """Sets images in a row, each under its caption.

    Args:
        panels: uint8 [H, W, 3] each; heights and widths may differ.
        captions: as many texts.

    Returns:
        uint8 [H, W, 3].
    """
    height = max(panel.shape[0] for panel in panels) + ROW_PIXELS
    widths = [
        max(panel.shape[1], _text_width(caption) + MARGIN_PIXELS)
        for panel, caption in zip(panels, captions, strict=True)
    ]
    sheet = Image.new("RGB", (sum(widths) + MARGIN_PIXELS * (len(panels) - 1), height), _BACKGROUND)
    pen, x = ImageDraw.Draw(sheet), 0
    for panel, caption, width in zip(panels, captions, widths, strict=True):
        pen.text((x + 2, 2), caption, fill=_INK, font=_font())
        sheet.paste(Image.fromarray(panel), (x, ROW_PIXELS))
        x += width + MARGIN_PIXELS
    return np.array(sheet)


def _draw_bars(sheet, texts, entries, *, top):
    pen = ImageDraw.Draw(sheet)
    for row, (text, (_, share)) in enumerate(zip(texts, entries, strict=True)):
        y = top + row * ROW_PIXELS
        end = round(share * (sheet.width - 1))
        pen.rectangle([0, y + 1, end, y + ROW_PIXELS - 2], fill=BAR_COLOR)
        pen.text((MARGIN_PIXELS, y + 2), text, fill=_INK, font=_font())


def _text_width(text):
    return int(np.ceil(_font().getlength(text)))


def _font():
    return ImageFont.load_default(size=11)
