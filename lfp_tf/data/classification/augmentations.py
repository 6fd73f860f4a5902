"""Training augmentation of images for a classifier, and the middle that evaluation takes.

The rules are those of `wanggrun/Learning-Feature-Pyramids pyramid/ImageNet/imagenet_utils.py` and
of the tensorpack 0.8.5 beside it. Images are RGB grey levels and, as there, whole numbers within
0..255 after every step; what is no whole number is cut down to one, as a cast to uint8 does.
"""

from typing import Any

import tensorflow as tf

from lfp_tf.data.classification import steps
from lfp_tf.data.draws import Draws, between
from lfp_tf.data.steps import Augmentation, Slot, read_steps
from lfp_tf.ops import randomness
from lfp_tf.ops.resize_cubic import centre_window, resize_cubic, shortest_edge_size

COLOR_STEPS = ("brightness", "contrast", "saturation", "lighting")
# Principal components of ImageNet's colours (R, G, B), the values in grey levels.
_EIGENVALUES = (0.2175 * 255.0, 0.0188 * 255.0, 0.0045 * 255.0)
_EIGENVECTORS = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)
# 0.299, 0.587, 0.114 as OpenCV has them for uint8 images.
_GREY = (9798 / 32768, 19235 / 32768, 3735 / 32768)


