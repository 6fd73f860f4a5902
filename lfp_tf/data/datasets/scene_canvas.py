"""A canvas for drawn scenes: tilted coordinates, smooth noise, and which instance owns a pixel."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Instances:
    """The visible cars, people and signs of a scene.

    Attributes:
        boxes: float32 [N, 4]; ymin, xmin, ymax, xmax in pixels, edges of the visible part.
        classes: int64 [N], values of `INSTANCE_CLASSES`.
        masks: bool [N, H, W], the visible part.
    """

    boxes: np.ndarray
    classes: np.ndarray
    masks: np.ndarray


class Canvas:
    """The image so far; lengths are in heights of the image, y grows downwards when tilted.

    Attributes:
        random: the scene's `RandomState`.
        size: (height, width) in pixels.
        width: in heights.
        x, y: [H, W], places of the pixels' centres; y follows the tilt.
        rows: [H, W], y without tilt.
        image: float [H, W, 3], grey levels.
        labels: uint8 [H, W].
        owner: [H, W], the instance a pixel belongs to, -1 for none.
        classes: the class of each instance so far.
    """

    def __init__(self, random: np.random.RandomState, size: tuple[int, int], tilt_degrees: float):
        height, width = size
        self.random, self.size, self.width = random, size, width / height
        rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
        self.x, self.rows = (columns + 0.5) / height, (rows + 0.5) / height
        self.y = self.rows + np.tan(np.deg2rad(tilt_degrees)) * (self.x - self.width / 2)
        self.image = np.zeros((height, width, 3))
        self.labels = np.zeros(size, np.uint8)
        self.owner = np.full(size, -1)
        self.classes: list[int] = []

    def chance(self, share: float) -> bool:
        """True with probability `share`."""
        return self.random.random_sample() < share

    def fill(
        self, mask: np.ndarray, label: int, color: np.ndarray | tuple, owner: int = -1
    ) -> None:
        """Paints a part of the image.

        Args:
            mask: bool [H, W].
            label: its class.
            color: its colour, [3] or [H, W, 3] of 0..255.
            owner: the instance it belongs to, -1 for none.
        """
        self.image[mask] = np.broadcast_to(color, self.image.shape)[mask]
        self.labels[mask] = label
        self.owner[mask] = owner

    def noise(self, cell: int) -> np.ndarray:
        """Smooth noise [H, W] of deviation near one, linear between points `cell` pixels apart."""
        height, width = self.size
        rows, columns = -(-height // cell) + 2, -(-width // cell) + 2
        grid = self.random.standard_normal((rows, columns))
        if cell == 1:
            return grid[:height, :width]
        y, x = np.arange(height), np.arange(width)
        top, left = y // cell, x // cell
        down, right = (y % cell / cell)[:, None], x % cell / cell
        tall = grid[top] * (1 - down) + grid[top + 1] * down
        return tall[:, left] * (1 - right) + tall[:, left + 1] * right

    def finish(
        self, light: np.ndarray, least_pixels: int
    ) -> tuple[np.ndarray, np.ndarray, Instances]:
        """The image under a light, its labels and instances.

        Args:
            light: [3], factors of red, green and blue.
            least_pixels: instances of fewer visible pixels are left out.

        Returns:
            image uint8 [H, W, 3], labels uint8 [H, W] and `Instances`.
        """
        image = np.clip(np.rint(self.image * light), 0, 255).astype(np.uint8)
        owned = np.bincount(self.owner[self.owner >= 0], minlength=len(self.classes))
        numbers = np.flatnonzero(owned >= least_pixels)
        masks = self.owner[None] == numbers[:, None, None]
        boxes = np.array([_box(mask) for mask in masks], np.float32).reshape(-1, 4)
        classes = np.array([self.classes[number] for number in numbers], np.int64)
        return image, self.labels, Instances(boxes, classes, masks)


def _box(mask):
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
