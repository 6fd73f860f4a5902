"""The second backend: Kraehenbuehl's C++ by way of `pydensecrf2` (extra `crf`), where installed."""

import importlib.util

import numpy as np

from lfp_tf.errors import LfpError


def is_installed():
    """Whether `pydensecrf` can be imported."""
    return importlib.util.find_spec("pydensecrf") is not None


def check_installed():
    """Refuses to go on without it."""
    if not is_installed():
        raise LfpError(
            "The CRF backend pydensecrf needs the package pydensecrf2 and, to install it, a C++ "
            "compiler; the backend numpy needs neither and computes the same."
        )


def mean_field(log_probabilities, guide, options):
    """Probabilities after the mean field (`kazuto1011/deeplab-pytorch libs/utils/crf.py`).

    Args:
        log_probabilities: float32 [H * W, C].
        guide: uint8 [H, W, 3] RGB.
        options: `crf.CrfOptions`.

    Returns:
        float32 [H * W, C] of sum 1.
    """
    refined = densecrf(log_probabilities, guide, options).inference(options.iterations)
    return np.ascontiguousarray(np.asarray(refined).T)


def densecrf(log_probabilities, guide, options):
    """The `DenseCRF2D` that `mean_field` runs, with its lattices."""
    from pydensecrf.densecrf import DenseCRF2D

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
