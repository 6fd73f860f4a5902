"""The random numbers of one augmentation step."""

import tensorflow as tf

from lfp_tf.data.steps import Slot
from lfp_tf.ops import randomness


class Draws:
    """Numbers of a sample's key that belong to one step.

    Args:
        key: int32 [2], (seed, index of the sample in the run).
        slot: where they stand.
    """

    def __init__(self, key: tf.Tensor, slot: Slot) -> None:
        self.key = key
        self.slot = slot

    def uniforms(self, count: int) -> tf.Tensor:
        """Float64 [count] in [0, 1)."""
        salt, total, first = self.slot.uniforms
        return randomness.uniforms(self.key, total, salt=salt)[first : first + count]

    def normals(self, count: int) -> tf.Tensor:
        """Float64 [count] of mean 0 and deviation 1."""
        salt, total, first = self.slot.normals
        return randomness.normals(self.key, total, salt=salt)[first : first + count]


def between(draw: tf.Tensor, limits: tuple[float, float]) -> tf.Tensor:
    """The number between two limits that a draw in [0, 1) stands for."""
    return limits[0] + (limits[1] - limits[0]) * draw
