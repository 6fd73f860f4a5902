import numpy as np
import tensorflow as tf

from lfp_tf.tasks.segmentation.losses import (
    PixelLoss,
    count_valid,
    labels_at_map,
    labels_at_zoom,
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
