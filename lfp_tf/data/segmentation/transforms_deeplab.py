"""DeepLab v2's training augmentation, drawn from a sample's key, computed where the crop sees it.

The order is that of `kazuto1011/deeplab-pytorch libs/datasets/base.py`: scale, pad, crop, flip.
Its first revision (`is_seed`; `libs/datasets/cocostuff.py` of 2018) has another way of each:

| | newest | first |
| --- | --- | --- |
| scale | one of a list | any number in a range |
| size, grid | truncated, ratio of the sizes | rounded, the factor |
| labels | Pillow's nearest | OpenCV's nearest |
| padding | at bottom and right, to the crop | around, to the size before scaling |
"""

import dataclasses

import tensorflow as tf

from lfp_tf.data.segmentation.framing import flipped_where, framed, window
from lfp_tf.errors import LfpError
from lfp_tf.ops import geometry, nearest, randomness, resize

_SALT = 2
_LABEL_RESIZES = ("pil_nearest", "opencv_nearest")


@dataclasses.dataclass(frozen=True)
class DeepLabAugmentation:
    """What `augment` may draw. Defaults: kazuto1011/deeplab-pytorch, newest, all recipes.

    Attributes:
        scale_choices: factors, one of which is drawn; empty to draw from `scales`.
        scales: least and largest factor.
        base_size: pixels of the longer side before the factor; None takes the image's own size.
        flip_probability: of the left-right flip.
        is_seed: the first revision's rules, see above.
    """

    scale_choices: tuple = (0.5, 0.75, 1.0, 1.25, 1.5)
    scales: tuple = (0.5, 1.5)
    base_size: int | None = None
    flip_probability: float = 0.5
    is_seed: bool = False

    def __post_init__(self):
        for name in ("scale_choices", "scales"):
            values = tuple(float(value) for value in getattr(self, name))
            object.__setattr__(self, name, values)
            if any(value <= 0 for value in values):
                raise LfpError(f"augmentation {name} must be above 0, not {list(values)}.")
        if len(self.scales) != 2 or self.scales[0] > self.scales[1]:
            raise LfpError(
                f"augmentation scales must be [least, largest], not {list(self.scales)}."
            )
        if self.base_size is not None and self.base_size < 1:
            raise LfpError(f"augmentation base_size must be above 0, not {self.base_size}.")
        if self.base_size is not None and self.is_seed:
            raise LfpError("augmentation base_size is not for the first revision of DeepLab v2.")
        if not 0.0 <= self.flip_probability <= 1.0:
            raise LfpError(
                f"augmentation flip_probability must lie in 0..1, not {self.flip_probability}."
            )

    @classmethod
    def seed(cls):
        """The first revision's: factors 0.5 to 1.5."""
        return cls(scale_choices=(), is_seed=True)


@dataclasses.dataclass(frozen=True)
class Frame:
    """How an image of one size and factor lies in what the crop is cut from.

    Attributes:
        grid: `geometry.Grid` of the scaling.
        before: int32 [2], rows above and columns left that padding adds.
        padded: int32 [2], size after padding, nowhere below the crop.
    """

    grid: geometry.Grid
    before: tf.Tensor
    padded: tf.Tensor


@dataclasses.dataclass(frozen=True)
class Choices:
    """One sample's drawn numbers.

    Attributes:
        frame: `Frame` of the drawn factor.
        offset: int32 [2], the crop's place in the padded image.
        is_flipped: whether the crop is flipped; bool scalar.
    """

    frame: Frame
    offset: tf.Tensor
    is_flipped: tf.Tensor


def augment(image, labels, key, *, crop, mean, augmentation, ignore_label=255):
    """Scales, pads, crops and flips one sample, every choice drawn from its key.

    Args:
        image: [H, W, 3] RGB grey levels, uint8 or float32, of any size.
        labels: [H, W], any whole-number type.
        key: int32 [2], (seed, index of the sample in the run).
        crop: (height, width) of the result.
        mean: RGB grey levels of what lies outside the image.
        augmentation: `DeepLabAugmentation`.
        ignore_label: label of what lies outside.

    Returns:
        float32 [*crop, 3] grey levels, int32 [*crop].
    """
    choices = draw(tf.shape(labels), key, crop=crop, augmentation=augmentation)
    return render(image, labels, choices, crop=crop, mean=mean, ignore_label=ignore_label)


