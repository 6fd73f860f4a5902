"""The augmentation steps of classification: their options; no TensorFlow (see `data.steps`)."""

import dataclasses
from typing import ClassVar

from lfp_tf.data.steps import Flip, Step, read_steps
from lfp_tf.errors import LfpError

TRIES = 10


@dataclasses.dataclass(frozen=True)
class AreaCrop(Step):
    """A drawn part of the image, brought to the size; the middle where no part fits.

    Attributes:
        areas: [least, largest] share of the image's area.
        aspect_ratios: [least, largest] width over height.
    """

    NAME = "area_crop"
    UNIFORMS = 5 * TRIES
    PAIRS = ("areas", "aspect_ratios")
    LIMITS: ClassVar = {"areas": (1e-6, 1), "aspect_ratios": (1e-3, 1e3)}

    areas: tuple = (0.08, 1.0)
    aspect_ratios: tuple = (0.75, 1.333)


@dataclasses.dataclass(frozen=True)
class CentreCrop(Step):
    """The middle of the image, as in evaluation."""

    NAME = "centre_crop"


@dataclasses.dataclass(frozen=True)
class ColorJitter(Step):
    """Four changes of colour in a drawn order.

    Attributes:
        brightness, contrast, saturation: factors lie within 1 +- this.
        lighting: deviation of the weights of the colours' principal components.
    """

    NAME = "color_jitter"
    UNIFORMS = 7
    NORMALS = 3
    LIMITS: ClassVar = {
        "brightness": (0, 1),
        "contrast": (0, 1),
        "saturation": (0, 1),
        "lighting": (0, 1),
    }

    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    lighting: float = 0.1


STEPS = {kind.NAME: kind for kind in (AreaCrop, CentreCrop, ColorJitter, Flip)}


def check_steps(entries: list) -> None:
    """Refuses a list of steps that cannot be carried out.

    Raises:
        LfpError: an unknown step or option, a value outside its limits, a crop that is not first.
    """
    names = [step.NAME for step in read_steps(entries, STEPS)]
    if any(name in names[1:] for name in (AreaCrop.NAME, CentreCrop.NAME)):
        raise LfpError("augmentation.steps has a crop behind another step; put one crop first.")
