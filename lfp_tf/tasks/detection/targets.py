"""What a batch teaches a detector: targets of anchors, sampled boxes and their masks.

Letters: B images, N anchors or proposals, G objects, R sampled boxes (RoIs) an image, M of them
that may learn a mask, S cells of a mask a side, K classes with background as 0.

A batch is what `data.detection.pipeline.training_batches` gives.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from lfp_tf.ops.detection.choices import choose, first_true
from lfp_tf.ops.detection.mask_targets import mask_targets
from lfp_tf.ops.detection.polygons import Outlines, has_outline
from lfp_tf.ops.detection.proposals import Proposals
from lfp_tf.ops.detection.roi_targets import Objects, Rois, RoiSampling, sample_rois
from lfp_tf.ops.detection.rpn_targets import RpnSampling, RpnTargets, rpn_targets
from lfp_tf.ops.shapes import side

Batch = Mapping[str, tf.Tensor]
# Number of the choice of objects among the draws of a sample's key; see `ops.detection`.
_TRUE_BOXES = 7005


class SampledRois(NamedTuple):
    """Sampled boxes of a batch, image after image.

    Attributes:
        rois: `Rois` of [B, R, ...], boxes in pixels of the image before scaling.
        boxes: [B, R, 4], the same boxes in pixels of the network's input.
    """

    rois: Rois
    boxes: tf.Tensor


def anchor_targets(anchors: tf.Tensor, batch: Batch, sampling: RpnSampling) -> RpnTargets:
    """Chooses the anchors that are learnt from, image by image.

    Args:
        anchors: [N, 4] of all levels.
        batch: see above.
        sampling: which and how many.

    Returns:
        `RpnTargets` of [B, N, ...].
    """
    usable = batch["is_valid"] & ~batch["is_crowd"]
    crowds = batch["is_valid"] & batch["is_crowd"]
    scaled = batch["boxes"] * batch["info"][:, 2, None, None]
    count = anchors.shape[0]
    signature = RpnTargets(
        tf.TensorSpec([count], tf.int32),
        tf.TensorSpec([count, 4], tf.float32),
        tf.TensorSpec([count], tf.float32),
        tf.TensorSpec([count], tf.float32),
    )

    def choose(boxes, is_object, is_crowd, info, key):
        return rpn_targets(
            anchors,
            boxes,
            is_object,
            info[:2],
            is_crowd=is_crowd if sampling.crowd < 1.0 else None,
            sampling=sampling,
            key=key,
        )

    return _by_image(choose, (scaled, usable, crowds, batch["info"]), batch, signature)


def sampled_rois(proposals: Proposals, batch: Batch, sampling: RoiSampling) -> SampledRois:
    """Chooses the boxes that the heads learn from, among proposals and the objects themselves.

    Args:
        proposals: of the network, in pixels of its input.
        batch: see above.
        sampling: which and how many; R = `sampling.batch`.
    """
    scales = batch["info"][:, 2]
    boxes = tf.stop_gradient(proposals.boxes) / scales[:, None, None]
    is_proposal = tf.sequence_mask(proposals.counts, side(boxes, 1))

    def sample(boxes, is_proposal, truth, classes, is_crowd, is_valid, key):
        objects = Objects(truth, classes, is_crowd, is_valid)
        return sample_rois(boxes, is_proposal, objects, sampling=sampling, key=key)

    truth = [batch[name] for name in ("boxes", "classes", "is_crowd", "is_valid")]
    elements = boxes, is_proposal, *truth
    rois = _by_image(sample, elements, batch, _rois_signature(sampling.batch))
    return SampledRois(rois, rois.boxes * scales[:, None, None])


def num_mask_rois(sampling: RoiSampling) -> int:
    """Gives M: objects stand first among the sampled boxes, and are no more than this."""
    # As `sample_rois` rounds.
    return max(round(sampling.foreground * sampling.batch), 1)


def masks_of_rois(
    rois: Rois,
    batch: Batch,
    *,
    size: int,
    is_mask_class: tf.Tensor | np.ndarray,
    candidates: str = "set_a",
    pixel: float = 1.0,
) -> tf.Tensor:
    """Draws the mask that each of the first M boxes learns.

    Args:
        rois: [B, M, ...], in pixels of the image before scaling.
        batch: see above.
        size: S.
        is_mask_class: bool [K], classes whose masks are learnt.
        candidates: whose outline a box may take: objects of these classes (`set_a`), or of all,
            as the original does (`all`).
        pixel: as in `ops.detection.boxes`.

    Returns:
        int32 [B, M, S, S]: 1 object, 0 not, -1 not counted, as for an object without an outline.
    """
    # A box that stands for a crowd takes the outline of an object, as in the original.
    teaches = batch["is_crowd"] | has_outline(Outlines(batch["edges"], batch["parts"]))
    teaches = tf.gather(tf.pad(teaches, [[0, 0], [0, 1]]), rois.objects, batch_dims=1)
    is_foreground = (rois.labels > 0) & tf.gather(is_mask_class, rois.labels) & teaches
    usable = batch["is_valid"] & ~batch["is_crowd"]
    if candidates == "set_a":
        usable &= tf.gather(is_mask_class, batch["classes"])

    def draw(row):
        boxes, is_foreground, edges, parts, usable = row
        outlines = Outlines(edges, parts)
        drawn = mask_targets(boxes, is_foreground, outlines, usable, size=size, pixel=pixel)
        return drawn.masks

    elements = (rois.boxes, is_foreground, batch["edges"], batch["parts"], usable)
    signature = tf.TensorSpec([rois.boxes.shape[1], size, size], tf.int32)
    return tf.map_fn(draw, elements, fn_output_signature=signature)


def true_rois(batch: Batch, *, count: int, is_mask_class: tf.Tensor | np.ndarray) -> SampledRois:
    """Takes the objects' own boxes, of those that teach a mask (Birodkar et al. 2021, section 3.2).

    Args:
        batch: see above.
        count: R; of more objects so many are drawn.
        is_mask_class: bool [K], classes whose masks are learnt.

    Returns:
        `SampledRois` of [B, R, ...] without deltas; label 0 for what fills up.
    """
    usable = batch["is_valid"] & ~batch["is_crowd"]
    usable &= has_outline(Outlines(batch["edges"], batch["parts"]))
    usable &= tf.gather(is_mask_class, batch["classes"])

    def choose_objects(usable, boxes, classes, key):
        # One more row that is no object: an image may have none.
        usable, classes = tf.pad(usable, [[0, 1]]), tf.pad(classes, [[0, 1]])
        taken = choose(usable, count, key=key, salt=_TRUE_BOXES)
        chosen = first_true(taken, count)
        rows = tf.gather(tf.pad(boxes, [[0, 1], [0, 0]]), chosen.indices)
        return Rois(
            tf.where(chosen.is_valid[:, None], rows, 0.0),
            tf.where(chosen.is_valid, tf.gather(classes, chosen.indices), 0),
            tf.zeros_like(rows),
            tf.cast(chosen.is_valid, tf.float32),
            chosen.indices,
        )

    elements = usable, batch["boxes"], batch["classes"]
    rois = _by_image(choose_objects, elements, batch, _rois_signature(count))
    return SampledRois(rois, rois.boxes * batch["info"][:, 2, None, None])


def _rois_signature(rows):
    return Rois(
        tf.TensorSpec([rows, 4], tf.float32),
        tf.TensorSpec([rows], tf.int32),
        tf.TensorSpec([rows, 4], tf.float32),
        tf.TensorSpec([rows], tf.float32),
        tf.TensorSpec([rows], tf.int32),
    )


def _by_image(function, elements, batch, signature):
    """Calls `function(*rows, key=...)` for every image; without keys nothing is drawn by chance."""
    keys = batch.get("keys")
    if keys is None:
        return tf.map_fn(
            lambda rows: function(*rows, key=None), elements, fn_output_signature=signature
        )
    return tf.map_fn(
        lambda rows: function(*rows[:-1], key=rows[-1]),
        (*elements, keys),
        fn_output_signature=signature,
    )
