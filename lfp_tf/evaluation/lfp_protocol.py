"""The test procedure of LFP's VOC networks: many sizes, both directions, windows a third apart.

`wanggrun/Learning-Feature-Pyramids pyramid/VOC/gr_test_pad_crf_msc_flip.py`: cubic resizing of the
uint8 picture, windows of 480 pixels every 160, the network's maps enlarged to the window by TF1's
bilinear rule, softmax, perhaps the dense CRF inside each window, means over windows, sizes and
directions, cubic resizing back. The original took a second softmax of the CRF's result by mistake:
it keeps the best class of a window but flattens what is averaged; it is off here unless asked for.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from lfp_tf.evaluation.crf.crf import CrfOptions, refine
from lfp_tf.evaluation.sliding import mean_over_windows
from lfp_tf.ops.resize import resize_legacy_bilinear
from lfp_tf.ops.resize_cubic import resize_cubic
from lfp_tf.ops.shapes import height_width

PUBLISHED_SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
LARGE_PIXELS = 230_000  # pictures from here on are not enlarged beyond LARGEST_OF_LARGE
LARGEST_OF_LARGE = 1.5
WINDOWS_PER_CROP = 3


@dataclasses.dataclass(frozen=True)
class Windows:
    """How windows are laid and what becomes of their scores.

    Attributes:
        crop: (height, width) of a window.
        stride: pixels from one to the next, (down, right).
        batch: windows through the network at once.
        crf: `CrfOptions` of the CRF inside each window, or None.
        second_softmax: the original's defect, see above.
    """

    crop: tuple
    stride: tuple
    batch: int = 1
    crf: CrfOptions | None = None
    second_softmax: bool = False


def lfp_scores(network, image, *, prepare, windows, scales, is_flipped, classes):
    """A picture's scores; probabilities unless `second_softmax` flattens them.

    Args:
        network: maps float32 [n, *crop, 3], prepared, to logits [n, h, w, classes].
        image: float32 [H, W, 3] RGB grey levels, whole numbers.
        prepare: from grey levels [..., 3] to the network's input; zeros there are the mean colour
            that surrounds pictures smaller than a window.
        windows: `Windows`.
        scales: factors of the picture; those above 1.5 count only below 230000 pixels.
        is_flipped: whether the mirrored pictures count, too.
        classes: number of classes.

    Returns:
        float32 [H, W, classes].
    """
    height, width = height_width(image[None])
    is_large = height * width >= LARGE_PIXELS
    sums, counts = [], []
    for scale in scales:

        def seen(scale=scale):
            return _at_scale(
                network,
                image,
                scale,
                prepare=prepare,
                windows=windows,
                is_flipped=is_flipped,
                classes=classes,
            )

        if scale <= LARGEST_OF_LARGE:
            sums.append(seen())
            counts.append(1.0)
        else:
            sums.append(tf.cond(is_large, lambda: tf.zeros([height, width, classes]), seen))
            counts.append(tf.where(is_large, 0.0, 1.0))
    return tf.add_n(sums) / tf.add_n([tf.convert_to_tensor(count) for count in counts])


def _at_scale(network, image, scale, *, prepare, windows, is_flipped, classes):
    """The mean of both directions at one size, brought back: [H, W, classes]."""
    size = height_width(image[None])
    scaled = [
        tf.maximum(tf.cast(tf.cast(side, tf.float64) * scale, tf.int32), 1) for side in size
    ]
    picture = resize_cubic(image[None], scaled, rounded=True)[0]
    seen = _walk(network, picture, prepare=prepare, windows=windows, classes=classes)
    seen = resize_cubic(seen[None], size)[0]
    if not is_flipped:
        return seen
    other = _walk(network, picture[:, ::-1], prepare=prepare, windows=windows, classes=classes)
    return 0.5 * (seen + resize_cubic(other[None], size)[0][:, ::-1])


def _walk(network, picture, *, prepare, windows, classes):
    """Means over the windows of a picture of grey levels [h, w, 3]: [h, w, classes]."""
    height, width = tf.unstack(tf.shape(picture)[:2])
    inputs = prepare(picture)
    if windows.crf:
        # The CRF looks at the grey levels themselves; the original rebuilt them from the inputs
        # and lost one level here and there.
        inputs = tf.concat([inputs, picture], axis=-1)
    missing = [tf.maximum(crop - side, 0) for crop, side in zip(windows.crop, (height, width), strict=True)]
    inputs = tf.pad(inputs, [[0, missing[0]], [0, missing[1]], [0, 0]])

    def look(pixels):
        logits = resize_legacy_bilinear(network(pixels[..., :3]), windows.crop)
        scores = tf.nn.softmax(tf.cast(logits, tf.float32))
        if windows.crf:
            scores = _refined(scores, pixels[..., 3:], windows.crf)
        return tf.nn.softmax(scores) if windows.second_softmax else scores

    seen = mean_over_windows(
        look,
        inputs,
        crop=windows.crop,
        stride=windows.stride,
        classes=classes,
        window_batch=windows.batch,
    )
    return seen[:height, :width]


def _refined(scores, pixels, options):
    """The CRF of each window, in Python: it is numpy and scipy."""

    def each(probabilities, pictures):
        pictures = pictures.astype(np.uint8)
        return np.stack([refine(*pair, options) for pair in zip(probabilities, pictures, strict=True)])

    refined = tf.numpy_function(each, [scores, pixels], tf.float32, stateful=False)
    return tf.ensure_shape(refined, scores.shape)
