"""What the box head learns from: sampled proposals with their classes and ways to objects.

Letters: N proposals, G objects, R sampled boxes (RoIs), K classes with background as 0.
"""

import dataclasses
from typing import NamedTuple

import tensorflow as tf

from lfp_tf.ops.detection.boxes import encode, overlaps
from lfp_tf.ops.detection.choices import choose, first_true
from lfp_tf.ops.shapes import side

# Numbers of the two choices among the draws of a sample's key.
_FOREGROUND, _BACKGROUND = 7003, 7004


@dataclasses.dataclass(frozen=True)
class RoiSampling:
    """Which proposals are learnt from; Detectron's values.

    Attributes:
        batch: R, boxes an image.
        foreground: the largest share of them that are objects.
        positive: a proposal of this overlap or more is an object.
        negative: (lowest, highest): background from `lowest` up to below `highest`.
        weights: factors of the four deltas.
        crowds: whether a proposal may take the class of a crowd. Tensorpack knows no crowds here.
        pixel: as in `boxes`.
    """

    batch: int = 512
    foreground: float = 0.25
    positive: float = 0.5
    negative: tuple[float, float] = (0.0, 0.5)
    weights: tuple[float, float, float, float] = (10.0, 10.0, 5.0, 5.0)
    crowds: bool = True
    pixel: float = 1.0


class Objects(NamedTuple):
    """The objects of one image.

    Attributes:
        boxes: [G, 4] float32.
        classes: int32 [G], 1..K-1.
        is_crowd: bool [G].
        is_valid: bool [G]; false for what fills up a batch.
    """

    boxes: tf.Tensor
    classes: tf.Tensor
    is_crowd: tf.Tensor
    is_valid: tf.Tensor


class Rois(NamedTuple):
    """Sampled boxes of one image: objects, then background, then what fills up.

    Attributes:
        boxes: [R, 4]; zeros where nothing was left to sample.
        labels: int32 [R], 0 for background.
        deltas: [R, 4], weighted, to the object; zeros for background.
        weights: [R], 1 where there is a box.
        objects: int32 [R], the object that a box stands for; 0..G for background.
    """

    boxes: tf.Tensor
    labels: tf.Tensor
    deltas: tf.Tensor
    weights: tf.Tensor
    objects: tf.Tensor


def sample_rois(
    proposals: tf.Tensor,
    is_proposal: tf.Tensor,
    objects: Objects,
    *,
    sampling: RoiSampling = RoiSampling(),
    key: tf.Tensor | None = None,
) -> Rois:
    """Samples boxes of one image (Fast R-CNN, 2.3; Detectron's `roi_data/fast_rcnn.py`).

    The objects' own boxes stand before the proposals, each sure of itself; crowds are never
    sampled, but a proposal may take the class of a crowd that it overlaps most, as in the
    original, unless `sampling.crowds` is false.

    Args:
        proposals: [N, 4], in the frame of the objects.
        is_proposal: [N] bool; false for what fills up.
        objects: see there.
        sampling: see there.
        key: of the sample; see `choices.choose`.
    """
    # One more row that is no object: an image may have none.
    objects = Objects(*(tf.pad(x, [[0, 1]] + [[0, 0]] * (x.shape.rank - 1)) for x in objects))
    boxes = tf.concat([objects.boxes, proposals], axis=0)
    count = side(objects.boxes, 0)
    shared = overlaps(proposals, objects.boxes, pixel=sampling.pixel)
    is_single = objects.is_valid & ~objects.is_crowd
    shared = tf.where(objects.is_valid if sampling.crowds else is_single, shared, -1.0)
    of_objects = tf.where(is_single, 1.0, -1.0)
    best = tf.where(is_proposal, tf.maximum(tf.reduce_max(shared, axis=1), 0.0), -1.0)
    best = tf.concat([of_objects, best], axis=0)
    assigned = tf.argmax(shared, axis=1, output_type=tf.int32)
    assigned = tf.concat([tf.range(count), assigned], axis=0)

    is_foreground = best >= sampling.positive
    # Python rounds halves to the even number, as the original's numpy does.
    limit = round(sampling.foreground * sampling.batch)
    is_foreground = choose(is_foreground, limit, key=key, salt=_FOREGROUND)
    low, high = sampling.negative
    left = sampling.batch - tf.reduce_sum(tf.cast(is_foreground, tf.int32))
    is_background = (best >= low) & (best < high)
    is_background = choose(is_background, left, key=key, salt=_BACKGROUND)

    # One mask, objects before background.
    chosen = first_true(tf.concat([is_foreground, is_background], axis=0), sampling.batch)
    places = chosen.indices % side(boxes, 0)
    is_object = chosen.is_valid & (chosen.indices < side(boxes, 0))
    rois = tf.where(chosen.is_valid[:, None], tf.gather(boxes, places), 0.0)
    assigned = tf.gather(assigned, places)
    deltas = encode(
        rois,
        tf.gather(objects.boxes, assigned),
        weights=sampling.weights,
        pixel=sampling.pixel,
    )
    return Rois(
        rois,
        tf.where(is_object, tf.gather(objects.classes, assigned), 0),
        tf.where(is_object[:, None], deltas, 0.0),
        tf.cast(chosen.is_valid, tf.float32),
        assigned,
    )


def class_columns(values: tf.Tensor, labels: tf.Tensor, classes: int) -> tf.Tensor:
    """Four values a box in the columns of its class, zeros elsewhere and for background.

    Args:
        values: [R, 4].
        labels: int32 [R].
        classes: K.

    Returns:
        [R, 4K], column 4k..4k+3 for class k.
    """
    which = tf.one_hot(tf.where(labels > 0, labels, -1), classes, dtype=values.dtype)
    return tf.reshape(which[:, :, None] * values[:, None], [-1, 4 * classes])
