"""Images of a report: the ends alone are drawn, and none is large."""

import numpy as np

from lfp_tf.evaluation.image_panels import MAX_SIDE_PIXELS, Extremes, image_rows


def test_images_are_thinned_by_whole_pixels():
    rows = image_rows(np.arange(900)[:, None] * np.ones((1, 10), int))
    assert rows.shape[0] <= MAX_SIDE_PIXELS
    np.testing.assert_array_equal(rows[:3, 0], [0, 3, 6])


def test_only_what_is_kept_is_drawn():
    extremes, drawn = Extremes(2), []

    def draw(value):
        drawn.append(value)
        return value

    for value in (5, 1, 9, 5, 5, 7, 0):
        extremes.add(value, lambda value=value: draw(value))
    assert extremes.best() == [9, 7] and extremes.worst() == [0, 1]
    assert drawn == [5, 1, 9, 7, 0]
