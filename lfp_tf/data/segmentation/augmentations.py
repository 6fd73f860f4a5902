"""Training augmentation of images with label maps: every choice drawn from a sample's key.

A step draws its choice knowing only the image's size, so that all choices are made before a pixel
is touched. Then windows are followed back, from the crop to the image: only what the crop shows is
computed, with the same numbers as on the whole image (`lfp_tf.parity.whole_transforms`).

Sources of the recipes: `hszhao/semseg tool/train.py`, `hellochick/PSPNet-tensorflow
image_reader.py`, `kazuto1011/deeplab-pytorch libs/datasets/base.py` (its first revision:
`libs/datasets/cocostuff.py`), `wanggrun/Learning-Feature-Pyramids pyramid/VOC/coco_utils.py`.
"""

import dataclasses
from typing import Any

import tensorflow as tf

from lfp_tf.data.draws import Draws, between
from lfp_tf.data.segmentation import steps
from lfp_tf.data.steps import Augmentation, Slot, read_steps
from lfp_tf.errors import LfpError
from lfp_tf.ops import filters, geometry, nearest, randomness, resize

LABEL_RESIZES = ("pil_nearest", "opencv_nearest")
_DEGREES = 360.0


@dataclasses.dataclass(frozen=True)
class Canvas:
    """What the crop is cut from.

    Attributes:
        crop: (height, width) of the result.
        mean: RGB grey levels of what lies outside the image.
        ignore_label: label of what lies outside.
    """

    crop: tuple[int, int]
    mean: tuple[float, float, float]
    ignore_label: int = 255


@dataclasses.dataclass(frozen=True)
class Sized:
    """A choice of a step that keeps the size.

    Attributes:
        size: int32 [2] of the image.
        is_done: bool scalar, whether the step is carried out.
        value: what it is carried out with.
    """

    size: tf.Tensor
    is_done: tf.Tensor
    value: Any = None


class Scale(steps.Scale):
    """See `steps.Scale`; the choice is a `geometry.Grid`."""

    def draw(self, draws: Draws, size: tf.Tensor, crop: tuple) -> tuple:
        """The choice for an image of a size int32 [2], and the size after it."""
        if (self.factors, self.aspect_ratios, self.choices, self.base_size) == _SAME_SIZE:
            return None, size
        numbers = draws.uniforms(self.UNIFORMS)
        if self.choices:
            choices = tf.constant(self.choices, tf.float64)
            factor = tf.gather(choices, randomness.whole_number(numbers[0], len(self.choices) - 1))
        else:
            factor = between(numbers[0], self.factors)
        factors = tf.stack([factor, factor])
        if self.aspect_ratios != (1.0, 1.0):
            ratio = tf.sqrt(between(numbers[1], self.aspect_ratios))
            factors = tf.stack([factor / ratio, factor * ratio])
        grid = self.grid(size, factors)
        return grid, grid.scaled

    def grid(self, size: tf.Tensor, factors: tf.Tensor) -> geometry.Grid:
        """The grid of an image's size int32 [2] for factors float64 [2] of height and width."""
        if self.rule == "opencv":
            return geometry.opencv_grid(size, factors)
        if self.rule == "legacy":
            return geometry.legacy_grid(size, factors)
        base = _with_long_side(size, self.base_size) if self.base_size else size
        scaled = tf.maximum(tf.cast(tf.cast(base, tf.float64) * factors, tf.int32), 1)
        return geometry.sized_grid(size, scaled, is_pil=self.rule == "pillow")

    def source(self, grid: geometry.Grid, low: tf.Tensor, high: tf.Tensor) -> tuple:
        """The window of the step's input that its output low..high needs."""
        first, last = geometry.scaled_source(grid, low, high)
        labels_first, labels_last = geometry.scaled_labels_source(grid, low, high)
        return tf.minimum(first, labels_first), tf.maximum(last, labels_last)

    def render(self, grid, image, labels, source_low, low, high, canvas) -> tuple:
        """The window low..high of its output, from its input's at `source_low`."""
        first, last = geometry.scaled_source(grid, low, high)
        image = window(image, first - source_low, last - source_low)
        return (
            geometry.scale_window(image, first, grid, low, high),
            geometry.scale_labels_window(labels, source_low, grid, low, high),
        )


_SAME_SIZE = ((1.0, 1.0), (1.0, 1.0), (), 0)


