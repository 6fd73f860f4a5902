import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from lfp_tf.ops.detection.anchors import anchor_field, cell_anchors
from lfp_tf.ops.detection.boxes import encode, overlaps
from lfp_tf.ops.detection.mask_targets import mask_targets
from lfp_tf.ops.detection.polygons import outlines_of_polygons
from lfp_tf.ops.detection.roi_targets import Objects, RoiSampling, class_columns, sample_rois
from lfp_tf.ops.detection.rpn_targets import RpnSampling, rpn_targets

ANCHORS = anchor_field(cell_anchors(8, [16], (0.5, 1, 2)), 8, (8, 10))
SIZE = (60, 75)
GT = np.array([[8, 8, 24, 22], [30, 10, 60, 50], [1, 40, 20, 58]], "f")


def objects(boxes=GT, crowd=None, padding=0):
    count = len(boxes)
    boxes = np.concatenate([boxes, np.full((padding, 4), 7.0)]).astype("f")
    crowd = np.zeros(count, bool) if crowd is None else np.array(crowd)
    return Objects(
        tf.constant(boxes, shape=[count + padding, 4]),
        tf.constant(np.arange(1, count + padding + 1), tf.int32),
        tf.constant(np.concatenate([crowd, np.zeros(padding, bool)]), tf.bool),
        tf.constant(np.arange(count + padding) < count),
    )


def anchor_targets(boxes=GT, padding=0, key=None, **words):
    made = objects(boxes, padding=padding)
    return rpn_targets(
        ANCHORS, made.boxes, made.is_valid, SIZE, key=key, sampling=RpnSampling(**words)
    )


def test_anchor_labels_are_those_of_a_plain_loop():
    result = anchor_targets(batch=10000)
    shared = overlaps(ANCHORS, GT).numpy()
    a = ANCHORS.numpy()
    inside = (a[:, :2] >= 0).all(1) & (a[:, 2] < SIZE[1]) & (a[:, 3] < SIZE[0])
    shared[~inside] = -1
    labels = np.full(len(a), -1)
    labels[(shared == shared.max(0)).any(1) | (shared.max(1) >= 0.7)] = 1
    labels[inside & (shared.max(1) < 0.3)] = 0
    np.testing.assert_array_equal(result.labels, labels)
    positive = labels == 1
    assert positive.sum() >= 2
    expected = encode(a[positive], GT[shared.argmax(1)[positive]])
    np.testing.assert_allclose(result.deltas[positive], expected, atol=1e-6)
    counted = labels >= 0
    np.testing.assert_allclose(result.outside, counted / counted.sum(), rtol=1e-6)
    np.testing.assert_array_equal(result.inside, positive)


def test_weak_best_anchors_and_those_in_a_crowd_are_tensorpacks():
    boxes = np.concatenate([GT, [[0, 0, 74, 30]]]).astype("f")
    is_crowd = tf.constant([False, False, False, True])
    words = {"batch": 10000, "pixel": 0.0}
    plain = rpn_targets(ANCHORS, boxes, ~is_crowd, SIZE, sampling=RpnSampling(**words))
    sampling = RpnSampling(**words, crowd=0.05, weak_best=False)
    ours = rpn_targets(ANCHORS, boxes, ~is_crowd, SIZE, is_crowd=is_crowd, sampling=sampling)
    in_crowd = overlaps(ANCHORS, boxes, pixel=0.0)[:, 3].numpy() > 0.05
    assert in_crowd.any() and (ours.labels.numpy()[in_crowd] == -1).all()
    np.testing.assert_array_equal(ours.labels[~in_crowd], plain.labels[~in_crowd])
    # So few are drawn that a best anchor below `negative` is not among the background.
    few = RpnSampling(batch=4, foreground=1.0, positive=0.9, negative=0.9, pixel=0.0)
    labels = rpn_targets(ANCHORS, GT, tf.fill([3], True), SIZE, sampling=few).labels.numpy()
    assert (labels == 1).any()
    weak = RpnSampling(
        batch=4, foreground=1.0, positive=0.9, negative=0.9, pixel=0.0, weak_best=False
    )
    labels = rpn_targets(ANCHORS, GT, tf.fill([3], True), SIZE, sampling=weak).labels.numpy()
    assert (labels == 1).sum() == 0 and (labels == 0).sum() == 4


