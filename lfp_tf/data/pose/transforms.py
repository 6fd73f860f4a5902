"""One person for training: the crop, its heat maps, and both augmented together (`mpii.lua`).

The heat maps are drawn once and then resampled with the image, as the original does: turned or
scaled, their peaks fall below 1.
"""

import dataclasses

import tensorflow as tf

from lfp_tf.errors import LfpError
from lfp_tf.ops import pose, pose_maps, randomness

_SALT = 4


@dataclasses.dataclass(frozen=True)
class PoseAugmentation:
    """What `augment` may draw. Defaults: `bearpaw/PyraNet datasets/mpii.lua:112-139`.

    Attributes:
        scale_deviation: of the normal factor around 1, which is cut at one deviation.
        rotation_deviation: of the normal angle around 0 in degrees, cut at two deviations.
        no_rotation_probability: of not turning at all.
        color: each channel is multiplied by a factor within 1 +- this, then cut to 0..255.
        flip_probability: of the left-right flip.
    """

    scale_deviation: float = 0.25
    rotation_deviation: float = 30.0
    no_rotation_probability: float = 0.6
    color: float = 0.2
    flip_probability: float = 0.5

    def __post_init__(self):
        for name, most in (("scale_deviation", 0.9), ("rotation_deviation", 180.0), ("color", 1.0)):
            if not 0.0 <= getattr(self, name) <= most:
                raise LfpError(
                    f"augmentation {name} must lie in 0..{most:g}, not {getattr(self, name)}."
                )
        for name in ("no_rotation_probability", "flip_probability"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise LfpError(f"augmentation {name} must lie in 0..1, not {getattr(self, name)}.")

    @classmethod
    def none(cls):
        """The crop as it is."""
        return cls(0.0, 0.0, 1.0, 0.0, 0.0)


@dataclasses.dataclass(frozen=True)
class Choices:
    """One person's drawn numbers.

    Attributes:
        scale: factor of the shown square; float64 scalar.
        rotation: degrees; float64 scalar.
        color: float32 [3], factors of R, G, B.
        is_flipped: bool scalar.
    """

    scale: tf.Tensor
    rotation: tf.Tensor
    color: tf.Tensor
    is_flipped: tf.Tensor


def draw(key, augmentation):
    """The `Choices` of one person: a pure function of its key int32 [2]."""
    normal = randomness.normals(key, 2, salt=_SALT)
    uniform = randomness.uniforms(key, 5, salt=_SALT + 1)
    scale = augmentation.scale_deviation
    turn = augmentation.rotation_deviation
    rotation = tf.clip_by_value(turn * normal[1], -2.0 * turn, 2.0 * turn)
    is_straight = uniform[3] < augmentation.no_rotation_probability
    color = 1.0 + augmentation.color * (2.0 * uniform[:3] - 1.0)
    return Choices(
        scale=tf.clip_by_value(1.0 + scale * normal[0], 1.0 - scale, 1.0 + scale),
        rotation=tf.where(is_straight, tf.zeros_like(rotation), rotation),
        color=tf.cast(color, tf.float32),
        is_flipped=uniform[4] < augmentation.flip_probability,
    )


def person_sample(
    image,
    points,
    center,
    scale,
    *,
    resolution,
    map_resolution,
    legacy_border=False,
    background=False,
):
    """The crop of one person and its heat maps, not augmented.

    Args:
        image: [H, W, 3] RGB grey levels.
        points: [J, 2] pixels of the image; x <= 0 is not annotated.
        center: [2].
        scale: scalar.
        resolution, map_resolution: pixels a side of the crop and of the maps; the original's are
            256 and 64.
        legacy_border, background: see `pose.heatmap_targets`.

    Returns:
        float32 [resolution, resolution, 3] grey levels, black outside the image, and float32
        [map_resolution, map_resolution, J] (J + 1 with `background`).
    """
    image = tf.cast(image, tf.float32)
    crop = pose.person_crop(image, center, scale, resolution=resolution)
    maps = pose.heatmap_targets(
        points,
        center,
        scale,
        resolution=map_resolution,
        legacy_border=legacy_border,
        background=background,
    )
    return crop, maps


def augment(image, heatmaps, key, *, augmentation, flip_order):
    """Colours, scales, turns and flips one person, every choice drawn from its key."""
    return render(image, heatmaps, draw(key, augmentation), flip_order=flip_order)


def render(image, heatmaps, choices, *, flip_order):
    """Carries out `Choices`.

    Args:
        image: float32 [R, R, 3] grey levels 0..255.
        heatmaps: float32 [r, r, J].
        choices: `Choices`.
        flip_order: see `pose_maps.flip_average`; a background map is not named in it and stays.

    Returns:
        Both, of the same shapes.
    """
    image = tf.clip_by_value(image * choices.color, 0.0, 255.0)
    image, heatmaps = (_turned(maps, choices) for maps in (image, heatmaps))
    order = [*flip_order, *range(len(flip_order), heatmaps.shape[-1])]
    return tf.cond(
        choices.is_flipped,
        lambda: (image[:, ::-1], pose_maps.mirrored_maps(heatmaps, flip_order=order)),
        lambda: (image, heatmaps),
    )


def _turned(pixels, choices):
    """The square about the middle, `scale` times as large."""
    side = pixels.shape[0]
    middle = tf.constant([(side + 1) / 2, (side + 1) / 2])
    scale = choices.scale * side / pose.PIXELS_PER_SCALE
    return pose.person_crop(pixels, middle, scale, resolution=side, rotation=choices.rotation)
