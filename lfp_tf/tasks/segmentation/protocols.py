"""From an image to class probabilities, by the protocol that a score was measured with.

| name | what | source |
| --- | --- | --- |
| `whole` | the whole image at once, logits resized to it | ours, the everyday default |
| `deeplab` | the same, perhaps squashed before | `kazuto1011/deeplab-pytorch main.py` |
| `semseg` | sliding windows, flip always | `hszhao/semseg tool/test.py` |
| `matlab` | sliding windows over Matlab's resizing | `hszhao/PSPNet evaluation` |
| `tf1_whole` | padded whole image, no softmax | `hellochick/PSPNet-tensorflow evaluate.py` |
| `lfp` | many scales, sliding windows, perhaps a CRF inside each | see `lfp_protocol.py` |

All are TensorFlow operations for images of any size, known or not (except for the CRF, which is
numpy): evaluation and exported graphs use the same ones.
"""

import dataclasses
import math
from collections.abc import Callable

import tensorflow as tf

from lfp_tf.errors import LfpError, nearest
from lfp_tf.ops.preprocessing import preprocess, preprocessing
from lfp_tf.ops.resize import LIKE, resize_aligned, resize_matlab, resize_opencv
from lfp_tf.ops.shapes import height_width
from lfp_tf.tasks.segmentation.crf.crf import CrfOptions
from lfp_tf.tasks.segmentation.lfp_protocol import WINDOWS_PER_CROP, Windows, lfp_scores
from lfp_tf.tasks.segmentation.sliding import sliding_probabilities, window_probabilities

