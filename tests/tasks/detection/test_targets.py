"""What a batch teaches: each image as it is alone, in the right pixels; masks of the right ones."""

import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.ops.detection.proposals import Proposals
from lfp_tf.ops.detection.roi_targets import Objects, RoiSampling, sample_rois
from lfp_tf.ops.detection.rpn_targets import RpnSampling, rpn_targets
from lfp_tf.tasks.detection.targets import (
    anchor_targets,
    masks_of_rois,
    num_mask_rois,
    sampled_rois,
    true_rois,
)

SCALES = (2.0, 0.5)
SAMPLING = RoiSampling(batch=8, foreground=0.5, pixel=0.0)
ALL = tf.constant([True] * 4)


def edges_of(box):
    """The four edges of a box as an outline."""
    x1, y1, x2, y2 = box
    corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
    return [[*a, *b] for a, b in zip(corners, corners[1:] + corners[:1], strict=True)]


def batch(*images):
    """Images of (box, class, is_crowd, box of the outline or None), filled up with what is none."""
    most = 1 + max(len(objects) for objects in images)
    values = {
        "boxes": np.full((len(images), most, 4), 7, np.float32),
        "classes": np.full((len(images), most), 3, np.int32),
        "is_crowd": np.zeros((len(images), most), bool),
        "is_valid": np.zeros((len(images), most), bool),
        "edges": np.zeros((len(images), most, 4, 4), np.float32),
        "parts": np.full((len(images), most, 4), -1, np.int32),
    }
    for number, objects in enumerate(images):
        for place, (box, label, is_crowd, outline) in enumerate(objects):
            values["boxes"][number, place] = box
            values["classes"][number, place] = label
            values["is_crowd"][number, place] = is_crowd
            values["is_valid"][number, place] = True
            if outline:
                values["edges"][number, place] = edges_of(outline)
                values["parts"][number, place] = 0
    values["info"] = np.float32([[64, 96, scale] for scale in SCALES[: len(images)]])
    values["keys"] = np.int32([[5, n] for n in range(len(images))])
    return {name: tf.constant(value) for name, value in values.items()}


TWO = batch(
    [((4, 4, 20, 20), 1, False, (4, 4, 20, 20)), ((30, 10, 40, 30), 2, False, None)],
    [((40, 20, 120, 100), 3, False, (40, 20, 80, 100)), ((0, 0, 190, 120), 1, True, None)],
)


def anchors():
    centres = np.stack(np.meshgrid(np.arange(4, 96, 8), np.arange(4, 64, 8)), -1).reshape(-1, 2)
    halves = np.array([8, 16])[:, None, None]
    return tf.constant(
        np.concatenate([centres - halves, centres + halves], -1).reshape(-1, 4), tf.float32
    )


def rows_of(values, number):
    return {name: value[number] for name, value in values.items()}


def test_anchors_of_each_image_are_those_of_it_alone():
    sampling = RpnSampling(batch=16, pixel=0.0)
    targets = anchor_targets(anchors(), TWO, sampling)
    for number, scale in enumerate(SCALES):
        own = rows_of(TWO, number)
        # Crowds and what fills up teach nothing; boxes are scaled as the image is.
        alone = rpn_targets(
            anchors(), own["boxes"][:2] * scale, [True, not number], (64.0, 96.0),
            sampling=sampling, key=own["keys"],
        )  # fmt: skip
        for name, value in alone._asdict().items():
            np.testing.assert_array_equal(getattr(targets, name)[number], value, err_msg=name)
    assert (targets.labels.numpy() == 1).any(axis=1).all()
    assert (targets.labels.numpy() >= 0).sum(axis=1).tolist() == [16, 16]


def proposals():
    """In pixels of the network: both scales, near objects and beside them, the last no proposal."""
    boxes = np.float32(
        [
            [[8, 8, 40, 38], [62, 20, 80, 58], [0, 40, 20, 60], [50, 2, 60, 12], [9, 9, 40, 40]],
            [[20, 10, 60, 52], [2, 2, 12, 12], [70, 40, 90, 60], [0, 30, 9, 50], [20, 10, 60, 50]],
        ]
    )
    return Proposals(tf.constant(boxes), tf.ones([2, 5]), tf.constant([4, 4]))


def test_sampled_boxes_of_each_image_are_those_of_it_alone_in_both_frames():
    sampled = sampled_rois(proposals(), TWO, SAMPLING)
    for number, scale in enumerate(SCALES):
        own = rows_of(TWO, number)
        objects = Objects(*(own[name] for name in ("boxes", "classes", "is_crowd", "is_valid")))
        alone = sample_rois(
            proposals().boxes[number] / scale, tf.range(5) < 4, objects, sampling=SAMPLING,
            key=own["keys"],
        )  # fmt: skip
        for name, value in alone._asdict().items():
            np.testing.assert_array_equal(getattr(sampled.rois, name)[number], value, err_msg=name)
        np.testing.assert_array_equal(sampled.boxes[number], alone.boxes * scale)
    assert sampled.rois.labels[0, :4].numpy().tolist() == [1, 2, 1, 2]
    assert sampled.rois.labels.shape == (2, 8)


