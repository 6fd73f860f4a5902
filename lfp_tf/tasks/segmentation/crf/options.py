"""The options of the dense CRF: parameters, their published sets, guide, backend."""

import dataclasses
import math

from lfp_tf.errors import LfpError, nearest
from lfp_tf.tasks.segmentation.crf import pydensecrf

GUIDES = ("original", "wrapped_mean_subtracted")
BACKENDS = ("auto", "numpy", "pydensecrf")
_POSITIVE = ("pos_xy_std", "bi_xy_std", "bi_rgb_std")
_WEIGHTS = ("pos_w", "bi_w")


@dataclasses.dataclass(frozen=True)
class CrfOptions:
    """Options of the CRF; the defaults are those of the original's newest configurations.

    Attributes:
        iterations: of the mean field.
        pos_w, pos_xy_std: weight of the Gaussian over places, and its deviation in pixels.
        bi_w, bi_xy_std, bi_rgb_std: weight of the Gaussian over places and colours, its deviation
            in pixels and in grey levels.
        guide: `original`, the image as it is, or `wrapped_mean_subtracted`: the mean taken off
            and the rest cast to uint8, where negative values wrap around, as the original's
            evaluation did by mistake and its published numbers were made.
        mean_rgb: that mean; unused with `original`.
        floor: smallest probability; smaller ones are raised to it.
        class_threshold: a class whose probability reaches it nowhere in an image is left out, and
            its probability becomes 0; 0 keeps all.
        backend: `numpy` (this library), `pydensecrf` (package `pydensecrf2`), or `auto`, the
            quicker one: `numpy`.
    """

    iterations: int = 10
    pos_w: float = 3.0
    pos_xy_std: float = 1.0
    bi_w: float = 4.0
    bi_xy_std: float = 67.0
    bi_rgb_std: float = 3.0
    guide: str = "original"
    mean_rgb: tuple[float, ...] = (122.675, 116.669, 104.008)
    floor: float = 1e-5
    class_threshold: float = 0.0
    backend: str = "auto"

    def __post_init__(self):
        if not _is_whole(self.iterations) or self.iterations < 1:
            raise LfpError(f"iterations must be a whole number from 1, not {self.iterations}.")
        for name in _POSITIVE:
            if not _is_number(getattr(self, name)) or getattr(self, name) <= 0:
                raise LfpError(f"{name} must be a number above 0, not {getattr(self, name)}.")
        for name in _WEIGHTS:
            if not _is_number(getattr(self, name)) or getattr(self, name) < 0:
                raise LfpError(f"{name} must be a number from 0, not {getattr(self, name)}.")
        if not _is_number(self.floor) or not 0 < self.floor < 1:
            raise LfpError(f"floor must lie between 0 and 1, not {self.floor}.")
        if not _is_number(self.class_threshold) or not 0 <= self.class_threshold < 1:
            raise LfpError(
                f"class_threshold must be a probability from 0 and below 1, not "
                f"{self.class_threshold}."
            )
        if len(self.mean_rgb) != 3 or not all(map(_is_number, self.mean_rgb)):
            raise LfpError(f"mean_rgb must be three numbers, not {self.mean_rgb}.")
        object.__setattr__(self, "mean_rgb", tuple(map(float, self.mean_rgb)))
        for name, known in (("guide", GUIDES), ("backend", BACKENDS)):
            value = getattr(self, name)
            if value not in known:
                raise LfpError(
                    f'No {name} "{value}" of the CRF.{nearest(value, known)} '
                    f"There are {', '.join(known)}."
                )
        if self.backend == "pydensecrf":
            pydensecrf.check_installed()


@dataclasses.dataclass(frozen=True)
class Refinement:
    """A CRF behind the network.

    Attributes:
        options: of the CRF.
        processes: that work beside this one; 0 computes here.
    """

    options: CrfOptions
    processes: int = 0


def _is_number(value):
    return isinstance(value, (int, float)) and math.isfinite(value)


def _is_whole(value):
    return isinstance(value, int) and not isinstance(value, bool)


PRESETS = {
    "newest": CrfOptions(),
    "seed": CrfOptions(pos_xy_std=3, bi_xy_std=49, bi_rgb_std=5),
    # wanggrun/Learning-Feature-Pyramids pyramid/VOC/gr_test_pad_crf_msc_flip.py
    "lfp": CrfOptions(pos_w=4.0, bi_w=5.0, bi_xy_std=49.0, bi_rgb_std=13.0),
}