class Rotate(steps.Rotate):
    """See `steps.Rotate`; the choice's value is the angle."""

    def draw(self, draws: Draws, size: tf.Tensor, crop: tuple) -> tuple:
        """As of `Scale`."""
        if not self.probability:
            return None, size
        numbers = draws.uniforms(self.UNIFORMS)
        is_turned = numbers[0] < self.probability
        return Sized(size, is_turned, between(numbers[1], self.degrees)), size

    def source(self, turn: Sized, low: tf.Tensor, high: tf.Tensor) -> tuple:
        """As of `Scale`."""
        turned_low, turned_high = geometry.turned_source(turn.size, turn.value, low, high)
        return tf.where(turn.is_done, turned_low, low), tf.where(turn.is_done, turned_high, high)

    def render(self, turn, image, labels, source_low, low, high, canvas) -> tuple:
        """As of `Scale`."""
        image = tf.cast(image, tf.float32)
        window = (source_low, turn.size, turn.value, low, high)
        return tf.cond(
            turn.is_done,
            lambda: (
                geometry.turn_window(image, *window, fill=canvas.mean),
                geometry.turn_labels_window(labels, *window, fill=canvas.ignore_label),
            ),
            lambda: (image, labels),
        )


class Blur(steps.Blur):
    """See `steps.Blur`."""

    def draw(self, draws: Draws, size: tf.Tensor, crop: tuple) -> tuple:
        """As of `Scale`."""
        if not self.probability:
            return None, size
        return Sized(size, draws.uniforms(1)[0] < self.probability), size

    def source(self, blurring: Sized, low: tf.Tensor, high: tf.Tensor) -> tuple:
        """As of `Scale`."""
        margin = filters.BLUR_MARGIN
        return tf.maximum(low - margin, 0), tf.minimum(high + margin, blurring.size)

    def render(self, blurring, image, labels, source_low, low, high, canvas) -> tuple:
        """As of `Scale`."""
        image = tf.cast(image, tf.float32)
        begin, end = low - source_low, high - source_low
        size = blurring.size
        image = tf.cond(
            blurring.is_done,
            lambda: filters.gaussian_blur_window(image[None], source_low, size, low, high)[0],
            lambda: window(image, begin, end),
        )
        return image, window(labels, begin, end)


class Flip(steps.Flip):
    """See `steps.Flip`."""

    def draw(self, draws: Draws, size: tf.Tensor, crop: tuple) -> tuple:
        """As of `Scale`."""
        if not self.probability:
            return None, size
        return Sized(size, draws.uniforms(1)[0] < self.probability), size

    def source(self, flip: Sized, low: tf.Tensor, high: tf.Tensor) -> tuple:
        """As of `Scale`."""
        width = flip.size[1]
        mirrored_low = tf.stack([low[0], width - high[1]])
        mirrored_high = tf.stack([high[0], width - low[1]])
        return (
            tf.where(flip.is_done, mirrored_low, low),
            tf.where(flip.is_done, mirrored_high, high),
        )

    def render(self, flip, image, labels, source_low, low, high, canvas) -> tuple:
        """As of `Scale`."""
        return tf.cond(
            flip.is_done,
            lambda: (tf.reverse(image, [1]), tf.reverse(labels, [1])),
            lambda: (image, labels),
        )


