"""The dense CRF of DeepLab: probabilities sharpened along the edges of the image.

Kraehenbuehl and Koltun, "Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials"
(2011), with the parameters and the use of `kazuto1011/deeplab-pytorch libs/utils/crf.py`. No
TensorFlow in here: worker processes import it.
"""

import functools

import numpy as np

from lfp_tf.errors import LfpError
from lfp_tf.tasks.segmentation.crf import pydensecrf
from lfp_tf.tasks.segmentation.crf.kernel import Kernel, gaussian_kernel
from lfp_tf.tasks.segmentation.crf.mean_field import mean_field
from lfp_tf.tasks.segmentation.crf.options import PRESETS, CrfOptions

__all__ = ["PRESETS", "CrfOptions", "guiding_image", "kernels", "refine"]


def refine(
    probabilities: np.ndarray,
    image: np.ndarray,
    options: CrfOptions = CrfOptions(),  # noqa: B008 (frozen)
) -> np.ndarray:
    """Sharpens probabilities along the image's edges by the mean field.

    Args:
        probabilities: float [H, W, C], from a softmax.
        image: uint8 [H, W, 3] RGB.
        options: parameters, guide and backend.

    Returns:
        float32 [H, W, C] of sum 1.

    Raises:
        LfpError: arrays of another kind or size, values that are no probabilities.
    """
    probabilities, image = np.asarray(probabilities), np.asarray(image)
    _check(probabilities, image)
    height, width, classes = probabilities.shape
    kept = _kept_classes(probabilities, options.class_threshold)
    guide = guiding_image(image, options)
    flat = probabilities.reshape(-1, classes)
    flat = flat if kept.size == classes else flat[:, kept]
    log_probabilities = np.log(np.clip(flat, options.floor, 1), dtype=np.float32)
    if options.backend == "pydensecrf":
        refined = pydensecrf.mean_field(log_probabilities, guide, options)
    else:
        refined = mean_field(
            log_probabilities, kernels(guide, options), iterations=options.iterations
        )
    if kept.size < classes:
        refined, few = np.zeros((height * width, classes), np.float32), refined
        refined[:, kept] = few
    return refined.reshape(height, width, classes)


def guiding_image(image: np.ndarray, options: CrfOptions) -> np.ndarray:
    """Gives the image uint8 [H, W, 3] RGB whose colours guide the CRF, see `CrfOptions.guide`.

    With a mean of 104.008 the grey levels 0, 104 and 105 become 152 (-104), 0 and 0.
    """
    if options.guide == "original":
        return image
    rest = image.astype(np.float32) - np.array(options.mean_rgb, np.float32)
    return (rest.astype(np.int32) & 255).astype(np.uint8)


def kernels(guide: np.ndarray, options: CrfOptions) -> list[Kernel]:
    """Builds the pairwise terms of a guiding image uint8 [H, W, 3].

    Raises:
        LfpError: deviations too small for the image.
    """
    height, width = guide.shape[:2]
    terms = []
    if options.pos_w:
        terms.append(_spatial(height, width, options.pos_xy_std, options.pos_w))
    if options.bi_w:
        # The original reads its images with OpenCV: B, G, R. The lattice tells them apart.
        colours = guide.reshape(-1, 3).T[::-1] / np.float32(options.bi_rgb_std)
        features = np.concatenate([_places(height, width, options.bi_xy_std), colours])
        terms.append(gaussian_kernel(features, options.bi_w))
    return terms


@functools.lru_cache(maxsize=2)
def _spatial(height, width, std, weight):
    return gaussian_kernel(_places(height, width, std), weight)


def _places(height, width, std):
    """float32 [2, H * W]: x and y of each pixel in deviations."""
    y, x = np.indices((height, width), np.float32).reshape(2, -1)
    return np.stack([x, y]) / np.float32(std)


def _kept_classes(probabilities, threshold):
    if not threshold:
        return np.arange(probabilities.shape[2])
    largest = probabilities.max(axis=(0, 1))
    # Where no class reaches the threshold, the most probable one is kept.
    return np.flatnonzero(largest >= min(threshold, largest.max()))


def _check(probabilities, image):
    if probabilities.ndim != 3 or not probabilities.size or probabilities.dtype.kind != "f":
        raise LfpError(
            "The CRF needs probabilities as floats [height, width, classes], not "
            f"{probabilities.dtype} {list(probabilities.shape)}."
        )
    if image.dtype != np.uint8 or image.shape != (*probabilities.shape[:2], 3):
        height, width = probabilities.shape[:2]
        raise LfpError(
            f"The CRF needs the image as uint8 [{height}, {width}, 3] like the probabilities, "
            f"not {image.dtype} {list(image.shape)}."
        )
    # This refuses NaN, too: it compares false.
    if not (probabilities.min() >= 0 and probabilities.max() <= 1 + 1e-3):
        raise LfpError("The CRF needs probabilities between 0 and 1; logits need a softmax before.")
