"""What training takes of a record's objects, worked by hand, for tensors and arrays alike."""

import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.data.detection.objects import clipped_boxes
from lfp_tf.data.detection.transforms import canvas_image, mirrored_boxes

SIZE = (40, 100)


@pytest.mark.parametrize(
    ("pixel", "expected"),
    [
        (1.0, [[10, 4, 49, 19], [0, 0, 49, 9], [90, 20, 99, 39], [10, 4, 10, 19], [99, 4, 99, 19]]),
        (
            0.0,
            [
                [10, 4, 50, 20],
                [0, 0, 50, 10],
                [90, 20, 100, 40],
                [10, 4, 11, 20],
                [100, 4, 100, 20],
            ],
        ),
    ],
)
def test_corners_or_edges_are_cut_to_the_image(pixel, expected):
    pixels = [
        [10, 4, 50, 20],
        [-9, -3, 50, 10],
        [90, 20, 130, 70],
        [10, 4, 11, 20],
        [120, 4, 130, 20],
    ]
    unit = (np.array(pixels) / [100, 40, 100, 40]).astype(np.float32)
    for xp in (np, tf):
        sides, has_extent = clipped_boxes(unit, SIZE, pixel=pixel, xp=xp)
        np.testing.assert_allclose(np.stack(sides, 1), expected, atol=1e-4)
        assert np.array(has_extent).tolist() == [True, True, True, pixel == 0.0, False]


def test_arrays_and_tensors_agree_bit_for_bit():
    draws = np.random.RandomState(0)
    unit = draws.uniform(-0.2, 1.2, (500, 4)).astype(np.float32)
    for pixel in (0.0, 1.0):
        for size in ((37, 411), (1080, 1921)):
            ours, kept = clipped_boxes(unit, size, pixel=pixel, xp=np)
            theirs, kept_too = clipped_boxes(tf.constant(unit), size, pixel=pixel, xp=tf)
            np.testing.assert_array_equal(ours, [side.numpy() for side in theirs])
            np.testing.assert_array_equal(kept, kept_too)


def test_a_box_mirrored_twice_is_itself():
    boxes = tf.constant([[10.0, 4, 49, 19]])
    once = mirrored_boxes(boxes, 100, pixel=1.0)
    assert once.numpy().tolist() == [[50, 4, 89, 19]]
    np.testing.assert_array_equal(mirrored_boxes(once, 100, pixel=1.0), boxes)


def test_an_image_at_its_own_scale_stays_as_it_is():
    image = np.random.RandomState(0).randint(0, 256, (3, 5, 3), np.uint8)
    canvas = canvas_image(
        tf.constant(image), tf.constant(1.0, tf.float64), tf.constant([4, 8]), mean=(1, 2, 3)
    )
    np.testing.assert_array_equal(canvas[:3, :5], image)
    assert (canvas.numpy()[3:] == [1, 2, 3]).all() and (canvas.numpy()[:, 5:] == [1, 2, 3]).all()