class ColorShift(steps.ColorShift):
    """See `steps.ColorShift`; the choice's value is float32 [3], 0 where nothing is shifted."""

    def draw(self, draws: Draws, size: tf.Tensor, crop: tuple) -> tuple:
        """As of `Scale`."""
        if not self.probability:
            return None, size
        numbers = draws.uniforms(self.UNIFORMS)
        reach = tf.constant([self.hue, self.saturation, self.value], tf.float64)
        shift = tf.cast(reach * (2.0 * numbers[:3] - 1.0), tf.float32)
        return Sized(size, numbers[3] < self.probability, shift), size

    def source(self, shift: Sized, low: tf.Tensor, high: tf.Tensor) -> tuple:
        """As of `Scale`."""
        return low, high

    def render(self, shift, image, labels, source_low, low, high, canvas) -> tuple:
        """As of `Scale`."""
        image = tf.cast(image, tf.float32)
        shifted = tf.cond(shift.is_done, lambda: shifted_colors(image, shift.value), lambda: image)
        return shifted, labels


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the crop lies.

    Attributes:
        size: int32 [2] of the image.
        offset: int32 [2], the crop's place in the padded image.
        before: int32 [2], rows above and columns left that padding adds.
    """

    size: tf.Tensor
    offset: tf.Tensor
    before: tf.Tensor


class Crop(steps.Crop):
    """See `steps.Crop`; the choice is a `Place`."""

    def draw(self, draws: Draws, size: tf.Tensor, crop: tuple, own_size: tf.Tensor) -> tuple:
        """As of `Scale`; `own_size` is the image's before all steps."""
        before, margin = self.padded(size, crop, own_size)
        if self.place == "centre":
            offset = margin // 2
        elif self.place == "upper_left":
            offset = upper_left_offset(draws.uniforms(1)[0], margin)
        else:
            offset = randomness.whole_number(draws.uniforms(self.UNIFORMS), margin)
        return Place(size, offset, before), tf.constant(crop, tf.int32)

    def padded(self, size: tf.Tensor, crop: tuple, own_size: tf.Tensor) -> tuple:
        """Rows and columns that padding adds in front, and the room of the crop; int32 [2] each."""
        padded = tf.maximum(size, crop)
        if self.padding == "own_size":
            padded = tf.maximum(padded, own_size)
        before = tf.zeros_like(size) if self.padding == "end" else (padded - size) // 2
        return before, padded - crop

    def source(self, place: Place, low: tf.Tensor, high: tf.Tensor) -> tuple:
        """As of `Scale`; empty where the crop shows padding alone."""
        shift = place.offset - place.before
        return tf.maximum(low + shift, 0), tf.minimum(high + shift, place.size)

    def render(self, place, image, labels, source_low, low, high, canvas) -> tuple:
        """As of `Scale`."""
        return framed(
            tf.cast(image, tf.float32),
            labels,
            tf.maximum(place.before - place.offset - low, 0),
            size=high - low,
            color=self.color or canvas.mean,
            ignore_label=canvas.ignore_label,
        )


KINDS = {kind.NAME: kind for kind in (Scale, Rotate, Blur, Flip, ColorShift, Crop)}


