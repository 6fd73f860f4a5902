"""Label files that store a colour for each class, as lists of classes give them."""

import dataclasses

import numpy as np

from lfp_tf.data.description import IGNORE_LABEL
from lfp_tf.data.plan import UnknownColors
from lfp_tf.images.decode import (
    MAX_PIXELS,
    NotLabels,
    holds_colors,
    read_colors,
    read_labels,
)


@dataclasses.dataclass(frozen=True)
class ColorCode:
    """Which colour stands for which class.

    Attributes:
        path: of the list of classes, as sentences call it.
        classes: ((r, g, b), number of the class) of every class that has a colour.
        covers_palettes: whether palette images are meant by their colours, not their indices.
    """

    path: str
    classes: tuple[tuple[tuple[int, ...], int], ...]
    covers_palettes: bool = False

    def read(self, path: str, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
        """A label file: colours uint8 [H, W, 3] where it stores colours, else values [H, W].

        Raises:
            LfpError: as `read_labels`.
        """
        if not holds_colors(path, or_palette=self.covers_palettes, max_pixels=max_pixels):
            return read_labels(path, max_pixels=max_pixels)
        if self.classes:
            return read_colors(path, max_pixels=max_pixels)
        try:  # Grey levels in three channels are values too.
            return read_labels(path, max_pixels=max_pixels)
        except NotLabels as error:
            raise NotLabels(
                f"{error} Or name the classes' colours in classes.txt, a line NAME R G B for each."
            ) from None

    def problem(self) -> str:
        """The end of a sentence about a list of classes that codes no colours, or an empty text."""
        keys = [_key(color) for color, _ in self.classes]
        if len(set(keys)) < len(keys):
            twice = next(color for color, _ in self.classes if keys.count(_key(color)) > 1)
            return f"is colour-coded, but {self.path} gives the colour {_text(twice)} twice."
        return ""

    def unknown(self, values: np.ndarray, path: str) -> UnknownColors | None:
        """The colours that are no class of a label file's values; None for values [H, W]."""
        if values.ndim != 3:
            return None
        unknown = _keys(values)[self.to_classes(values) == IGNORE_LABEL]
        keys, pixels = np.unique(unknown, return_counts=True)
        counts = {_text(_color(key)): n for key, n in zip(keys, pixels.tolist(), strict=True)}
        return UnknownColors(path, counts, self.path) if counts else None

    def to_classes(self, colors: np.ndarray) -> np.ndarray:
        """The classes uint8 [H, W] of colours [H, W, 3]; others are ignored."""
        pairs = sorted((_key(color), label) for color, label in self.classes)
        known = np.array([key for key, _ in pairs], np.int32)
        labels = np.array([label for _, label in pairs], np.uint8)
        keys = _keys(colors)
        places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        return np.where(known[places] == keys, labels[places], IGNORE_LABEL).astype(np.uint8)


def _keys(colors):
    """One number for each colour of [..., 3]."""
    red, green, blue = np.moveaxis(colors.astype(np.int32), -1, 0)
    return (red << 16) | (green << 8) | blue


def _key(color):
    return int(_keys(np.array(color)))


def _color(key):
    return key >> 16, (key >> 8) & 255, key & 255


def _text(color):
    return " ".join(map(str, color))
