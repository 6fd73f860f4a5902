"""Boxes and masks of objects drawn over their image, for people to see."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lfp_tf.images.palette import voc_colors

MASK_ALPHA = 0.45
_PIXELS_PER_WIDTH = 300  # a box's line is one pixel wide for so many of the image's longer side
_TEXT_PIXELS = 11
_INK, _PAPER = (20, 20, 20), (255, 255, 255)


def draw_detections(
    image: np.ndarray,
    boxes_pixels: np.ndarray,
    classes: Sequence[int] | np.ndarray,
    names: Sequence[str],
    *,
    scores: Sequence[float] | np.ndarray | None = None,
    masks: Sequence[np.ndarray | None] | np.ndarray = (),
    colors: np.ndarray | None = None,
) -> np.ndarray:
    """Draws each object's mask, its box and its class's name, the last object above the others.

    Args:
        image: uint8 [H, W, 3]; it is not changed.
        boxes_pixels: [N, 4], x1, y1, x2, y2.
        classes: N indices into `names`.
        names: of the classes.
        scores: N, written behind the names; None leaves them out.
        masks: bool [H, W] each, or None for an object without; or none at all.
        colors: uint8 [classes, 3]; None takes those of `voc_colors` without black.

    Returns:
        uint8 [H, W, 3].
    """
    if colors is None:
        colors = voc_colors(len(names) + 1)[1:]
    classes = [int(number) for number in classes]
    sheet = Image.fromarray(_with_masks(np.asarray(image, np.uint8), classes, masks, colors))
    pen, width = ImageDraw.Draw(sheet), max(1, round(max(sheet.size) / _PIXELS_PER_WIDTH))
    for place, (box, number) in enumerate(zip(np.asarray(boxes_pixels), classes, strict=True)):
        color = tuple(int(level) for level in colors[number])
        text = names[number] if scores is None else f"{names[number]} {scores[place]:.2f}"
        _draw_box(pen, sheet.size, box, text, color, width)
    return np.array(sheet)


def _with_masks(image, classes, masks, colors):
    mixed = image.astype(np.float64)
    for number, mask in zip(classes, masks, strict=len(masks) > 0):
        if mask is not None:
            color = np.asarray(colors[number], np.float64)
            mixed[mask] = mixed[mask] * (1 - MASK_ALPHA) + color * MASK_ALPHA
    return np.rint(mixed).astype(np.uint8)


def _draw_box(pen, size, box, text, color, width):
    """A box, and its text on a plate inside its upper left corner, within the image."""
    limits = np.array([*size, *size]) - 1
    x1, y1, x2, y2 = np.clip(np.nan_to_num(box), 0, limits).tolist()
    pen.rectangle([x1, y1, max(x1, x2), max(y1, y2)], outline=color, width=width)
    font = ImageFont.load_default(size=_TEXT_PIXELS)
    wide = font.getlength(text) + 3
    left = max(0.0, min(x1, size[0] - wide))
    top = max(0.0, min(y1, size[1] - _TEXT_PIXELS - 3.0))
    pen.rectangle([left, top, left + wide, top + _TEXT_PIXELS + 2], fill=color)
    ink = _INK if sum(color) > 3 * 128 else _PAPER
    pen.text((left + 2, top), text, fill=ink, font=font)
