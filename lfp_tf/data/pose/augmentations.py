"""Training augmentation of one person: the crop and its heat maps together (`mpii.lua`).

The heat maps are drawn once and then resampled with the image, as the original does: turned or
scaled, their peaks fall below 1 (`bearpaw/PyraNet datasets/mpii.lua:112-139`).
"""

from typing import Any

import tensorflow as tf

from lfp_tf.data.draws import Draws
from lfp_tf.data.pose import steps
from lfp_tf.data.steps import Augmentation, Slot, read_steps
from lfp_tf.ops import pose
from lfp_tf.ops.heatmaps import mirrored_maps


class ChannelGain(steps.ChannelGain):
    """See `steps.ChannelGain`; the choice is float32 [3], factors of R, G, B."""

    def draw(self, draws: Draws) -> tf.Tensor:
        """The choice for one person."""
        factors = 1.0 + self.reach * (2.0 * draws.uniforms(self.UNIFORMS) - 1.0)
        return tf.cast(factors, tf.float32)

    def render(self, factors, image, heatmaps, flip_order) -> tuple:
        """From float32 [R, R, 3] and [r, r, J] to both, changed."""
        return tf.clip_by_value(image * factors, 0.0, 255.0), heatmaps


class ScaleAndRotate(steps.ScaleAndRotate):
    """See `steps.ScaleAndRotate`; the choice is (factor, degrees), float64 scalars."""

    def draw(self, draws: Draws) -> tuple[tf.Tensor, tf.Tensor]:
        """As of `ChannelGain`."""
        normal, uniform = draws.normals(self.NORMALS), draws.uniforms(1)
        reach, turn = self.scale_deviation, self.rotation_deviation
        factor = tf.clip_by_value(1.0 + reach * normal[0], 1.0 - reach, 1.0 + reach)
        degrees = tf.clip_by_value(turn * normal[1], -2.0 * turn, 2.0 * turn)
        is_straight = uniform[0] < self.no_rotation_probability
        return factor, tf.where(is_straight, tf.zeros_like(degrees), degrees)

    def render(self, choice, image, heatmaps, flip_order) -> tuple:
        """As of `ChannelGain`: the square about the middle, the factor times as large."""
        return _turned(image, *choice), _turned(heatmaps, *choice)


class Flip(steps.Flip):
    """See `steps.Flip`; the choice is whether."""

    def draw(self, draws: Draws) -> tf.Tensor:
        """As of `ChannelGain`."""
        return draws.uniforms(1)[0] < self.probability

    def render(self, is_flipped, image, heatmaps, flip_order) -> tuple:
        """As of `ChannelGain`; a background map is not named in `flip_order` and stays."""
        order = [*flip_order, *range(len(flip_order), heatmaps.shape[-1])]
        return tf.cond(
            is_flipped,
            lambda: (image[:, ::-1], mirrored_maps(heatmaps, flip_order=order)),
            lambda: (image, heatmaps),
        )


KINDS = {kind.NAME: kind for kind in (ChannelGain, ScaleAndRotate, Flip)}


def augment(
    image: tf.Tensor,
    heatmaps: tf.Tensor,
    key: tf.Tensor,
    *,
    augmentation: Augmentation,
    flip_order: list,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Carries out all steps on one person.

    Args:
        image: float32 [R, R, 3] grey levels 0..255.
        heatmaps: float32 [r, r, J].
        key: int32 [2], (seed, index of the sample in the run).
        augmentation: whose steps are of `KINDS`.
        flip_order: for each joint the one that it becomes in a mirror.

    Returns:
        Both, of the same shapes.
    """
    for step, slot in zip(augmentation.steps, augmentation.slots, strict=True):
        choice = step.draw(Draws(key, slot))
        image, heatmaps = step.render(choice, image, heatmaps, flip_order)
    return image, heatmaps


def recipe(fields: Any = None) -> Augmentation:
    """The original's steps, with the numbers that it drew in every release.

    Args:
        fields: of an experiment (`tasks.pose.config`); None takes the original's values.

    Raises:
        LfpError: impossible values.
    """
    if fields is None:
        gain, turn, flip = ChannelGain(), ScaleAndRotate(), Flip()
    elif not fields.enabled:
        return Augmentation((), ())
    else:
        gain = ChannelGain(fields.color)
        turn = ScaleAndRotate(
            fields.scale_deviation, fields.rotation_deviation, fields.no_rotation_probability
        )
        flip = Flip(fields.flip_probability)
    return Augmentation(
        (gain, turn, flip), (Slot((5, 5, 0)), Slot((5, 5, 3), (4, 2, 0)), Slot((5, 5, 4)))
    )


def from_steps(entries: list) -> Augmentation:
    """A user's own list of steps.

    Raises:
        LfpError: see `steps.check_steps`.
    """
    return Augmentation.of(read_steps(entries, KINDS))


def _turned(pixels, factor, degrees):
    side = pixels.shape[0]
    middle = tf.constant([(side + 1) / 2, (side + 1) / 2])
    scale = factor * side / pose.PIXELS_PER_SCALE
    return pose.person_crop(pixels, middle, scale, resolution=side, rotation=degrees)
