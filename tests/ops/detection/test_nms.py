import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from lfp_tf.ops.detection.nms import kept_mask, nms


def plain_nms(boxes, scores, threshold, pixel=1.0, inclusive=True, later_first=True):
    boxes = boxes.astype("f")
    size = (boxes[:, 2] - boxes[:, 0] + pixel) * (boxes[:, 3] - boxes[:, 1] + pixel)
    order = np.argsort(scores, kind="stable")[::-1]
    if not later_first:
        order = np.argsort(-scores, kind="stable")
    kept = []
    for i in order:
        for j in kept:
            low = np.maximum(boxes[i, :2], boxes[j, :2])
            shared = np.minimum(boxes[i, 2:], boxes[j, 2:]) - low + np.float32(pixel)
            shared = np.float32(np.prod(np.maximum(shared, 0)))
            union = size[i] + size[j] - shared
            overlap = shared / union if union else np.float32(0)
            limit = np.float32(threshold)
            if overlap >= limit if inclusive else overlap > limit:
                break
        else:
            kept.append(i)
    return kept


def draw(seed, count):
    # Whole numbers of few values: many equal scores and overlaps equal to the threshold.
    rng = np.random.RandomState(seed)
    corners = rng.randint(0, 12, (count, 2))
    boxes = np.concatenate([corners, corners + rng.randint(0, 9, (count, 2))], 1)
    return boxes.astype("f"), (rng.randint(0, 6, count) / 5).astype("f")


def test_draws_hold_ties_and_overlaps_at_the_threshold():
    differs = [0, 0]
    for seed in range(20):
        boxes, scores = draw(seed, 40)
        base = plain_nms(boxes, scores, 0.5)
        differs[0] += base != plain_nms(boxes, scores, 0.5, inclusive=False)
        differs[1] += base != plain_nms(boxes, scores, 0.5, later_first=False)
    assert min(differs) > 5


@given(
    st.integers(0, 10**6),
    st.integers(0, 40),
    st.sampled_from((0.25, 0.5, 0.7)),
    st.sampled_from((0.0, 1.0)),
    st.booleans(),
    st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_kept_boxes_are_those_of_a_plain_loop(seed, count, threshold, pixel, inclusive, later):
    boxes, scores = draw(seed, count)
    rules = {"pixel": pixel, "inclusive": inclusive, "later_first": later}
    kept = nms(boxes, scores, limit=45, threshold=threshold, **rules)
    expected = plain_nms(boxes, scores, threshold, **rules)
    assert list(kept.indices[: kept.count].numpy()) == expected
    assert not kept.indices[kept.count :].numpy().any()
    expected_mask = np.isin(np.arange(count), expected)
    np.testing.assert_array_equal(kept_mask(kept, count), expected_mask)


compiled = tf.function(lambda b, s: nms(b, s, limit=40, threshold=0.5), jit_compile=True)


@pytest.mark.parametrize("seed", range(4))
def test_padding_and_compilation_change_nothing(seed):
    boxes, scores = draw(seed, 40)
    padded = np.concatenate([boxes[:30], np.zeros((10, 4), "f")])
    marked = np.concatenate([scores[:30], np.full(10, -np.inf, "f")])
    expected = plain_nms(boxes[:30], scores[:30], 0.5)
    for run in (compiled, lambda b, s: nms(b, s, limit=40, threshold=0.5)):
        kept = run(tf.constant(padded), tf.constant(marked))
        assert list(kept.indices[: kept.count].numpy()) == expected


def test_the_best_of_a_limit_are_kept():
    boxes, scores = draw(1, 40)
    kept = nms(boxes, scores, limit=3, threshold=0.5)
    assert list(kept.indices.numpy()) == plain_nms(boxes, scores, 0.5)[:3]


@pytest.mark.parametrize("threshold", [0.0, 1.5])
def test_a_threshold_without_sense_is_refused(threshold):
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        nms(tf.zeros([1, 4]), tf.zeros([1]), limit=1, threshold=threshold)