# Protocol: the flips it allows, its own first.
_FLIPS = {
    "whole": ("none", "softmax", "logit_sum"),
    "deeplab": ("none", "softmax", "logit_sum"),
    "semseg": ("softmax",),
    "matlab": ("logit_sum",),
    "tf1_whole": ("none", "logit_sum"),
    "lfp": ("softmax", "none"),
}
_NEEDS = {
    "whole": (),
    "deeplab": (),
    "semseg": ("base_size", "crop"),
    "matlab": ("base_size", "crop"),
    "tf1_whole": ("min_size",),
    "lfp": ("crop",),
}
_DESCRIBED = ("name", "flip", "scales", "base_size", "crop", "min_size", "warp")


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How an image is brought to the network and back.

    Attributes:
        name: `whole`, `deeplab`, `semseg`, `matlab`, `tf1_whole` or `lfp`.
        flip: what the mirrored image adds: `none`, `softmax` (probabilities averaged) or
            `logit_sum`; None takes the protocol's own.
        scales: factors of the image, whose probabilities are averaged.
        base_size: long side in pixels at scale 1 (`semseg`, `matlab`; the latter adds 1).
        crop: (height, width) of a window (`semseg`, `matlab`, `lfp`).
        min_size: (height, width) to pad to at least (`tf1_whole`).
        window_batch: windows through the network at once; more take more memory.
        logits_resize: how logits come to the image's size in one pass (`whole`, `deeplab`):
            key of `ops.resize.LIKE`.
        warp: (height, width) that the image is squashed to before all else (`deeplab`); the
            result has the image's own size. None does not squash it.
        second_softmax: the original's softmax of probabilities (`lfp`).
        window_crf: `CrfOptions` of a CRF inside each window (`lfp`), or None.
    """

    name: str = "whole"
    flip: str | None = None
    scales: tuple[float, ...] = (1.0,)
    base_size: int | None = None
    crop: tuple[int, ...] | None = None
    min_size: tuple[int, ...] | None = None
    window_batch: int = 1
    logits_resize: str = "align_corners"
    warp: tuple[int, ...] | None = None
    second_softmax: bool = False
    window_crf: CrfOptions | None = None

    def __post_init__(self):
        if self.name not in _FLIPS:
            raise LfpError(
                f'No protocol "{self.name}".{nearest(self.name, _FLIPS)} '
                f"There are {', '.join(_FLIPS)}."
            )
        flips = _FLIPS[self.name]
        object.__setattr__(self, "flip", self.flip or flips[0])
        if self.flip not in flips:
            raise LfpError(
                f'Protocol {self.name} has no flip "{self.flip}"; it takes {" or ".join(flips)}.'
            )
        object.__setattr__(self, "scales", tuple(float(scale) for scale in self.scales))
        self._check_numbers()
        for field in ("base_size", "crop", "min_size"):
            is_needed = field in _NEEDS[self.name]
            if is_needed and getattr(self, field) is None:
                raise LfpError(f"Protocol {self.name} needs {field}; the experiment states it.")
            if not is_needed and getattr(self, field) is not None:
                raise LfpError(f"Protocol {self.name} has no {field}; leave it out.")

    def describe(self) -> dict:
        """Gives plain values, for JSON, without those that the protocol does not have."""
        values = {name: getattr(self, name) for name in _DESCRIBED}
        if self.name in ("whole", "deeplab"):
            values["logits_resize"] = self.logits_resize
        if self.second_softmax:
            values["second_softmax"] = True
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if value is not None
        }

    def _check_numbers(self):
        if not self.scales or min(self.scales) <= 0:
            raise LfpError(f"scales must be numbers above 0, not {list(self.scales)}.")
        if self.name == "tf1_whole" and self.scales != (1.0,):
            raise LfpError("Protocol tf1_whole has one scale, 1.0; leave scales out.")
        if self.name == "deeplab" and self.scales != (1.0,):
            raise LfpError(
                "Protocol deeplab has the network's own scales (task.model.scales); leave scales "
                "out."
            )
        if self.logits_resize not in LIKE:
            raise LfpError(
                f"logits_resize must be one of {', '.join(LIKE)}, not {self.logits_resize}."
            )
        if self.warp is not None and self.name != "deeplab":
            raise LfpError(f"Protocol {self.name} has no warp; leave it out.")
        for field in ("second_softmax", "window_crf"):
            if getattr(self, field) and self.name != "lfp":
                raise LfpError(f"Protocol {self.name} has no {field}; leave it out.")
        if self.window_batch < 1:
            raise LfpError(f"window_batch must be 1 or more, not {self.window_batch}.")
        if self.base_size is not None and self.base_size < 1:
            raise LfpError(f"base_size must be 1 or more, not {self.base_size}.")
        for field in ("crop", "min_size", "warp"):
            size = getattr(self, field)
            if size is None:
                continue
            if len(size) != 2 or min(size) < 1:
                raise LfpError(f"{field} must be [height, width] in pixels, not {list(size)}.")
            object.__setattr__(self, field, tuple(int(side) for side in size))


def probabilities(
    protocol: Protocol,
    network: Callable[[tf.Tensor], tf.Tensor],
    image: tf.Tensor,
    *,
    preprocess_name: str,
    classes: int,
) -> dict[str, tf.Tensor]:
    """Runs a network over an image as the protocol says.

    Args:
        protocol: how the image is brought to the network and back.
        network: maps float32 [n, h, w, 3], preprocessed, to logits [n, h', w', classes].
        image: [h, w, 3] RGB grey levels 0..255, uint8 or float; sizes may be unknown.
        preprocess_name: what the network expects, see `lfp_tf.ops.preprocessing`.
        classes: number of classes.

    Returns:
        {"probabilities": float32 [h, w, classes], "labels": int32 [h, w]}; with `tf1_whole`
        "scores" (sums of logits) in the place of probabilities. With `second_softmax` the
        probabilities are flattened. The first of equal values gives the label.
    """
    image = tf.cast(image, tf.float32)

    def prepare(image):
        return preprocess(image, preprocess_name)

    if protocol.name == "tf1_whole":
        scores = _tf1_whole(protocol, network, prepare(image), classes)
        return {"scores": scores, "labels": _labels(scores)}
    if protocol.name == "lfp":
        scores = _lfp(protocol, network, image, preprocess_name, classes)
        return {"probabilities": scores, "labels": _labels(scores)}
    at_scale = {"whole": _whole, "deeplab": _whole, "semseg": _semseg, "matlab": _matlab}[
        protocol.name
    ]
    total = tf.zeros([])
    for scale in protocol.scales:
        total += at_scale(protocol, network, image, scale, prepare, classes)
    mean = total / len(protocol.scales)
    return {"probabilities": mean, "labels": _labels(mean)}


def _whole(protocol, network, image, scale, prepare, classes):
    height, width = height_width(image[None])
    if protocol.warp:
        image = resize_opencv(image[None], size=protocol.warp)[0]
    if scale != 1.0:
        size = [tf.maximum(_rounded(scale * _float64(side)), 1) for side in (height, width)]
        image = resize_opencv(image[None], size=size)[0]
    scores = window_probabilities(
        network,
        prepare(image)[None],
        size=(height, width),
        flip=protocol.flip,
        resize=protocol.logits_resize,
    )
    return tf.ensure_shape(scores[0], [None, None, classes])


def _semseg(protocol, network, image, scale, prepare, classes):
    """`hszhao/semseg tool/test.py:178-230`; its sums are in float64, ours in float32."""
    height, width = height_width(image[None])
    long_side = max(round(scale * protocol.base_size), 1)
    size = _long_and_short(height, width, long_side, _half_to_even)
    inputs = prepare(resize_opencv(image[None], size=size)[0])
    missing = tf.maximum(tf.stack(protocol.crop) - size, 0)
    before = missing // 2
    scores = _slide(protocol, network, inputs, before, missing - before, classes)
    scores = scores[before[0] : before[0] + size[0], before[1] : before[1] + size[1]]
    return resize_opencv(scores[None], size=(height, width))[0]


def _matlab(protocol, network, image, scale, prepare, classes):
    """A uint8 image, antialiased resizing (`hszhao/PSPNet evaluation/ms_caffe_process.m`)."""
    height, width = height_width(image[None])
    long_side = max(math.floor(protocol.base_size * scale + 1.5), 1)
    size = _long_and_short(height, width, long_side, _single_half_away)
    inputs = prepare(resize_matlab(image[None], size, rounded=True)[0])
    missing = tf.maximum(tf.stack(protocol.crop) - size, 0)
    scores = _slide(protocol, network, inputs, tf.zeros_like(missing), missing, classes)
    scores = resize_matlab(scores[None, : size[0], : size[1]], (height, width))[0]
    return scores / tf.reduce_sum(scores, axis=-1, keepdims=True)


def _tf1_whole(protocol, network, inputs, classes):
    """Pads bottom and right with zeros; sums the maps of both flips before they are resized."""
    height, width = height_width(inputs[None])
    padded = [tf.maximum(protocol.min_size[0], height), tf.maximum(protocol.min_size[1], width)]
    inputs = tf.pad(inputs, [[0, padded[0] - height], [0, padded[1] - width], [0, 0]])[None]
    if protocol.flip == "logit_sum":
        maps = network(tf.concat([inputs, inputs[:, :, ::-1]], axis=0))
        maps = maps[:1] + maps[1:, :, ::-1]
    else:
        maps = network(inputs)
    scores = tf.cast(resize_aligned(maps, padded), tf.float32)[0, :height, :width]
    return tf.ensure_shape(scores, [None, None, classes])


def _lfp(protocol, network, image, preprocess_name, classes):
    return lfp_scores(
        network,
        tf.round(image),
        prepare=lambda image: preprocess(image, preprocess_name),
        mean=preprocessing(preprocess_name).mean,
        windows=Windows(
            protocol.crop,
            tuple(max(side // WINDOWS_PER_CROP, 1) for side in protocol.crop),
            batch=protocol.window_batch,
            crf=protocol.window_crf,
            second_softmax=protocol.second_softmax,
        ),
        scales=protocol.scales,
        is_flipped=protocol.flip == "softmax",
        classes=classes,
    )


def _slide(protocol, network, inputs, before, after, classes):
    """Windows over inputs surrounded by zeros, which are the mean colour."""
    sides = tf.concat([tf.stack([before, after], axis=1), [[0, 0]]], axis=0)
    return sliding_probabilities(
        network,
        tf.pad(inputs, sides),
        crop=protocol.crop,
        classes=classes,
        flip=protocol.flip,
        window_batch=protocol.window_batch,
    )


def _long_and_short(height, width, long_side, rounded):
    """int32 [2]: the longer side becomes `long_side`, the other keeps the proportion."""
    new_height = tf.where(height > width, long_side, rounded(long_side, width, height))
    new_width = tf.where(height > width, rounded(long_side, height, width), long_side)
    return tf.maximum(tf.stack([new_height, new_width]), 1)


def _half_to_even(long_side, side, other):
    return _rounded(long_side / _float64(side) * _float64(other))


def _single_half_away(long_side, side, other):
    ratio = tf.constant(long_side, tf.float32) / tf.cast(side, tf.float32)
    return tf.cast(tf.floor(ratio * tf.cast(other, tf.float32) + 0.5), tf.int32)


def _labels(scores):
    return tf.argmax(scores, axis=-1, output_type=tf.int32)


def _rounded(value):
    return tf.cast(tf.round(value), tf.int32)


def _float64(side):
    return tf.cast(side, tf.float64)
