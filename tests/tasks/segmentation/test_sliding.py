import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.tasks.segmentation.sliding import (
    sliding_probabilities,
    window_probabilities,
    window_starts,
)


@pytest.mark.parametrize(
    "length, crop, starts",
    [(10, 6, [0, 4]), (6, 6, [0]), (13, 6, [0, 4, 7]), (2048, 713, [0, 476, 952, 1335])],
)
def test_windows_start_two_thirds_apart_and_end_at_the_edge(length, crop, starts):
    assert window_starts(length, crop).numpy().tolist() == starts


def test_overlaps_are_the_mean_of_the_windows():
    inputs = np.arange(10, dtype=np.float32).reshape(1, 10, 1) * np.ones((1, 10, 3), np.float32)

    def network(x):
        # Every pixel of a window says how far its window's first pixel is.
        return tf.stack([x[..., 0] * 0 + x[:, :1, :1, 0], x[..., 0] * 0], axis=-1)

    got = sliding_probabilities(network, inputs, crop=(1, 6), classes=2, flip="none")
    first, second = (1 / (1 + np.exp(-start)) for start in (0.0, 4.0))
    expected = [first] * 4 + [(first + second) / 2] * 2 + [second] * 4
    np.testing.assert_allclose(got[0, :, 0], expected, rtol=1e-5)


def test_the_two_flips_average_different_things():
    windows = tf.constant([[[[2.0, 0, 0], [0, 0, 0]]]])

    def network(x):
        return x[..., :2]

    softmax = window_probabilities(network, windows, size=(1, 2), flip="softmax")
    summed = window_probabilities(network, windows, size=(1, 2), flip="logit_sum")
    share = np.exp(2) / (np.exp(2) + 1)
    # The mirrored-back answer of a pixelwise network is the answer itself.
    np.testing.assert_allclose(softmax[0, 0, :, 0], [share, 0.5], rtol=1e-6)
    np.testing.assert_allclose(summed[0, 0, 0, 0], np.exp(4) / (np.exp(4) + 1), rtol=1e-6)
