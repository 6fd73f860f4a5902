import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.tasks.segmentation.losses import (
    PixelLoss,
    balanced_weights,
    count_valid,
    dice_count,
    dice_sum,
    hard_limit,
    labels_at_map,
    labels_at_zoom,
    true_probabilities,
)


def test_cross_entropy_by_hand():
    logits = tf.constant([[[[0.0, np.log(3.0)], [0.0, 0.0]]]])
    labels = tf.constant([[[1, 255]]])
    np.testing.assert_allclose(PixelLoss().sum(logits, labels), -np.log(3 / 4), rtol=1e-6)
    assert count_valid(labels) == 1.0


def test_ignored_pixels_do_not_move_the_loss_nor_its_gradient():
    logits = tf.Variable([[[[1.0, 2.0], [np.inf, -np.inf]]]])
    with tf.GradientTape() as tape:
        loss = PixelLoss().sum(logits, tf.constant([[[0, 255]]]))
    gradient = tf.convert_to_tensor(tape.gradient(loss, logits)).numpy()
    assert np.isfinite(loss) and np.isfinite(gradient[0, 0, 0]).all()


def test_no_valid_pixel_is_loss_zero():
    assert PixelLoss().sum(tf.ones([1, 2, 2, 3]), tf.fill([1, 2, 2], 255)) == 0.0


def test_labels_at_zoom_and_map():
    labels = tf.reshape(tf.range(17 * 17), [1, 17, 17])
    np.testing.assert_array_equal(labels_at_zoom(labels, 1)[0, :, 0], [0, 136, 272])
    assert labels_at_zoom(labels, 4).shape == (1, 9, 9)
    small = labels_at_map(labels, tf.zeros([1, 3, 3, 2]))
    np.testing.assert_array_equal(small[0, 0], [0, 5, 11])  # floor(i 17 / 3)


LOGITS = tf.constant([[[[2.0, 0.0, -1.0], [0.0, 1.0, 0.0], [5.0, 1.0, 0.0]]]])
LABELS = tf.constant([[[0, 2, 255]]])


def log_probabilities():
    logits = LOGITS.numpy()[0, 0].astype(np.float64)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def test_class_weights_are_torchs():
    loss, cost = PixelLoss(class_weights=(1.0, 5.0, 3.0)), -log_probabilities()
    # torch.nn.CrossEntropyLoss(weight=[1, 5, 3]): weighted sum over the sum of weights.
    np.testing.assert_allclose(loss.sum(LOGITS, LABELS), cost[0, 0] + 3 * cost[1, 2], rtol=1e-6)
    assert loss.count(LABELS) == 4.0


def test_label_smoothing_is_torchs():
    cost, weights = -log_probabilities(), np.array([1.0, 5.0, 3.0])
    for given in ((), tuple(weights)):
        loss = PixelLoss(class_weights=given, label_smoothing=0.1)
        w = weights if given else np.ones(3)
        expected = sum(
            0.9 * w[label] * cost[pixel, label] + 0.1 * np.mean(w * cost[pixel])
            for pixel, label in ((0, 0), (1, 2))
        )
        np.testing.assert_allclose(loss.sum(LOGITS, LABELS), expected, rtol=1e-6)


def test_the_focal_loss_by_hand():
    cost = -log_probabilities()
    expected = sum(
        (1 - np.exp(-cost[pixel, label])) ** 2 * cost[pixel, label]
        for pixel, label in ((0, 0), (1, 2))
    )
    loss = PixelLoss(focal_gamma=2.0)
    np.testing.assert_allclose(loss.sum(LOGITS, LABELS), expected, rtol=1e-5)
    assert loss.count(LABELS) == 2.0
    # A pixel that is surely right costs nothing, and has a gradient.
    with tf.GradientTape() as tape:
        sure = tf.Variable([[[[80.0, 0.0]]]])
        total = loss.sum(sure, tf.constant([[[0]]]))
    assert total == 0.0 and np.isfinite(tape.gradient(total, sure)).all()


def test_dice_by_hand():
    p = np.exp(log_probabilities())
    scores = [
        (2 * p[0, 0] + 1) / (p[0, 0] + p[1, 0] + 1 + 1),
        (2 * p[1, 2] + 1) / (p[0, 2] + p[1, 2] + 1 + 1),
    ]
    np.testing.assert_allclose(dice_sum(LOGITS, LABELS), 1 - np.mean(scores), rtol=1e-6)
    assert dice_count(LABELS) == 1.0
    nothing = tf.fill([1, 1, 3], 255)
    assert dice_sum(LOGITS, nothing) == dice_count(nothing) == 0.0
    # Image by image: a batch is the sum of its images.
    both = dice_sum(tf.concat([LOGITS, -LOGITS], 0), tf.concat([LABELS, LABELS], 0))
    alone = dice_sum(LOGITS, LABELS) + dice_sum(-LOGITS, LABELS)
    np.testing.assert_allclose(both, alone, rtol=1e-6)


def test_balanced_weights_count_all_classes_alike():
    weights = balanced_weights([60, 30, 0, 10])
    np.testing.assert_allclose(np.multiply(weights, [60, 30, 0, 10]), [25, 25, 0, 25])


def test_probabilities_of_the_true_class():
    found = true_probabilities(LOGITS, LABELS).numpy()
    expected = np.exp(log_probabilities())[[0, 1], [0, 2]]
    np.testing.assert_allclose(found[0, 0, :2], expected, rtol=1e-6)
    assert np.isinf(found[0, 0, 2])


@pytest.mark.parametrize(
    ("threshold", "num_least", "limit"),
    [(0.5, 1, 0.5), (0.5, 3, 0.6), (0.1, 2, 0.4), (0.7, 3, 0.7), (0.7, 5, np.inf)],
)
def test_hard_pixels_are_below_the_threshold_or_the_least_number(threshold, num_least, limit):
    pieces = [tf.constant([[0.6, 0.2]]), tf.constant([[0.4, 0.9]]), tf.constant([[np.inf, np.inf]])]
    found = hard_limit(pieces, threshold=threshold, num_least=num_least)
    np.testing.assert_allclose(found, limit, rtol=1e-6)