class AreaCrop(steps.AreaCrop):
    """See `steps.AreaCrop`; the choice is of `window`."""

    def draw(self, draws: Draws, size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The choice for an image of a size int32 [2] (height, width)."""
        return self.window(size, tf.reshape(draws.uniforms(self.UNIFORMS), [steps.TRIES, 5]))

    def window(self, size: tf.Tensor, draws: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The first of several drawn crops that fits into the image.

        Args:
            size: int32 [2], (height, width).
            draws: float64 [tries, 5] in 0..1: area, aspect ratio, exchange of the sides, row,
                column.

        Returns:
            int32 [4] (top, left, height, width), and whether any fits.
        """
        area = tf.cast(size[0], tf.float64) * tf.cast(size[1], tf.float64)
        areas = between(draws[:, 0], self.areas) * area
        ratios = between(draws[:, 1], self.aspect_ratios)
        sides = area_sides(areas, ratios, draws[:, 2] < 0.5)
        fits = tf.reduce_all(sides <= size, axis=1)
        chosen = tf.argmax(fits, output_type=tf.int32)
        side = sides[chosen]
        # The original never takes the last offset.
        offset = randomness.whole_number(draws[chosen, 3:5], tf.maximum(size - side - 1, 0))
        return tf.concat([offset, side], axis=0), fits[chosen]

    def render(self, choice: tuple, image: tf.Tensor, size: int) -> tf.Tensor:
        """From float32 [H, W, 3] to [size, size, 3]."""
        (top, left, height, width), fits = tf.unstack(choice[0]), choice[1]
        image = tf.cond(
            fits,
            lambda: resize_cubic(
                image[None, top : top + height, left : left + width], (size, size), rounded=True
            )[0],
            lambda: centre(image, shortest=size, size=size),
        )
        return tf.ensure_shape(image, [size, size, 3])


class CentreCrop(steps.CentreCrop):
    """See `steps.CentreCrop`."""

    def draw(self, draws: Draws, size: tf.Tensor) -> None:
        """Nothing is drawn."""

    def render(self, choice: None, image: tf.Tensor, size: int) -> tf.Tensor:
        """As of `AreaCrop`."""
        return centre(image, shortest=usual_shortest(size), size=size)


class ColorJitter(steps.ColorJitter):
    """See `steps.ColorJitter`; the choice is (uniform numbers [7], normal numbers [3])."""

    def draw(self, draws: Draws, size: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """As of `AreaCrop`."""
        return draws.uniforms(self.UNIFORMS), draws.normals(self.NORMALS)

    def render(self, choice: tuple, image: tf.Tensor, size: int) -> tf.Tensor:
        """Float32 [H, W, 3] through the four steps; the last four numbers sort them."""
        draws, lights = choice
        ranges = (self.brightness, self.contrast, self.saturation)
        values = [
            1.0 + share * (2.0 * draw - 1.0)
            for share, draw in zip(ranges, tf.unstack(draws[:3]), strict=True)
        ]
        values.append(self.lighting * lights)
        order = tf.argsort(draws[3:7])
        for place in range(len(COLOR_STEPS)):
            branches = [
                lambda image=image, name=name, value=value: color_step(image, name, value)
                for name, value in zip(COLOR_STEPS, values, strict=True)
            ]
            image = tf.switch_case(order[place], branches)
        return image


class Flip(steps.Flip):
    """See `steps.Flip`; the choice is whether."""

    def draw(self, draws: Draws, size: tf.Tensor) -> tf.Tensor:
        """As of `AreaCrop`."""
        return draws.uniforms(1)[0] < self.probability

    def render(self, choice: tf.Tensor, image: tf.Tensor, size: int) -> tf.Tensor:
        """As of `AreaCrop`."""
        return tf.cond(choice, lambda: image[:, ::-1], lambda: image)


KINDS = {kind.NAME: kind for kind in (AreaCrop, CentreCrop, ColorJitter, Flip)}


def augment(
    image: tf.Tensor, key: tf.Tensor, *, augmentation: Augmentation, size: int
) -> tf.Tensor:
    """Carries out all steps on one image.

    Args:
        image: [H, W, 3] RGB grey levels.
        key: int32 [2], (seed, index of the sample in the run).
        augmentation: whose steps are of `KINDS`, the first one a crop.
        size: pixels a side of the result; the original's is 224.

    Returns:
        float32 [size, size, 3] whole grey levels.
    """
    image = tf.cast(image, tf.float32)
    for step, slot in zip(augmentation.steps, augmentation.slots, strict=True):
        choice = step.draw(Draws(key, slot), tf.shape(image)[:2])
        image = step.render(choice, image, size)
    return image


def recipe(fields: Any = None) -> Augmentation:
    """The original's steps, with the numbers that it drew in every release.

    Args:
        fields: of an experiment (`tasks.classification.config`); None takes the original's values.

    Raises:
        LfpError: impossible values.
    """
    if fields is None:
        crop, jitter, flip = AreaCrop(), ColorJitter(), Flip()
    elif not fields.enabled:
        return Augmentation((CentreCrop(),), (Slot(),))
    else:
        crop = AreaCrop(tuple(fields.areas), tuple(fields.aspect_ratios))
        jitter = ColorJitter(fields.brightness, fields.contrast, fields.saturation, fields.lighting)
        flip = Flip(fields.flip_probability)
    return Augmentation(
        (crop, jitter, flip),
        (Slot((8, crop.UNIFORMS, 0)), Slot((9, 8, 0), (10, 3, 0)), Slot((9, 8, 7))),
    )


def from_steps(entries: list) -> Augmentation:
    """A user's own list of steps; the middle is taken where no crop comes first.

    Raises:
        LfpError: see `steps.check_steps`.
    """
    steps.check_steps(entries)
    own = read_steps(entries, KINDS)
    if not own or not isinstance(own[0], AreaCrop | CentreCrop):
        own.insert(0, CentreCrop())
    return Augmentation.of(own)


def area_sides(areas: tf.Tensor, ratios: tf.Tensor, is_exchanged: tf.Tensor) -> tf.Tensor:
    """Heights and widths [n, 2] of crops of areas in pixels and ratios width / height, all [n]."""
    width = tf.cast(tf.sqrt(areas * ratios) + 0.5, tf.int32)
    height = tf.cast(tf.sqrt(areas / ratios) + 0.5, tf.int32)
    upright = tf.stack([height, width], axis=1)
    return tf.where(is_exchanged[:, None], upright[:, ::-1], upright)


def color_step(image: tf.Tensor, name: str, value: tf.Tensor) -> tf.Tensor:
    """One step of `COLOR_STEPS`.

    Args:
        image: float32 [H, W, 3] RGB, whole grey levels.
        name: `brightness` (times value), `contrast` (around each channel's mean), `saturation`
            (around the grey image), `lighting` (plus the principal components, weighted).
        value: a factor, or the weights [3]; float64.
    """
    if name == "brightness":
        changed = image * tf.cast(value, tf.float32)
    elif name == "contrast":
        mean = tf.reduce_mean(image, axis=(0, 1), keepdims=True)
        changed = (image - mean) * tf.cast(value, tf.float32) + mean
    elif name == "saturation":
        grey = tf.floor(tf.tensordot(image, tf.constant(_GREY), 1) + 0.5)[..., None]
        # In double precision as there: grey pixels stand on the edge between two whole numbers.
        image, grey = tf.cast(image, tf.float64), tf.cast(grey, tf.float64)
        changed = image * value + grey * (1.0 - value)
    else:
        axes = tf.constant(_EIGENVECTORS, tf.float64)
        light = tf.linalg.matvec(axes, value * tf.constant(_EIGENVALUES, tf.float64))
        changed = tf.cast(image, tf.float64) + light
    return tf.cast(tf.floor(tf.clip_by_value(changed, 0.0, 255.0)), tf.float32)


def centre(image: tf.Tensor, *, shortest: int, size: int) -> tf.Tensor:
    """The middle of the image whose shorter side was brought to `shortest`.

    Args:
        image: [H, W, 3] RGB grey levels.
        shortest: pixels; 256 in the original.
        size: pixels a side of the result, no more than `shortest`; 224 in the original.

    Returns:
        float32 [size, size, 3] whole grey levels.
    """
    shape = tf.shape(image)
    scaled = shortest_edge_size(shape[0], shape[1], shortest)
    image = resize_cubic(image[None], scaled, rounded=True)
    return centre_window(image, (size, size))[0]


def usual_shortest(size: int) -> int:
    """The shorter side that goes with a crop of `size`, in the proportion of 256 to 224."""
    return round(size * 256 / 224)
