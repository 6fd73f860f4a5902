"""From RPN outputs to proposals: the best boxes of each level, decoded, clipped, suppressed.

Letters: B images, H x W cells, A anchors a cell, P boxes kept a level, N boxes kept in all.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from lfp_tf.ops.detection.boxes import LARGEST_LOG, clip, decode
from lfp_tf.ops.detection.choices import first_true
from lfp_tf.ops.detection.nms import kept_mask, nms
from lfp_tf.ops.shapes import side

# The score of what is no box.
_NONE = -float("inf")


@dataclasses.dataclass(frozen=True)
class ProposalOptions:
    """How proposals are made; Detectron's values of testing.

    Attributes:
        pre_nms: boxes with the best scores of a level that are looked at.
        post_nms: boxes that a level keeps.
        nms: overlap from which on a box suppresses another.
        min_size: shortest side, in pixels of the image before it was scaled.
        largest_log: as of `boxes.decode`.
        pixel: as in `boxes`.
        inclusive, later_first: as of `nms.nms`.
        ranks_logits: whether scores are taken before the sigmoid, as tensorpack does; behind it
            those above 17 are equal.
    """

    pre_nms: int = 1000
    post_nms: int = 1000
    nms: float = 0.7
    min_size: float = 0.0
    largest_log: float = LARGEST_LOG
    pixel: float = 1.0
    inclusive: bool = True
    later_first: bool = True
    ranks_logits: bool = False


class Proposals(NamedTuple):
    """Boxes of each image, best first.

    Attributes:
        boxes: [B, N, 4] float32, pixels of the network's input; zeros behind the last.
        scores: [B, N] objectness in 0..1, or logits; zeros behind the last.
        counts: int32 [B].
    """

    boxes: tf.Tensor
    scores: tf.Tensor
    counts: tf.Tensor


class JointProposals(NamedTuple):
    """Boxes of all images together, best first.

    Attributes:
        boxes: [N, 4] float32; zeros behind the last.
        images: int32 [N], the image of each box; 0 behind the last.
        scores: [N]; zeros behind the last.
        count: int32 scalar.
    """

    boxes: tf.Tensor
    images: tf.Tensor
    scores: tf.Tensor
    count: tf.Tensor


def level_proposals(
    logits: tf.Tensor,
    deltas: tf.Tensor,
    anchors: tf.Tensor,
    image_info: tf.Tensor,
    options: ProposalOptions = ProposalOptions(),
) -> Proposals:
    """The proposals of one level (Faster R-CNN, 3.1; Detectron's `generate_proposals.py`).

    Of equal scores the earlier anchor is first. A box without area, all of which is outside of
    the image, is none.

    Args:
        logits: [B, H, W, A] objectness before the sigmoid.
        deltas: [B, H, W, 4A], anchor after anchor.
        anchors: [H * W * A, 4] of `anchor_field`.
        image_info: [B, 3] float32: height and width to clip to, and the image's scale.
        options: see there.

    Returns:
        `Proposals` of P = `options.post_nms` rows.
    """
    batch, count = side(logits, 0), side(anchors, 0)
    scores = tf.reshape(tf.cast(logits, tf.float32), tf.stack([batch, count]))
    scores = scores if options.ranks_logits else tf.sigmoid(scores)
    deltas = tf.reshape(tf.cast(deltas, tf.float32), tf.stack([batch, count, 4]))
    # XLA compiles the suppression of a known number of boxes only.
    smaller = min if isinstance(count, int) else tf.minimum
    limit = smaller(options.pre_nms, count)
    best = tf.math.top_k(scores, k=limit)
    boxes = decode(
        tf.gather(anchors, best.indices),
        tf.gather(deltas, best.indices, batch_dims=1),
        largest_log=options.largest_log,
        pixel=options.pixel,
    )
    height, width, scale = (image_info[:, i, None] for i in range(3))
    boxes = clip(boxes, height, width, pixel=options.pixel)
    usable = _is_large(boxes, height, width, scale, options)

    def suppress(arguments):
        boxes, scores = arguments
        kept = nms(
            boxes,
            scores,
            limit=limit,
            threshold=options.nms,
            pixel=options.pixel,
            inclusive=options.inclusive,
            later_first=options.later_first,
        )
        return kept_mask(kept, limit)

    masked = tf.where(usable, best.values, _NONE)
    # Boxes stay in the order of their scores, earlier anchors first, whatever was visited first.
    kept = tf.map_fn(suppress, (boxes, masked), fn_output_signature=tf.TensorSpec([None], tf.bool))
    return _taken(boxes, best.values, kept, options.post_nms)


def collect(levels: Sequence[Proposals], count: int) -> Proposals:
    """The best proposals over all levels, image by image.

    What an image gets does not depend on its neighbours, so not on how a batch is divided.

    Args:
        levels: one a level; of equal scores the earlier level is first.
        count: N.
    """
    boxes = tf.concat([level.boxes for level in levels], axis=1)
    best = _best([tf.where(_mask(level), level.scores, _NONE) for level in levels], count)
    is_box = best.values > _NONE
    boxes = tf.where(is_box[..., None], tf.gather(boxes, best.indices, batch_dims=1), 0.0)
    counts = tf.reduce_sum(tf.cast(is_box, tf.int32), axis=1)
    return Proposals(boxes, tf.where(is_box, best.values, 0.0), counts)


def collect_jointly(levels: Sequence[Proposals], count: int) -> JointProposals:
    """The best proposals over all levels and images together, as the original trains.

    `collect_and_distribute_fpn_rpn_proposals.py` of Detectron: an image with better scores takes
    places from its neighbours.

    Args:
        levels: one a level; of equal scores the earlier level is first, then the earlier image.
        count: N, of all images.
    """
    boxes = tf.concat([tf.reshape(level.boxes, [-1, 4]) for level in levels], axis=0)
    images = [tf.repeat(tf.range(side(level.scores, 0)), side(level.scores, 1)) for level in levels]
    scores = [tf.reshape(tf.where(_mask(level), level.scores, _NONE), [-1]) for level in levels]
    best = _best(scores, count)
    is_box = best.values > _NONE
    return JointProposals(
        tf.where(is_box[:, None], tf.gather(boxes, best.indices), 0.0),
        tf.where(is_box, tf.gather(tf.concat(images, axis=0), best.indices), 0),
        tf.where(is_box, best.values, 0.0),
        tf.reduce_sum(tf.cast(is_box, tf.int32)),
    )


def by_image(joint: JointProposals, batch: int | tf.Tensor) -> Proposals:
    """Joint proposals divided among their images, as many rows for each as there are in all.

    Args:
        joint: of `collect_jointly`.
        batch: B.
    """
    rows = side(joint.scores, 0)
    is_box = tf.sequence_mask(joint.count, rows)
    belongs = (joint.images[None] == tf.range(batch)[:, None]) & is_box[None]
    tiled = (tf.stack([batch, rows, 4]), tf.stack([batch, rows]))
    boxes, scores = tf.broadcast_to(joint.boxes, tiled[0]), tf.broadcast_to(joint.scores, tiled[1])
    return _taken(boxes, scores, belongs, rows)


def _is_large(boxes, height, width, scale, options):
    """Whether a box has sides, of the smallest size at least, and its centre inside the image."""
    x1, y1, x2, y2 = tf.unstack(boxes, axis=-1)
    box_width, box_height = x2 - x1 + options.pixel, y2 - y1 + options.pixel
    smallest = options.min_size * scale
    is_large = (tf.minimum(box_width, box_height) > 0.0) & (box_width >= smallest)
    is_large &= box_height >= smallest
    is_inside = (x1 + 0.5 * box_width < width) & (y1 + 0.5 * box_height < height)
    return is_large & is_inside


def _taken(boxes, scores, kept, count):
    """`Proposals` of the first `count` rows that are kept in each image."""
    chosen = first_true(kept, count)
    boxes = tf.gather(boxes, chosen.indices, batch_dims=1)
    scores = tf.gather(scores, chosen.indices, batch_dims=1)
    return Proposals(
        tf.where(chosen.is_valid[..., None], boxes, 0.0),
        tf.where(chosen.is_valid, scores, 0.0),
        tf.reduce_sum(tf.cast(chosen.is_valid, tf.int32), axis=1),
    )


def _best(scores, count):
    """Values and places of the best of concatenated scores, in `count` rows."""
    joined = tf.concat(scores, axis=-1)
    padding = [[0, 0]] * (joined.shape.rank - 1) + [[0, count]]
    best = tf.math.top_k(tf.pad(joined, padding, constant_values=_NONE), k=count)
    last = tf.maximum(side(joined, -1) - 1, 0)
    return type(best)(best.values, tf.minimum(best.indices, last))


def _mask(level):
    return tf.sequence_mask(level.counts, side(level.scores, 1))
