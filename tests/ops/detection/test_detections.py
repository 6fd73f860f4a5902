import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.ops.detection.detections import best_detections, detect
from lfp_tf.ops.detection.nms import nms


def draw(seed, *, rois=30, classes=4):
    rng = np.random.RandomState(seed)
    corners = rng.randint(0, 30, (rois, classes, 2))
    boxes = np.concatenate([corners, corners + rng.randint(4, 20, (rois, classes, 2))], 2)
    # Few values, so that scores are equal.
    probabilities = rng.randint(0, 6, (rois, classes)) / 10
    return probabilities.astype("f"), boxes.astype("f")


def plain(probabilities, boxes, limit, score_threshold=0.05):
    rows = []
    for label in range(1, probabilities.shape[1]):
        usable = np.flatnonzero(probabilities[:, label] > np.float32(score_threshold))
        own = boxes[usable, label if boxes.shape[1] > 1 else 0]
        kept = nms(own, probabilities[usable, label], limit=len(usable), threshold=0.5)
        chosen = usable[np.sort(kept.indices[: kept.count].numpy())]
        rows += [(label, roi, probabilities[roi, label]) for roi in chosen]
    if len(rows) > limit:
        least = sorted((row[2] for row in rows), reverse=True)[limit - 1]
        rows = [row for row in rows if row[2] >= least]
    return rows


@pytest.mark.parametrize("limit", [1, 7, 1000])
@pytest.mark.parametrize("seed", range(3))
def test_detections_are_those_of_a_plain_loop(seed, limit):
    probabilities, boxes = draw(seed)
    result = tf.function(lambda p, b: detect(p, b, limit=limit))(probabilities, boxes)
    expected = plain(probabilities, boxes, limit)
    rows = zip(*(x.numpy().tolist() for x in (result.labels, result.rois)), strict=True)
    assert list(rows) == [row[:2] for row in expected]
    np.testing.assert_array_equal(result.scores, [row[2] for row in expected])
    np.testing.assert_array_equal(result.boxes, [boxes[roi, label] for label, roi, _ in expected])


def test_equal_scores_exceed_the_limit():
    probabilities, boxes = draw(0)
    assert len(detect(probabilities, boxes, limit=7).scores) > 7


def test_one_box_for_all_classes():
    probabilities, boxes = draw(1)
    result, expected = detect(probabilities, boxes[:, :1]), plain(probabilities, boxes[:, :1], 100)
    np.testing.assert_array_equal(result.rois, [row[1] for row in expected])


def test_a_score_at_the_threshold_is_no_detection():
    probabilities = tf.constant([[0.5, 0.5]])
    assert not len(detect(probabilities, tf.zeros([1, 2, 4]), score_threshold=0.5).scores)
    assert len(detect(probabilities, tf.zeros([1, 2, 4]), score_threshold=0.4).scores) == 1


@pytest.mark.parametrize("rois", [0, 5])
def test_nothing_is_detected(rois):
    result = best_detections(detect(tf.zeros([rois, 3]), tf.zeros([rois, 3, 4])), 4)
    assert result.count == 0 and result.detections.boxes.shape == (4, 4)
    assert not any(values.numpy().any() for values in result.detections)


def test_the_best_come_first_and_ties_in_their_order():
    probabilities, boxes = draw(0)
    everything = detect(probabilities, boxes, limit=7)
    result = best_detections(everything, 7)
    order = np.argsort(-everything.scores.numpy(), kind="stable")[:7]
    assert result.count == 7
    for one, other in zip(result.detections, everything, strict=True):
        np.testing.assert_array_equal(one, other.numpy()[order])
    more = best_detections(everything, 500)
    assert more.count == len(everything.scores)
    assert not more.detections.labels[int(more.count) :].numpy().any()


def test_an_overlap_at_the_threshold_suppresses_only_where_it_is_inclusive():
    boxes = tf.constant([[[0.0, 0, 10, 10]], [[0, 0, 10, 20]]])
    probabilities = tf.constant([[0.1, 0.9], [0.2, 0.8]])
    words = {"threshold": 0.5, "pixel": 0.0}
    assert len(detect(probabilities, boxes, **words).scores) == 1
    assert len(detect(probabilities, boxes, **words, inclusive=False).scores) == 2
    # Of equal scores one stays: the later box, or the earlier one.
    equal = tf.constant([[0.1, 0.9], [0.1, 0.9]])
    words = {"threshold": 0.4, "pixel": 0.0}
    assert detect(equal, boxes, **words).rois.numpy().tolist() == [1]
    assert detect(equal, boxes, **words, later_first=False).rois.numpy().tolist() == [0]
