"""The training augmentation of LFP's VOC networks, computed where the crop sees it.

The order is that of `wanggrun/Learning-Feature-Pyramids pyramid/VOC/coco_utils.py:165-215`: colour,
scale, flip, padding at bottom and right, crop. Two of its ways are defects, so ours differ:

| | here | original (`LfpAugmentation.original()`) |
| --- | --- | --- |
| colour | as it is | half the images: +-50 added to hue, saturation (of 0..1) and value |
| crop | anywhere, each axis on its own | in the upper left half, one share for both axes |

The original casts colours far out of range to uint8, where they wrap into noise; here they are cut
to 0..255.
"""

import dataclasses

import tensorflow as tf

from lfp_tf.data.segmentation.framing import flipped_where, framed, window
from lfp_tf.errors import LfpError
from lfp_tf.ops import geometry, randomness

_SALT = 3
_SHIFT = 50.0
_DEGREES = 360.0


@dataclasses.dataclass(frozen=True)
class LfpAugmentation:
    """What `augment` may draw.

    Attributes:
        scales: least and largest factor.
        flip_probability: of the left-right flip.
        color_probability: of the shift of hue, saturation and value.
        padding: RGB grey levels of what lies outside the image.
        is_half_range: offsets as the original draws them, see above.
    """

    scales: tuple = (0.9, 1.1)
    flip_probability: float = 0.5
    color_probability: float = 0.0
    padding: tuple = (128.0, 128.0, 128.0)
    is_half_range: bool = False

    def __post_init__(self):
        values = tuple(float(value) for value in self.scales)
        object.__setattr__(self, "scales", values)
        if len(values) != 2 or not 0 < values[0] <= values[1]:
            raise LfpError(
                f"augmentation scales must be [least, largest] above 0, not {list(values)}."
            )
        for name in ("flip_probability", "color_probability"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise LfpError(f"augmentation {name} must lie in 0..1, not {getattr(self, name)}.")

    @classmethod
    def original(cls):
        """The original's, without its cast to uint8."""
        return cls(color_probability=0.5, is_half_range=True)


@dataclasses.dataclass(frozen=True)
class Choices:
    """One sample's drawn numbers.

    Attributes:
        grid: `geometry.Grid` of the scaling.
        offset: int32 [2], the crop's place in the flipped and padded image.
        is_flipped: bool scalar.
        shift: float32 [3] added to hue (degrees), saturation and value; None never shifts.
    """

    grid: geometry.Grid
    offset: tf.Tensor
    is_flipped: tf.Tensor
    shift: tf.Tensor | None = None


def augment(image, labels, key, *, crop, mean, augmentation, ignore_label=255):
    """Colours, scales, flips, pads and crops one sample, every choice drawn from its key.

    Args:
        image: [H, W, 3] RGB grey levels, uint8 or float32, of any size.
        labels: [H, W], any whole-number type.
        key: int32 [2], (seed, index of the sample in the run).
        crop: (height, width) of the result.
        mean: of no use here: what lies outside has the colour `augmentation.padding`.
        augmentation: `LfpAugmentation`.
        ignore_label: label of what lies outside.

    Returns:
        float32 [*crop, 3] grey levels, int32 [*crop].
    """
    del mean
    choices = draw(tf.shape(labels), key, crop=crop, augmentation=augmentation)
    return render(
        image,
        labels,
        choices,
        crop=crop,
        padding=augmentation.padding,
        ignore_label=ignore_label,
    )


def draw(size, key, *, crop, augmentation):
    """The `Choices` of one sample: a pure function of its image's size [2] and its key."""
    draws = randomness.uniforms(key, 8, salt=_SALT)
    least, largest = augmentation.scales
    grid = grid_of(size, least + (largest - least) * draws[0])
    if augmentation.is_half_range:
        offset = half_range_offset(grid, draws[1], crop)
    else:
        offset = randomness.whole_number(draws[1:3], tf.maximum(grid.scaled - crop, 0))
    shift = None
    if augmentation.color_probability:
        drawn = _SHIFT * (2.0 * draws[4:7] - 1.0)
        is_shifted = draws[7] < augmentation.color_probability
        shift = tf.cast(tf.where(is_shifted, drawn, tf.zeros_like(drawn)), tf.float32)
    return Choices(grid, offset, draws[3] < augmentation.flip_probability, shift)


def grid_of(size, scale):
    """The grid of a size int32 [2] and a factor (float64 scalar): the whole part of n * scale."""
    scaled = tf.maximum(tf.cast(tf.cast(size, tf.float64) * scale, tf.int32), 1)
    step = tf.cast(size, tf.float64) / tf.cast(scaled, tf.float64)
    return geometry.Grid(size, scaled, step, 0.5 * step - 0.5)


def half_range_offset(grid, share, crop):
    """The original's offset: one share of half of each margin, the whole part."""
    margin = tf.cast(tf.maximum(grid.scaled - crop, 0), tf.float64)
    return tf.cast(share * margin / 2.0, tf.int32)


def render(image, labels, choices, *, crop, padding, ignore_label=255):
    """Carries out `Choices`, computing only what the crop shows; as `augment` in all else."""
    grid = choices.grid
    low, high = choices.offset, tf.minimum(choices.offset + crop, grid.scaled)
    width = grid.scaled[1]
    mirrored = (tf.stack([low[0], width - high[1]]), tf.stack([high[0], width - low[1]]))
    low = tf.where(choices.is_flipped, mirrored[0], low)
    high = tf.where(choices.is_flipped, mirrored[1], high)
    source_low, source_high = geometry.scaled_source(grid, low, high)
    part = tf.cast(window(image, source_low, source_high), tf.float32)
    if choices.shift is not None:
        part = tf.cond(
            tf.reduce_any(choices.shift != 0.0),
            lambda: shifted_colors(part, choices.shift),
            lambda: part,
        )
    image, labels = flipped_where(
        choices.is_flipped,
        geometry.scale_window(part, source_low, grid, low, high),
        geometry.scale_labels_window(labels, grid, low, high),
    )
    return framed(
        image,
        labels,
        tf.zeros([2], tf.int32),
        crop=crop,
        mean=padding,
        ignore_label=ignore_label,
    )


def shifted_colors(image, shift):
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
