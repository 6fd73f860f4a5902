"""The second backend: Kraehenbuehl's C++ by way of `pydensecrf2` (extra `crf`), where installed."""

import importlib.util
from typing import TYPE_CHECKING, Any

import numpy as np

from lfp_tf.errors import LfpError

if TYPE_CHECKING:
    from lfp_tf.tasks.segmentation.crf.options import CrfOptions


def is_installed() -> bool:
    """Tells whether `pydensecrf` can be imported."""
    return importlib.util.find_spec("pydensecrf") is not None


def check_installed() -> None:
    """Raises an LfpError where the package is missing."""
    if not is_installed():
        raise LfpError(
            "The CRF backend pydensecrf needs the package pydensecrf2 and, to install it, a C++ "
            "compiler; the backend numpy needs neither and computes the same."
        )


def mean_field(
    log_probabilities: np.ndarray, guide: np.ndarray, options: "CrfOptions"
) -> np.ndarray:
    """Runs the mean field (`kazuto1011/deeplab-pytorch libs/utils/crf.py`).

    Args:
        log_probabilities: float32 [H * W, C].
        guide: uint8 [H, W, 3] RGB.
        options: parameters of the CRF.

    Returns:
        float32 [H * W, C] of sum 1.
    """
    refined = densecrf(log_probabilities, guide, options).inference(options.iterations)
    return np.ascontiguousarray(np.asarray(refined).T)


# The class of the extra is no type here: it may not be installed.
def densecrf(log_probabilities: np.ndarray, guide: np.ndarray, options: "CrfOptions") -> Any:
    """Builds the `DenseCRF2D` that `mean_field` runs, with its lattices.

    Args:
        log_probabilities, guide, options: as of `mean_field`.
    """
    from pydensecrf.densecrf import DenseCRF2D  # pyright: ignore[reportMissingImports]

    height, width = guide.shape[:2]
    model = DenseCRF2D(width, height, log_probabilities.shape[1])
    model.setUnaryEnergy(np.ascontiguousarray(-log_probabilities.T))
    if options.pos_w:
        model.addPairwiseGaussian(sxy=options.pos_xy_std, compat=float(options.pos_w))
    if options.bi_w:
        model.addPairwiseBilateral(
            sxy=options.bi_xy_std,
            srgb=options.bi_rgb_std,
            rgbim=np.ascontiguousarray(guide[..., ::-1]),
            compat=float(options.bi_w),
        )
    return model
