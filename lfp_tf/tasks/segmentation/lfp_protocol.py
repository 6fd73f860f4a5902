"""The test procedure of LFP's VOC networks: many scales, flip, windows a third apart.

`wanggrun/Learning-Feature-Pyramids pyramid/VOC/gr_test_pad_crf_msc_flip.py`: cubic resizing of the
uint8 image, windows of 480 pixels every 160, the network's maps enlarged to the window by TF1's
bilinear rule, softmax, perhaps the dense CRF inside each window, means over windows, scales and
flips, cubic resizing back. The original took a second softmax of the CRF's result by mistake: it
keeps the best class of a window but flattens what is averaged; it is off here unless asked for.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from lfp_tf.ops.resize import resize_legacy_bilinear
from lfp_tf.ops.resize_cubic import resize_cubic
from lfp_tf.ops.shapes import height_width
from lfp_tf.tasks.segmentation.crf.crf import CrfOptions, refine
from lfp_tf.tasks.segmentation.sliding import mean_over_windows

PUBLISHED_SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
LARGE_PIXELS = 230_000  # images of so many pixels are not enlarged beyond LARGEST_OF_LARGE
LARGEST_OF_LARGE = 1.5
WINDOWS_PER_CROP = 3


@dataclasses.dataclass(frozen=True)
class Windows:
    """How windows are laid and how their scores are treated.

    Attributes:
        crop: (height, width) of a window.
        stride: pixels from one to the next, (down, right).
        batch: windows through the network at once.
        crf: `CrfOptions` of the CRF inside each window, or None.
        second_softmax: the original's defect, see above.
    """

    crop: tuple[int, ...]
    stride: tuple[int, ...]
    batch: int = 1
    crf: CrfOptions | None = None
    second_softmax: bool = False


def lfp_scores(
    network: Callable[[tf.Tensor], tf.Tensor],
    image: tf.Tensor,
    *,
    prepare: Callable[[tf.Tensor], tf.Tensor],
    mean: Sequence[float],
    windows: Windows,
    scales: Sequence[float],
    is_flipped: bool,
    classes: int,
) -> tf.Tensor:
    """Gives an image's scores; probabilities unless `second_softmax` flattens them.

    Args:
        network: maps float32 [n, *crop, 3], prepared, to logits [n, h, w, classes].
        image: float32 [H, W, 3] RGB grey levels, whole numbers.
        prepare: from grey levels [..., 3] to the network's input.
        mean: RGB grey levels whose input is 0; it surrounds images smaller than a window.
        windows: how windows are laid.
        scales: factors of the image; those above 1.5 count only below 230000 pixels.
        is_flipped: whether scores are averaged with those of the mirrored images.
        classes: number of classes.

    Returns:
        float32 [H, W, classes].
    """
    height, width = height_width(image[None])
    is_large = height * width >= LARGE_PIXELS
    walk = functools.partial(
        _walk, network, prepare=prepare, mean=mean, windows=windows, classes=classes
    )
    sums, counts = [], []
    for scale in scales:
        scores = functools.partial(_at_scale, walk, image, scale, is_flipped=is_flipped)
        if scale <= LARGEST_OF_LARGE:
            sums.append(scores())
            counts.append(1.0)
        else:
            sums.append(tf.cond(is_large, lambda: tf.zeros([height, width, classes]), scores))
            counts.append(tf.where(is_large, 0.0, 1.0))
    return tf.add_n(sums) / tf.add_n([tf.convert_to_tensor(count) for count in counts])


def _at_scale(walk, image, scale, *, is_flipped):
    """The scores at one scale, brought back to the image's size: [H, W, classes]."""
    size = height_width(image[None])
    scaled = [tf.maximum(tf.cast(tf.cast(side, tf.float64) * scale, tf.int32), 1) for side in size]
    scaled_image = resize_cubic(image[None], scaled, rounded=True)[0]
    scores = resize_cubic(walk(scaled_image)[None], size)[0]
    if not is_flipped:
        return scores
    mirrored = resize_cubic(walk(scaled_image[:, ::-1])[None], size)[0]
    return 0.5 * (scores + mirrored[:, ::-1])


def _walk(network, image, *, prepare, mean, windows, classes):
    """Means over the windows of an image of grey levels [h, w, 3]: [h, w, classes]."""
    sides = tf.unstack(tf.shape(image)[:2])
    missing = [tf.maximum(crop - side, 0) for crop, side in zip(windows.crop, sides, strict=True)]
    edges = [[0, missing[0]], [0, missing[1]], [0, 0]]
    inputs = tf.pad(prepare(image), edges)
    if windows.crf:
        # The CRF gets the grey levels themselves; the original rebuilt them from the inputs, where
        # some come out one level lower.
        around = tf.floor(tf.constant(mean, tf.float32))
        inputs = tf.concat([inputs, tf.pad(image - around, edges) + around], axis=-1)
    inputs = tf.ensure_shape(inputs, [None, None, 6 if windows.crf else 3])

    def predict(pixels):
        logits = resize_legacy_bilinear(network(pixels[..., :3]), windows.crop)
        scores = tf.nn.softmax(tf.cast(logits, tf.float32))
        if windows.crf:
            scores = _refined(scores, pixels[..., 3:], windows.crf)
        return tf.nn.softmax(scores) if windows.second_softmax else scores

    scores = mean_over_windows(
        predict,
        inputs,
        crop=windows.crop,
        stride=windows.stride,
        classes=classes,
        window_batch=windows.batch,
    )
    return scores[: sides[0], : sides[1]]


def _refined(scores, pixels, options):
    """Refines each window, outside of the graph: the CRF is numpy and scipy."""

    def each(probabilities, images):
        pairs = zip(probabilities, images.astype(np.uint8), strict=True)
        return np.stack([refine(*pair, options) for pair in pairs])

    refined = tf.numpy_function(each, [scores, pixels], tf.float32, stateful=False)
    return tf.ensure_shape(refined, scores.shape)
