import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.tasks.detection.losses import (
    anchor_box_loss,
    box_loss,
    class_loss,
    mask_loss,
    mean,
    objectness_loss,
)


def test_objectness_counts_labels_0_and_1_and_divides_by_what_images_sample():
    logits = tf.constant([[0.0, 2.0, 5.0], [0.0, -1.0, 3.0]])
    labels = tf.constant([[1, 0, -1], [-1, 1, -1]])
    loss = objectness_loss(logits, labels, batch=8)
    expected = np.log(2) + np.log1p(np.exp(2)) + np.log1p(np.exp(1))
    np.testing.assert_allclose(loss.sum, expected, rtol=1e-6)
    np.testing.assert_allclose(mean(loss), expected / 16, rtol=1e-6)


def test_objectness_may_be_a_mean_over_the_anchors_that_count():
    logits, labels = tf.constant([[0.0, 2.0, 5.0]]), tf.constant([[1, 0, -1]])
    loss = objectness_loss(logits, labels, batch=None)
    np.testing.assert_allclose(mean(loss), (np.log(2) + np.log1p(np.exp(2))) / 2, rtol=1e-6)


def test_a_mask_pixel_may_be_partly_of_the_object():
    loss = mask_loss(tf.constant([2.0]), tf.constant([0.25]))
    expected = 0.25 * np.log1p(np.exp(-2)) + 0.75 * np.log1p(np.exp(2))
    np.testing.assert_allclose(mean(loss), expected, rtol=1e-6)


def test_the_box_loss_of_anchors_is_square_up_to_beta_and_straight_above():
    deltas, targets = tf.constant([[0.05, 1.0], [3.0, 3.0]]), tf.zeros([2, 2])
    inside, outside = tf.constant([[1.0, 1.0], [0.0, 1.0]]), tf.constant([[0.5, 0.5], [1.0, 1.0]])
    loss = anchor_box_loss(deltas, targets, inside, outside, beta=0.1)
    # 0.5 * (0.5 * 0.05^2 / 0.1 + 1 - 0.05) + 3 - 0.05, over two images.
    np.testing.assert_allclose(loss.sum, 0.5 * (0.0125 + 0.95) + 2.95, rtol=1e-6)
    assert loss.count == 2.0


def test_classes_and_boxes_are_means_over_the_sampled_boxes():
    weights = tf.constant([1.0, 1.0, 0.0])
    loss = class_loss(
        tf.constant([[0.0, 0.0], [1.0, 0.0], [9.0, 0.0]]), tf.constant([1, 1, 1]), weights
    )
    np.testing.assert_allclose(loss.sum, np.log(2) + np.log1p(np.exp(1)), rtol=1e-6)
    assert loss.count == 2.0
    deltas = tf.constant([[0.5, 3.0], [1.0, 1.0], [5.0, 5.0]])
    loss = box_loss(deltas, tf.zeros([3, 2]), tf.constant([[1.0], [0.0], [1.0]]), weights)
    np.testing.assert_allclose(mean(loss), (0.125 + 2.5) / 2, rtol=1e-6)


def test_mask_pixels_that_are_not_counted_add_nothing():
    logits = tf.constant([0.0, 1.0, -7.0])
    loss = mask_loss(logits, tf.constant([1, 0, -1]))
    np.testing.assert_allclose(loss.sum, np.log(2) + np.log1p(np.exp(1)), rtol=1e-6)
    assert loss.count == 2.0


def test_a_loss_without_anything_to_count_is_zero_and_so_is_its_gradient():
    logits = tf.Variable([[3.0, 4.0]])
    with tf.GradientTape() as tape:
        losses = [
            mean(mask_loss(logits, tf.constant([[-1, -1]]))),
            mean(class_loss(logits, tf.constant([0]), tf.zeros([1]))),
            mean(box_loss(logits, tf.zeros([1, 2]), tf.zeros([1, 1]), tf.zeros([1]))),
        ]
        total = tf.add_n(losses)
    assert total.numpy() == 0.0
    assert not tape.gradient(total, logits).numpy().any()


@pytest.mark.parametrize("kind", [tf.float16, tf.bfloat16])
def test_losses_are_computed_in_float32(kind):
    logits = tf.fill([4000], tf.constant(1.0, kind))
    loss = mask_loss(logits, tf.zeros([4000], tf.int32))
    assert loss.sum.dtype == tf.float32
    np.testing.assert_allclose(loss.sum, 4000 * np.log1p(np.exp(1)), rtol=1e-4)
