"""The augmentation steps of pose: their options; no TensorFlow (see `data.steps`)."""

import dataclasses
from typing import ClassVar

from lfp_tf.data.steps import Flip, Step, read_steps


@dataclasses.dataclass(frozen=True)
class ChannelGain(Step):
    """Each colour channel times a factor, then cut to 0..255.

    Attributes:
        reach: factors lie within 1 +- this.
    """

    NAME = "channel_gain"
    UNIFORMS = 3
    LIMITS: ClassVar = {"reach": (0, 1)}

    reach: float = 0.2


@dataclasses.dataclass(frozen=True)
class ScaleAndRotate(Step):
    """Another size and a turn about the middle.

    Attributes:
        scale_deviation: of the normal factor around 1, which is cut at one deviation.
        rotation_deviation: of the normal angle around 0 in degrees, cut at two deviations.
        no_rotation_probability: of not turning at all.
    """

    NAME = "scale_and_rotate"
    UNIFORMS = 1
    NORMALS = 2
    LIMITS: ClassVar = {
        "scale_deviation": (0, 0.9),
        "rotation_deviation": (0, 180),
        "no_rotation_probability": (0, 1),
    }

    scale_deviation: float = 0.25
    rotation_deviation: float = 30.0
    no_rotation_probability: float = 0.6


STEPS = {kind.NAME: kind for kind in (ChannelGain, ScaleAndRotate, Flip)}


def check_steps(entries: list) -> None:
    """Refuses a list of steps that cannot be carried out.

    Raises:
        LfpError: an unknown step or option, a value outside its limits.
    """
    read_steps(entries, STEPS)