def test_without_keys_the_first_are_taken():
    plain = {name: value for name, value in TWO.items() if name != "keys"}
    one, other = (sampled_rois(proposals(), plain, SAMPLING) for _ in range(2))
    np.testing.assert_array_equal(one.boxes, other.boxes)
    few = RoiSampling(batch=2, foreground=0.5, pixel=0.0)
    first = sampled_rois(proposals(), plain, few).rois
    np.testing.assert_array_equal(first.boxes[0, 0], [4, 4, 20, 20])
    assert anchor_targets(anchors(), plain, RpnSampling(batch=4)).labels.shape == (2, 192)


def test_nothing_is_learnt_through_where_proposals_stand():
    with tf.GradientTape() as tape:
        boxes = proposals().boxes
        tape.watch(boxes)
        sampled = sampled_rois(proposals()._replace(boxes=boxes), TWO, SAMPLING)
        total = tf.reduce_sum(sampled.rois.deltas) + tf.reduce_sum(sampled.boxes)
    assert tape.gradient(total, boxes) is None


@pytest.mark.parametrize(("foreground", "count"), [(0.25, 128), (0.5, 256), (0.0001, 1)])
def test_so_many_boxes_may_learn_masks(foreground, count):
    assert num_mask_rois(RoiSampling(batch=512, foreground=foreground)) == count


def masks(rois_boxes, labels, values, *, is_mask_class=ALL, candidates="set_a", objects=None):
    sampled = sampled_rois(proposals(), TWO, SAMPLING).rois
    rois = type(sampled)(
        tf.constant(rois_boxes, tf.float32)[None], tf.constant([labels]), sampled.deltas[:1],
        sampled.weights[:1], tf.constant([objects or [0] * len(labels)]),
    )  # fmt: skip
    drawn = masks_of_rois(
        rois, values, size=4, is_mask_class=is_mask_class, candidates=candidates, pixel=0.0
    )
    return drawn[0].numpy()


LEFT = (0, 0, 8, 16)


def test_the_outline_is_drawn_into_its_box_by_hand():
    values = batch([((0, 0, 16, 16), 1, False, LEFT)])
    first, background = masks([(0, 0, 16, 16), (0, 0, 16, 16)], [1, 0], values)
    np.testing.assert_array_equal(first, [[1, 1, 0, 0]] * 4)
    assert (background == -1).all()


def test_crowds_and_what_fills_up_lend_no_outline():
    values = batch([((0, 0, 16, 16), 1, True, LEFT)])
    assert (masks([(0, 0, 16, 16)], [1], values) == -1).all()
    values = batch([((0, 0, 16, 16), 1, False, LEFT)]) | {"is_valid": tf.zeros([1, 2], tf.bool)}
    assert (masks([(0, 0, 16, 16)], [1], values) == -1).all()


def test_a_class_without_masks_learns_none_and_lends_its_outline_only_to_all():
    """The box is of class 1, but the object of class 2, which has no masks, overlaps it most."""
    values = batch([((0, 0, 16, 16), 2, False, (0, 0, 16, 16)), ((0, 0, 8, 16), 1, False, LEFT)])
    words = {"is_mask_class": tf.constant([False, True, False, True])}
    box = [(0, 0, 16, 16)]
    np.testing.assert_array_equal(masks(box, [1], values, **words)[0], [[1, 1, 0, 0]] * 4)
    np.testing.assert_array_equal(masks(box, [1], values, candidates="all", **words)[0], 1)
    assert (masks(box, [2], values, **words) == -1).all()


def test_an_object_without_an_outline_learns_no_other_objects():
    """Two boxes of one class beside each other; only the second object has an outline."""
    values = batch([((0, 0, 16, 16), 1, False, None), ((2, 0, 18, 16), 1, False, (2, 0, 18, 16))])
    boxes = [(0, 0, 16, 16), (2, 0, 18, 16)]
    first, second = masks(boxes, [1, 1], values, objects=[0, 1])
    assert (first == -1).all() and (second == 1).all()


def test_sampled_boxes_know_their_objects():
    sampled = sampled_rois(proposals(), TWO, SAMPLING).rois
    for number in range(2):
        classes = TWO["classes"][number].numpy()
        labels, objects = sampled.labels[number].numpy(), sampled.objects[number].numpy()
        assert labels.any() and (classes[objects[labels > 0]] == labels[labels > 0]).all()


def test_true_boxes_are_those_of_objects_that_teach_masks():
    rois, boxes = true_rois(TWO, count=3, is_mask_class=ALL)
    np.testing.assert_array_equal(rois.labels, [[1, 0, 0], [3, 0, 0]])
    np.testing.assert_array_equal(rois.boxes[:, 0], [[4, 4, 20, 20], [40, 20, 120, 100]])
    np.testing.assert_array_equal(boxes[1, 0], [20, 10, 60, 50])
    none = true_rois(TWO, count=3, is_mask_class=tf.constant([True, False, True, False]))
    assert not none.rois.labels.numpy().any() and not none.rois.weights.numpy().any()


def test_of_more_true_boxes_than_wanted_each_is_drawn_for_some_image():
    many = [((n, 0, n + 8, 8), 1 + n % 3, False, (n, 0, n + 8, 8)) for n in range(4)]
    seen = set()
    for seed in range(20):
        values = batch(many) | {"keys": tf.constant([[seed, 3]])}
        rois = true_rois(values, count=2, is_mask_class=ALL).rois
        assert rois.labels.numpy().all() and (np.diff(rois.boxes[0, :, 0]) > 0).all()
        seen |= set(rois.boxes[0, :, 0].numpy().tolist())
    assert seen == {0, 1, 2, 3}
