"""The augmentation steps of segmentation: their options; no TensorFlow (see `data.steps`)."""

import dataclasses
from typing import ClassVar

from lfp_tf.data.steps import Flip, Step, read_steps
from lfp_tf.errors import LfpError


@dataclasses.dataclass(frozen=True)
class Scale(Step):
    """Another size, bilinear; labels by the nearest.

    Attributes:
        factors: [least, largest] factor, drawn uniformly.
        choices: factors one of which is drawn, in place of `factors`.
        aspect_ratios: [least, largest] a; sqrt(a) multiplies the width and divides the height.
        base_size: pixels of the longer side before the factor; 0 takes the image's own.
        rule: how sizes are computed and where pixels stand: `opencv` (rounded, by the factor),
            `pillow` (whole part, by the sizes; Pillow's nearest for labels), `truncated` (the same,
            OpenCV's nearest), `legacy` (TF1: whole part, corners on corners).
    """

    NAME = "scale"
    UNIFORMS = 2
    PAIRS = ("factors", "aspect_ratios")
    LIMITS: ClassVar = {
        "factors": (1e-3, 1e3),
        "choices": (1e-3, 1e3),
        "aspect_ratios": (1e-3, 1e3),
        "base_size": (0, 1e6),
    }
    CHOICES: ClassVar = {"rule": ("opencv", "pillow", "truncated", "legacy")}

    factors: tuple = (0.5, 2.0)
    choices: tuple = ()
    aspect_ratios: tuple = (1.0, 1.0)
    base_size: int = 0
    rule: str = "opencv"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "choices", tuple(float(factor) for factor in self.choices))
        if self.base_size and self.rule not in ("pillow", "truncated"):
            raise LfpError("augmentation scale.base_size goes with the rules pillow and truncated.")


@dataclasses.dataclass(frozen=True)
class Rotate(Step):
    """A turn about the middle; outside is the mean and the ignore label.

    Attributes:
        degrees: [least, largest], anti-clockwise.
        probability: of turning at all.
    """

    NAME = "rotate"
    UNIFORMS = 2
    PAIRS = ("degrees",)
    LIMITS: ClassVar = {"degrees": (-180, 180), "probability": (0, 1)}

    degrees: tuple = (-10.0, 10.0)
    probability: float = 0.5


@dataclasses.dataclass(frozen=True)
class Blur(Step):
    """OpenCV's Gaussian blur of 5x5 pixels.

    Attributes:
        probability: of it.
    """

    NAME = "blur"
    UNIFORMS = 1
    LIMITS: ClassVar = {"probability": (0, 1)}

    probability: float = 0.5


@dataclasses.dataclass(frozen=True)
class ColorShift(Step):
    """A number added to hue, one to saturation and one to value.

    Attributes:
        hue: degrees; the number lies within +- this.
        saturation: of 0..1, likewise.
        value: grey levels, likewise.
        probability: of it.
    """

    NAME = "color_shift"
    UNIFORMS = 4
    LIMITS: ClassVar = {
        "hue": (0, 180),
        "saturation": (0, 1e3),
        "value": (0, 255),
        "probability": (0, 1),
    }

    hue: float = 10.0
    saturation: float = 0.1
    value: float = 20.0
    probability: float = 0.5


@dataclasses.dataclass(frozen=True)
class Crop(Step):
    """The training crop, and what surrounds images that are smaller.

    Attributes:
        place: `random`, `centre`, or `upper_left` (one share of half of each margin, as the code of
            Learning Feature Pyramids draws it).
        padding: where it goes: `around` or `end` (bottom and right), up to the crop; `own_size`:
            around, up to the size before scaling.
        color: RGB grey levels of it; none takes the mean.
    """

    NAME = "crop"
    UNIFORMS = 2
    LIMITS: ClassVar = {"color": (0, 255)}
    CHOICES: ClassVar = {
        "place": ("random", "centre", "upper_left"),
        "padding": ("around", "end", "own_size"),
    }

    place: str = "random"
    padding: str = "around"
    color: tuple = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.color) not in (0, 3):
            raise LfpError(f"augmentation crop.color must be [R, G, B], not {list(self.color)}.")


STEPS = {kind.NAME: kind for kind in (Scale, Rotate, Blur, Flip, ColorShift, Crop)}


def check_steps(entries: list) -> None:
    """Refuses a list of steps that cannot be carried out.

    Raises:
        LfpError: an unknown step or option, a value outside its limits, two crops, a scale behind
            the crop.
    """
    names = [step.NAME for step in read_steps(entries, STEPS)]
    if names.count("crop") > 1:
        raise LfpError("augmentation.steps has two crops; leave one out.")
    if "crop" in names and "scale" in names[names.index("crop") :]:
        raise LfpError("augmentation.steps has a scale behind the crop; put it before.")
