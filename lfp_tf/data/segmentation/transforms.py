"""Training augmentation: every choice drawn from a sample's key, only the crop's window computed.

The order is that of `hszhao/semseg tool/train.py`: scale, turn, blur, flip, pad, crop. The numbers
are those of `lfp_tf.parity.whole_transforms` on the whole image. DeepLab's are elsewhere
(`lfp_tf.data.segmentation.transforms_deeplab`).
"""

import dataclasses

import tensorflow as tf

from lfp_tf.data.segmentation.framing import flipped_where, framed, window
from lfp_tf.errors import LfpError
from lfp_tf.ops import filters, geometry, randomness

_SALT = 1


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """What `augment` may draw. Defaults: `hszhao/semseg`, all recipes.

    Attributes:
        scales: least and largest factor.
        aspect_ratios: least and largest a; sqrt(a) multiplies the width and divides the height.
        rotations: least and largest angle in degrees, anti-clockwise.
        rotation_probability: of turning at all.
        blur_probability: of the 5x5 blur.
        flip_probability: of the left-right flip.
        is_random_crop: a drawn crop; false takes the centre.
        is_legacy: TF1's rules: legacy resize to a truncated size, padding at bottom and right.
    """

    scales: tuple = (0.5, 2.0)
    aspect_ratios: tuple = (1.0, 1.0)
    rotations: tuple = (-10.0, 10.0)
    rotation_probability: float = 0.5
    blur_probability: float = 0.5
    flip_probability: float = 0.5
    is_random_crop: bool = True
    is_legacy: bool = False

    def __post_init__(self):
        for name in ("scales", "aspect_ratios", "rotations"):
            values = tuple(float(value) for value in getattr(self, name))
            object.__setattr__(self, name, values)
            if len(values) != 2 or values[0] > values[1]:
                raise LfpError(f"augmentation {name} must be [least, largest], not {list(values)}.")
            if name != "rotations" and values[0] <= 0:
                raise LfpError(f"augmentation {name} must be above 0, not {list(values)}.")
        for name in ("rotation_probability", "blur_probability", "flip_probability"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise LfpError(f"augmentation {name} must lie in 0..1, not {getattr(self, name)}.")

    @classmethod
    def none(cls):
        """The centre crop alone, as in validation during training."""
        return cls((1.0, 1.0), (1.0, 1.0), (0.0, 0.0), 0.0, 0.0, 0.0, is_random_crop=False)

    @classmethod
    def tf1(cls):
        """The TF1 port's: scale, flip and crop, no rotation, no blur."""
        return cls(rotation_probability=0.0, blur_probability=0.0, is_legacy=True)


@dataclasses.dataclass(frozen=True)
class Choices:
    """One sample's drawn numbers.

    Attributes:
        grid: `geometry.Grid` of the scaling; None without any.
        size: int32 [2], the image after scaling.
        angle: float64 degrees.
        is_turned, is_blurred, is_flipped: bool scalars, or None where the answer is always no.
        offset: int32 [2], the crop's place in the padded image.
        before: int32 [2], rows above and columns left that padding adds.
    """

    grid: geometry.Grid | None
    size: tf.Tensor
    angle: tf.Tensor
    is_turned: tf.Tensor | None
    is_blurred: tf.Tensor | None
    is_flipped: tf.Tensor | None
    offset: tf.Tensor
    before: tf.Tensor


def augment(image, labels, key, *, crop, mean, augmentation, ignore_label=255):
    """Scales, turns, blurs, flips, pads and crops one sample, every choice drawn from its key.

    Args:
        image: [H, W, 3] RGB grey levels, uint8 or float32, of any size.
        labels: [H, W], any whole-number type.
        key: int32 [2], (seed, index of the sample in the run).
        crop: (height, width) of the result.
        mean: RGB grey levels of what lies outside the image.
        augmentation: `Augmentation`.
        ignore_label: label of what lies outside.

    Returns:
        float32 [*crop, 3] grey levels, int32 [*crop].
    """
    choices = draw(tf.shape(labels), key, crop=crop, augmentation=augmentation)
    return render(image, labels, choices, crop=crop, mean=mean, ignore_label=ignore_label)


def draw(size, key, *, crop, augmentation):
    """The `Choices` of one sample: a pure function of its image's size [2] and its key."""
    draws = randomness.uniforms(key, 8, salt=_SALT)
    grid = _grid(size, draws, augmentation)
    scaled = size if grid is None else grid.scaled
    room = tf.maximum(scaled - crop, 0)
    padding = tf.maximum(crop - scaled, 0)
    if augmentation.is_random_crop:
        offset = randomness.whole_number(draws[6:8], room)
    else:
        offset = room // 2
    return Choices(
        grid=grid,
        size=scaled,
        angle=_between(draws[3], augmentation.rotations),
        is_turned=_decision(draws[2], augmentation.rotation_probability),
        is_blurred=_decision(draws[4], augmentation.blur_probability),
        is_flipped=_decision(draws[5], augmentation.flip_probability),
        offset=offset,
        before=tf.zeros_like(padding) if augmentation.is_legacy else padding // 2,
    )


def render(image, labels, choices, *, crop, mean, ignore_label=255):
    """Carries out `Choices`, computing only what the crop shows; as `augment` in all else."""
    low, high = _visible(choices, crop)
    margin = filters.BLUR_MARGIN if choices.is_blurred is not None else 0
    outer_low = tf.maximum(low - margin, 0)
    outer_high = tf.minimum(high + margin, choices.size)
    image, labels = _scale_and_turn(
        image, labels, choices, outer_low, outer_high, mean, ignore_label
    )
    labels = window(labels, low - outer_low, high - outer_low)
    if margin:
        image = tf.cond(
            choices.is_blurred,
            lambda: filters.gaussian_blur_window(image[None], outer_low, choices.size, low, high)[
                0
            ],
            lambda: window(image, low - outer_low, high - outer_low),
        )
    if choices.is_flipped is not None:
        image, labels = flipped_where(choices.is_flipped, image, labels)
    return framed(image, labels, choices.before, crop=crop, mean=mean, ignore_label=ignore_label)


def _visible(choices, crop):
    """The window of the scaled, not yet flipped image that the crop shows; never empty."""
    low = tf.maximum(choices.offset - choices.before, 0)
    high = tf.minimum(choices.offset - choices.before + crop, choices.size)
    if choices.is_flipped is None:
        return low, high
    width = choices.size[1]
    flipped_low = tf.stack([low[0], width - high[1]])
    flipped_high = tf.stack([high[0], width - low[1]])
    return (
        tf.where(choices.is_flipped, flipped_low, low),
        tf.where(choices.is_flipped, flipped_high, high),
    )


def _scale_and_turn(image, labels, choices, low, high, mean, ignore_label):
    if choices.is_turned is None:
        return _scale(image, labels, choices.grid, low, high)
    size, angle = choices.size, choices.angle
    turned_low, turned_high = geometry.turned_source(size, angle, low, high)
    source_low = tf.where(choices.is_turned, turned_low, low)
    source_high = tf.where(choices.is_turned, turned_high, high)
    image, labels = _scale(image, labels, choices.grid, source_low, source_high)
    turn = (source_low, size, angle, low, high)
    return tf.cond(
        choices.is_turned,
        lambda: (
            geometry.turn_window(image, *turn, fill=mean),
            geometry.turn_labels_window(labels, *turn, fill=ignore_label),
        ),
        lambda: (image, labels),
    )


def _scale(image, labels, grid, low, high):
    """The window low..high of the scaled image; float32 image."""
    if grid is None:
        return tf.cast(window(image, low, high), tf.float32), window(labels, low, high)
    source_low, source_high = geometry.scaled_source(grid, low, high)
    image = window(image, source_low, source_high)
    return (
        geometry.scale_window(image, source_low, grid, low, high),
        geometry.scale_labels_window(labels, grid, low, high),
    )


def _grid(size, draws, augmentation):
    if augmentation.scales == (1.0, 1.0) and augmentation.aspect_ratios == (1.0, 1.0):
        return None
    scale = _between(draws[0], augmentation.scales)
    ratio = tf.sqrt(_between(draws[1], augmentation.aspect_ratios))
    factors = tf.stack([scale / ratio, scale * ratio])
    grid = geometry.legacy_grid if augmentation.is_legacy else geometry.opencv_grid
    return grid(size, factors)


def _between(draw, limits):
    least, largest = limits
    return least + (largest - least) * draw


def _decision(draw, probability):
    return None if probability == 0.0 else draw < probability
