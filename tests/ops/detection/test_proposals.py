import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.ops.detection.anchors import anchor_field, cell_anchors
from lfp_tf.ops.detection.proposals import (
    ProposalOptions,
    by_image,
    collect,
    collect_jointly,
    level_proposals,
)

OPTIONS = ProposalOptions(pre_nms=20, post_nms=9)
INFO = tf.constant([[40.0, 60.0, 1.0], [48.0, 50.0, 2.0]])


def outputs(seed, size, stride):
    rng = np.random.RandomState(seed)
    height, width = size
    # Few values, so that many are equal.
    logits = rng.randint(-2, 3, (2, height, width, 3)).astype("f")
    deltas = rng.normal(0, 0.3, (2, height, width, 12)).astype("f")
    cells = cell_anchors(stride, [4 * stride], (0.5, 1, 2))
    return tf.constant(logits), tf.constant(deltas), anchor_field(cells, stride, size)


def levels(options=OPTIONS, info=INFO):
    return [
        level_proposals(*outputs(1, (12, 16), 4), info, options),
        level_proposals(*outputs(2, (6, 8), 8), info, options),
        level_proposals(*outputs(3, (1, 2), 32), info, options),
    ]


def same(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_an_image_gets_the_same_alone():
    whole = collect(levels(), 15)
    for image in range(2):
        alone = [
            level_proposals(
                logits[image : image + 1],
                deltas[image : image + 1],
                field,
                INFO[image : image + 1],
                OPTIONS,
            )
            for logits, deltas, field in (
                outputs(1, (12, 16), 4),
                outputs(2, (6, 8), 8),
                outputs(3, (1, 2), 32),
            )
        ]
        same([x[0] for x in collect(alone, 15)], [x[image] for x in whole])


def test_compiled_or_of_unknown_size_they_are_the_same():
    def both(info):
        parts = levels(info=info)
        return collect(parts, 15), collect_jointly(parts, 15)

    expected = both(INFO)
    for function in (tf.function(both), tf.function(both, jit_compile=True)):
        for one, other in zip(function(INFO), expected, strict=True):
            same(one, other)
    signature = [tf.TensorSpec([None, None, None, 3]), tf.TensorSpec([None, None, None, 12])]

    @tf.function(input_signature=[*signature, tf.TensorSpec([None, 4])])
    def unknown(logits, deltas, field):
        return level_proposals(logits, deltas, field, INFO, OPTIONS)

    arguments = outputs(1, (12, 16), 4)
    same(unknown(*arguments), level_proposals(*arguments, INFO, OPTIONS))


def test_boxes_are_in_the_image_best_first_and_zeros_fill_up():
    proposals = collect(levels(), 40)
    for boxes, scores, count, info in zip(
        *(x.numpy() for x in proposals), INFO.numpy(), strict=True
    ):
        assert 0 < count < 40
        assert (np.diff(scores[:count]) <= 0).all()
        assert (boxes[:count, :2] >= 0).all()
        assert (boxes[:count, 2] <= info[1] - 1).all() and (boxes[:count, 3] <= info[0] - 1).all()
        assert not boxes[count:].any() and not scores[count:].any()


def test_small_boxes_are_dropped_at_the_images_scale():
    options = ProposalOptions(pre_nms=20, post_nms=9, min_size=12.0)
    proposals = level_proposals(*outputs(1, (12, 16), 4), INFO, options)
    for boxes, count, scale in zip(proposals.boxes, proposals.counts, (1.0, 2.0), strict=True):
        sides = (boxes[:count, 2:] - boxes[:count, :2] + 1).numpy()
        assert (sides >= 12 * scale).all()
    counts = level_proposals(*outputs(1, (12, 16), 4), INFO, OPTIONS).counts
    assert (proposals.counts < counts).numpy().any()


def test_joint_proposals_are_the_best_of_all_images():
    parts = levels()
    joint = collect_jointly(parts, 15)
    scores = [
        level.scores[image, : level.counts[image]].numpy() for level in parts for image in range(2)
    ]
    best = np.sort(np.concatenate(scores))[::-1][:15]
    np.testing.assert_array_equal(joint.scores, best)
    divided = by_image(joint, 2)
    assert int(tf.reduce_sum(divided.counts)) == 15
    for image in range(2):
        rows = np.flatnonzero(joint.images == image)
        np.testing.assert_array_equal(
            divided.boxes[image, : len(rows)], tf.gather(joint.boxes, rows)
        )
        assert divided.counts[image] == len(rows)


@pytest.mark.parametrize("count", [15, 300])
def test_joint_proposals_of_no_usable_box_are_zeros(count):
    # Clipping to an image of no width leaves no centre inside.
    joint = collect_jointly(levels(info=INFO * 0.0), count)
    assert joint.count == 0 and not joint.boxes.numpy().any()
    assert joint.scores.shape == (count,)


def test_logits_tell_boxes_apart_whose_probabilities_are_equal():
    _, _, anchors = outputs(0, (1, 2), 32)
    logits = tf.constant([20.0, 30, 40, -5, 25, -200], shape=[1, 1, 2, 3])
    deltas, info = tf.zeros([1, 1, 2, 12]), tf.constant([[400.0, 400.0, 1.0]])
    words = {"pre_nms": 6, "post_nms": 6, "nms": 1.0, "pixel": 0.0}
    by_logits = ProposalOptions(**words, ranks_logits=True)
    ranked = collect([level_proposals(logits, deltas, anchors, info, by_logits)], 8)
    np.testing.assert_array_equal(ranked.scores[0], [40, 30, 25, 20, -5, -200, 0, 0])
    assert ranked.counts.numpy().tolist() == [6]
    equal = collect([level_proposals(logits, deltas, anchors, info, ProposalOptions(**words))], 8)
    assert equal.scores[0, 0] == equal.scores[0, 3] == 1.0
    # The earlier anchor of equal scores is first.
    np.testing.assert_array_equal(equal.boxes[0, 0], ranked.boxes[0, 3])


def test_a_box_without_area_is_no_proposal():
    anchors = tf.constant([[0.0, 0, 8, 8], [-9, 0, -1, 8], [4, -9, 8, -1]])
    logits, info = tf.constant([1.0, 3.0, 2.0], shape=[1, 1, 1, 3]), tf.constant([[9.0, 9.0, 1.0]])
    options = ProposalOptions(pixel=0.0)
    result = level_proposals(logits, tf.zeros([1, 1, 1, 12]), anchors, info, options)
    assert result.counts.numpy().tolist() == [1]
    np.testing.assert_array_equal(result.boxes[0, 0], [0, 0, 8, 8])