def augment(
    image: tf.Tensor,
    labels: tf.Tensor,
    key: tf.Tensor,
    *,
    augmentation: Augmentation,
    canvas: Canvas,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Carries out all steps on one sample.

    Args:
        image: [H, W, 3] RGB grey levels, uint8 or float32, of any size.
        labels: [H, W], any whole-number type.
        key: int32 [2], (seed, index of the sample in the run).
        augmentation: whose steps are of `KINDS`, a crop among them.
        canvas: `Canvas`.

    Returns:
        float32 [*crop, 3] grey levels, int32 [*crop].
    """
    choices = draw(tf.shape(labels), key, augmentation=augmentation, crop=canvas.crop)
    return render(image, labels, choices, augmentation=augmentation, canvas=canvas)


def draw(size: tf.Tensor, key: tf.Tensor, *, augmentation: Augmentation, crop: tuple) -> list:
    """The choice of each step: a pure function of the image's size int32 [2] and the key."""
    choices, own_size = [], size
    for step, slot in zip(augmentation.steps, augmentation.slots, strict=True):
        further = (own_size,) if isinstance(step, Crop) else ()
        choice, size = step.draw(Draws(key, slot), size, crop, *further)
        choices.append(choice)
    return choices


def render(
    image: tf.Tensor,
    labels: tf.Tensor,
    choices: list,
    *,
    augmentation: Augmentation,
    canvas: Canvas,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Carries out choices, computing only what the crop shows; as `augment` in all else."""
    drawn = zip(augmentation.steps, choices, strict=True)
    pairs = [(step, choice) for step, choice in drawn if choice is not None]
    # windows[i] is what step i takes, the last one the whole crop.
    windows = [(tf.zeros([2], tf.int32), tf.constant(canvas.crop, tf.int32))]
    for step, choice in reversed(pairs):
        windows.insert(0, step.source(choice, *windows[0]))

    def shown():
        parts = window(image, *windows[0]), window(labels, *windows[0])
        for (step, choice), (source_low, _), (low, high) in zip(
            pairs, windows[:-1], windows[1:], strict=True
        ):
            parts = step.render(choice, *parts, source_low, low, high, canvas)
        return parts[0], tf.cast(parts[1], tf.int32)

    place = next(number for number, (step, _) in enumerate(pairs) if isinstance(step, Crop))
    crop = pairs[place][0]
    if crop.padding == "own_size":
        # Small images leave room for crops beside them.
        low, high = windows[place]
        color = crop.color or canvas.mean
        image, labels = tf.cond(
            tf.reduce_all(high > low), shown, lambda: _padding_alone(canvas, color)
        )
    else:
        image, labels = shown()
    return tf.ensure_shape(image, [*canvas.crop, 3]), tf.ensure_shape(labels, [*canvas.crop])


@dataclasses.dataclass(frozen=True)
class Warp:
    """Squashes every image to one size before all else, as DeepLab v2 does with COCO-Stuff 10k.

    Attributes:
        size: (height, width); the original's is 513, 513.
        label_resize: `pil_nearest` (newest) or `opencv_nearest` (first revision).
    """

    size: tuple[int, int]
    label_resize: str = "pil_nearest"

    def __post_init__(self) -> None:
        if self.label_resize not in LABEL_RESIZES:
            choices = ", ".join(LABEL_RESIZES)
            raise LfpError(f"label_resize is one of {choices}, not {self.label_resize}.")

    def __call__(self, image: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """[H, W, 3] grey levels and [H, W] to float32 [*size, 3] and [*size] of the same type."""
        image = resize.resize_opencv(image[None], size=self.size)[0]
        if self.label_resize == "pil_nearest":
            return image, nearest.resize_pil_nearest(labels[None], self.size)[0]
        return image, nearest.resize_opencv_nearest(labels[None], size=self.size)[0]


def recipe(name: str, *, fields: Any = None) -> Augmentation:
    """The steps of a published recipe, with the numbers that it drew in every release.

    Args:
        name: `semseg`, `tf1`, `deeplab`, `deeplab_seed`, `lfp`, `lfp_original` (with its colours
            and offsets) or `none` (the centre alone).
        fields: of an experiment (`tasks.segmentation.config.Augmentation`); None takes the
            originals' values.

    Raises:
        LfpError: impossible values.
    """
    return _RECIPES[name](fields)


def from_steps(entries: list) -> Augmentation:
    """A user's own list of steps, as `data.steps.read_steps` takes it; a crop is added if missing.

    Raises:
        LfpError: see `steps.check_steps`.
    """
    steps.check_steps(entries)
    own = read_steps(entries, KINDS)
    if not any(isinstance(step, Crop) for step in own):
        own.append(Crop())
    return Augmentation.of(own)


def _semseg(fields, *, is_legacy=False):
    values = _Values(fields, factors=(0.5, 2.0), degrees=10.0, turn=0.5, blur=0.5, flip=0.5)
    rule, padding = ("legacy", "end") if is_legacy else ("opencv", "around")
    return Augmentation(
        (
            Scale(values.factors, rule=rule),
            Rotate((-values.degrees, values.degrees), 0.0 if is_legacy else values.turn),
            Blur(0.0 if is_legacy else values.blur),
            Flip(values.flip),
            Crop(padding=padding),
        ),
        _slots(1, 8, 0, 2, 4, 5, 6),
    )


def _tf1(fields):
    return _semseg(fields, is_legacy=True)


def _deeplab(fields):
    choices = tuple(fields.scale_choices) if fields else (0.5, 0.75, 1.0, 1.25, 1.5)
    base_size = fields.base_size if fields else 0
    values = _Values(fields, factors=(0.5, 1.5), flip=0.5)
    scale = Scale(values.factors, choices, base_size=base_size, rule="pillow")
    return Augmentation((scale, Crop(padding="end"), Flip(values.flip)), _slots(2, 4, 0, 1, 3))


def _deeplab_seed(fields):
    if fields and fields.base_size:
        raise LfpError("augmentation base_size is not for the first revision of DeepLab v2.")
    values = _Values(fields, factors=(0.5, 1.5), flip=0.5)
    return Augmentation(
        (Scale(values.factors), Crop(padding="own_size"), Flip(values.flip)),
        _slots(2, 4, 0, 1, 3),
    )


def _lfp(fields, *, is_original=False):
    values = _Values(fields, factors=(0.9, 1.1), flip=0.5)
    # The original casts colours far out of range to uint8, where they wrap into noise; here they
    # are cut to 0..255.
    color = ColorShift(50.0, 50.0, 50.0, 0.5 if is_original else 0.0)
    place = "upper_left" if is_original else "random"
    crop = Crop(place, "end", color=(128.0, 128.0, 128.0))
    return Augmentation(
        (color, Scale(values.factors, rule="truncated"), Flip(values.flip), crop),
        _slots(3, 8, 4, 0, 3, 1),
    )


def _lfp_original(fields):
    return _lfp(fields, is_original=True)


def _none(_):
    return Augmentation((Crop("centre"),), (Slot(),))


_RECIPES = {
    "semseg": _semseg,
    "tf1": _tf1,
    "deeplab": _deeplab,
    "deeplab_seed": _deeplab_seed,
    "lfp": _lfp,
    "lfp_original": _lfp_original,
    "none": _none,
}


class _Values:
    """An experiment's values, or an original's."""

    def __init__(self, fields, **originals):
        self.__dict__ = originals
        if fields:
            self.factors = (fields.scale_min, fields.scale_max)
            self.degrees = fields.rotate_degrees
            self.turn = fields.rotate_probability
            self.blur = fields.blur_probability
            self.flip = fields.flip_probability


def _slots(salt, total, *firsts):
    return tuple(Slot((salt, total, first)) for first in firsts)


def upper_left_offset(share: tf.Tensor, margin: tf.Tensor) -> tf.Tensor:
    """A share (float64, 0..1) of half of each margin int32 [2]: the whole part, int32 [2]."""
    return tf.cast(share * tf.cast(margin, tf.float64) / 2.0, tf.int32)


def window(pixels: tf.Tensor, low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
    """The rows and columns low..high of [H, W, ...]; both int32 [2]."""
    return pixels[low[0] : high[0], low[1] : high[1]]


def framed(image, labels, before, *, size, color, ignore_label) -> tuple:
    """Surrounds with a colour and the ignore label up to a size, where anything is missing.

    Args:
        image: float32 [H, W, 3] grey levels, no larger than the size.
        labels: [H, W].
        before: int32 [2], rows above and columns left that are added.
        size: int32 [2] of the result.
        color: RGB grey levels of what is added.
        ignore_label: label of what is added.

    Returns:
        float32 [*size, 3], int32 [*size].
    """
    labels = tf.cast(labels, tf.int32)
    after = size - before - tf.shape(labels)

    def padded():
        sides = tf.stack([before, after], axis=1)
        wide = image
        for axis in (0, 1):
            shapes = [_with_length(wide, axis, sides[axis, end]) for end in (0, 1)]
            frame = [tf.broadcast_to(tf.constant(color, tf.float32), shape) for shape in shapes]
            wide = tf.concat([frame[0], wide, frame[1]], axis=axis)
        return wide, tf.pad(labels, sides, constant_values=ignore_label)

    return tf.cond(tf.reduce_any(before + after > 0), padded, lambda: (image, labels))


def shifted_colors(image: tf.Tensor, shift: tf.Tensor) -> tf.Tensor:
    """Hue (0..360), saturation (0..1) and value (0..255) each plus a number, cut to 0..255.

    Args:
        image: float32 [H, W, 3] RGB grey levels.
        shift: float32 [3].
    """
    hue, saturation, value = tf.unstack(tf.image.rgb_to_hsv(image / 255.0), axis=-1)
    hue = tf.math.floormod(hue + shift[0] / _DEGREES, 1.0)
    shifted = [hue, saturation + shift[1], value + shift[2] / 255.0]
    changed = tf.image.hsv_to_rgb(tf.stack(shifted, axis=-1))
    return tf.clip_by_value(255.0 * changed, 0.0, 255.0)


def _padding_alone(canvas, color):
    image = tf.broadcast_to(tf.constant(color, tf.float32), [*canvas.crop, 3])
    return image, tf.fill([*canvas.crop], tf.constant(canvas.ignore_label, tf.int32))


def _with_long_side(size, length):
    """The size whose longer side is `length`; the other is truncated, as the original does."""
    size = tf.cast(size, tf.float64)
    return tf.cast(tf.floor(length * size / tf.reduce_max(size)), tf.int32)


def _with_length(image, axis, length):
    """The shape of an image whose one side has another length."""
    height, width, channels = tf.unstack(tf.shape(image))
    return [length, width, channels] if axis == 0 else [height, length, channels]