def draw(size, key, *, crop, augmentation):
    """The `Choices` of one sample: a pure function of its image's size [2] and its key."""
    draws = randomness.uniforms(key, 4, salt=_SALT)
    frame = frame_of(size, _scale(draws[0], augmentation), crop=crop, augmentation=augmentation)
    offset = randomness.whole_number(draws[1:3], frame.padded - crop)
    return Choices(frame, offset, draws[3] < augmentation.flip_probability)


def frame_of(size, scale, *, crop, augmentation):
    """The `Frame` of an image's size int32 [2] and a factor (float64 scalar)."""
    if augmentation.is_seed:
        grid = geometry.opencv_grid(size, tf.stack([scale, scale]))
        padded = tf.maximum(tf.maximum(grid.scaled, size), crop)
        return Frame(grid, (padded - grid.scaled) // 2, padded)
    base = _based(size, augmentation.base_size) if augmentation.base_size else size
    scaled = tf.maximum(tf.cast(tf.cast(base, tf.float64) * scale, tf.int32), 1)
    return Frame(geometry.sized_grid(size, scaled), tf.zeros_like(size), tf.maximum(scaled, crop))


def render(image, labels, choices, *, crop, mean, ignore_label=255):
    """Carries out `Choices`, computing only what the crop shows; as `augment` in all else."""
    grid, before = choices.frame.grid, choices.frame.before
    low = tf.maximum(choices.offset - before, 0)
    high = tf.minimum(choices.offset - before + crop, grid.scaled)

    def shown():
        source_low, source_high = geometry.scaled_source(grid, low, high)
        part = window(image, source_low, source_high)
        return framed(
            geometry.scale_window(part, source_low, grid, low, high),
            geometry.scale_labels_window(labels, grid, low, high),
            tf.maximum(before - choices.offset, 0),
            crop=crop,
            mean=mean,
            ignore_label=ignore_label,
        )

    def padding():
        nothing = tf.broadcast_to(tf.constant(mean, tf.float32), [*crop, 3])
        return nothing, tf.fill([*crop], tf.constant(ignore_label, tf.int32))

    # Padded to the size before scaling, small images leave room for crops beside them.
    image, labels = tf.cond(tf.reduce_all(high > low), shown, padding)
    image, labels = flipped_where(choices.is_flipped, image, labels)
    return tf.ensure_shape(image, [*crop, 3]), tf.ensure_shape(labels, [*crop])


def warp(image, labels, size, *, label_resize="pil_nearest"):
    """Squashes to one size, as DeepLab v2 does with COCO-Stuff 10k before all else.

    Args:
        image: [H, W, 3] grey levels, uint8 or float32.
        labels: [H, W].
        size: (height, width); the original's is 513, 513.
        label_resize: `pil_nearest` (newest) or `opencv_nearest` (first revision).

    Returns:
        float32 [*size, 3], bilinear as OpenCV's; labels [*size] of their type.
    """
    if label_resize not in _LABEL_RESIZES:
        raise LfpError(f"label_resize is one of {', '.join(_LABEL_RESIZES)}, not {label_resize}.")
    image = resize.resize_opencv(image[None], size=size)[0]
    if label_resize == "pil_nearest":
        return image, nearest.resize_pil_nearest(labels[None], size)[0]
    return image, nearest.resize_opencv_nearest(labels[None], size=size)[0]


def _scale(draw, augmentation):
    choices = augmentation.scale_choices
    if choices:
        return tf.gather(
            tf.constant(choices, tf.float64), randomness.whole_number(draw, len(choices) - 1)
        )
    least, largest = augmentation.scales
    return least + (largest - least) * draw


def _based(size, base_size):
    """The size whose longer side is `base_size`; the other is truncated, as the original does."""
    size = tf.cast(size, tf.float64)
    return tf.cast(tf.floor(base_size * size / tf.reduce_max(size)), tf.int32)