@given(st.integers(0, 10**6), st.integers(0, 4), st.booleans())
@settings(deadline=None, max_examples=15)
def test_anchor_samples_keep_their_counts_whatever_fills_up(seed, padding, has_key):
    key = tf.constant([seed, 5]) if has_key else None
    result = anchor_targets(batch=8, positive=0.4, key=key)
    # Background may take the place of a positive, as in the original.
    assert 4 < np.sum(result.labels.numpy() >= 0) <= 8
    assert tf.reduce_sum(result.inside) <= 4
    again = anchor_targets(batch=8, positive=0.4, key=key, padding=padding)
    for one, other in zip(result, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_image_without_objects_has_background_anchors_alone():
    result = anchor_targets(np.zeros((0, 4), "f"), batch=8)
    assert sorted(set(result.labels.numpy())) == [-1, 0]
    assert np.sum(result.labels == 0) == 8
    assert np.isfinite(result.deltas).all() and not result.inside.numpy().any()


def proposals(seed, count=40):
    rng = np.random.RandomState(seed)
    near = GT[rng.randint(0, 3, count)] + rng.normal(0, 4, (count, 4))
    return tf.constant(np.sort(near.reshape(-1, 2, 2), 1).reshape(-1, 4), tf.float32)


def sampled(boxes, made, key=None, **words):
    valid = tf.ones(tf.shape(boxes)[:1], tf.bool)
    return sample_rois(boxes, valid, made, key=key, sampling=RoiSampling(**words))


def test_sampled_boxes_stand_objects_first_with_their_targets():
    boxes = proposals(1)
    rois = sampled(boxes, objects(), batch=400)
    shared = overlaps(boxes, GT).numpy()
    best = np.concatenate([np.ones(3), shared.max(1)])
    assigned = np.concatenate([np.arange(3), shared.argmax(1)])
    everything = np.concatenate([GT, boxes])
    foreground, background = np.flatnonzero(best >= 0.5), np.flatnonzero(best < 0.5)
    count = len(foreground) + len(background)
    rows = np.concatenate([foreground, background])
    np.testing.assert_array_equal(rois.boxes[:count], everything[rows])
    labels = np.where(best[rows] >= 0.5, assigned[rows] + 1, 0)
    np.testing.assert_array_equal(rois.labels[:count], labels)
    np.testing.assert_array_equal(rois.weights, np.arange(400) < count)
    n = len(foreground)
    expected = encode(everything[foreground], GT[assigned[foreground]], weights=(10, 10, 5, 5))
    np.testing.assert_allclose(rois.deltas[:n], expected, atol=1e-4)
    assert not rois.deltas[n:].numpy().any() and 3 < n < count


@given(st.integers(0, 10**6), st.integers(0, 4), st.integers(0, 6), st.booleans())
@settings(deadline=None, max_examples=15)
def test_padding_of_objects_and_proposals_changes_no_sample(seed, more, further, has_key):
    key = tf.constant([seed, 2]) if has_key else None
    boxes = proposals(seed)
    rois = sampled(boxes, objects(), key, batch=12)
    padded = tf.pad(boxes, [[0, further], [0, 0]], constant_values=9.0)
    valid = tf.range(40 + further) < 40
    again = sample_rois(
        padded, valid, objects(padding=more), key=key, sampling=RoiSampling(batch=12)
    )
    for one, other in zip(rois, again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert tf.reduce_sum(tf.cast(rois.labels > 0, tf.int32)) <= 3


def test_other_keys_sample_other_boxes():
    a, b = (sampled(proposals(1), objects(), tf.constant([1, i]), batch=12) for i in (1, 2))
    assert (a.boxes != b.boxes).numpy().any()


def test_a_crowd_is_not_sampled_itself():
    rois = sampled(GT[:0] + 0.0, objects(crowd=[True, False, True]), batch=6)
    np.testing.assert_array_equal(rois.boxes[:1], GT[1:2])
    np.testing.assert_array_equal(rois.weights, [1, 0, 0, 0, 0, 0])
    crowd_only = sampled(GT[:0] + 0.0, objects(crowd=[True] * 3), batch=6)
    assert not crowd_only.weights.numpy().any() and np.isfinite(crowd_only.deltas).all()


def test_a_crowd_gives_its_class_only_where_it_may():
    made = objects(crowd=[True, False, False])
    boxes = tf.constant([[8.0, 8, 24, 22], [30, 10, 60, 48]])
    for crowds, labels in ((True, {1, 2, 3}), (False, {0, 2, 3})):
        sampling = RoiSampling(batch=8, foreground=1.0, crowds=crowds)
        rois = sample_rois(boxes, tf.fill([2], True), made, sampling=sampling)
        assert set(rois.labels.numpy()[rois.weights.numpy() > 0]) == labels


def test_without_objects_all_is_background():
    rois = sampled(proposals(3), objects(GT[:0]), batch=8)
    assert rois.weights.numpy().all() and not rois.labels.numpy().any()
    assert not rois.deltas.numpy().any()


def test_columns_of_the_class():
    result = class_columns(tf.constant([[1.0, 2, 3, 4], [5, 6, 7, 8]]), tf.constant([2, 0]), 3)
    np.testing.assert_array_equal(result, [[0] * 8 + [1, 2, 3, 4], [0] * 12])


SQUARES = outlines_of_polygons(
    tf.constant(
        [[0, 0], [8, 0], [8, 8], [0, 8], [20, 20], [24, 20], [24, 28], [20, 28]], tf.float32
    ),
    tf.constant([4, 4]),
    tf.constant([1, 0, 1]),
    3,
)


def test_masks_are_drawn_from_the_best_candidate_into_the_box():
    rois = tf.constant([[0.0, 0.0, 16.0, 16.0], [20.0, 20.0, 28.0, 28.0], [0.0, 0.0, 8.0, 8.0]])
    foreground = tf.constant([True, True, False])
    result = mask_targets(rois, foreground, SQUARES, tf.constant([True] * 3), size=8)
    expected = -np.ones((3, 8, 8))
    expected[:2] = 0
    expected[0, :4, :4] = 1
    expected[1, :, :4] = 1
    np.testing.assert_array_equal(result.masks, expected)
    np.testing.assert_array_equal(result.weights, [1, 1, 0])
    # The first box may not take the first object now; what it takes lies outside of it.
    other = mask_targets(rois, foreground, SQUARES, tf.constant([False, True, True]), size=8)
    assert not other.masks[0].numpy().any() and other.weights[0] == 1


def test_without_a_candidate_with_an_outline_nothing_counts():
    rois = tf.constant([[0.0, 0.0, 16.0, 16.0]])
    for candidates in ([False] * 3, [False, True, False]):
        result = mask_targets(rois, tf.constant([True]), SQUARES, tf.constant(candidates), size=8)
        assert (result.masks == -1).numpy().all() and not result.weights.numpy().any()
    nothing = outlines_of_polygons(
        tf.zeros([0, 2]), tf.zeros([0], tf.int32), tf.zeros([0], tf.int32), 0
    )
    result = mask_targets(rois, tf.constant([True]), nothing, tf.zeros([0], tf.bool), size=8)
    assert (result.masks == -1).numpy().all()


def test_all_targets_in_a_graph_of_unknown_counts():
    @tf.function(input_signature=[tf.TensorSpec([None, 4]), tf.TensorSpec([None], tf.bool)])
    def both(boxes, valid):
        made = Objects(boxes, tf.ones_like(valid, tf.int32), tf.zeros_like(valid), valid)
        rpn = rpn_targets(ANCHORS, boxes, valid, SIZE, sampling=RpnSampling(batch=8))
        return rpn, sampled(boxes, made, batch=8)

    rpn, rois = both(GT, np.array([True, True, False]))
    same = anchor_targets(GT[:2], batch=8)
    np.testing.assert_array_equal(rpn.labels, same.labels)
    assert rois.boxes.shape == (8, 4)
