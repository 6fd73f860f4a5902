"""Canvases and groups: worked examples of which image goes where."""

import numpy as np
import pytest

from lfp_tf.data.detection.canvases import CanvasOptions, canvas_kinds, grouped
from lfp_tf.errors import LfpError

LYING, UPRIGHT, LONG, TALL, SQUARE = range(5)
DETECTRON = CanvasOptions()


def test_detectrons_canvases():
    assert DETECTRON.shapes.tolist() == [
        [[800, 1088], [1088, 800], [800, 1344], [1344, 800], [1344, 1344]]
    ]
    # The long side is cut where 4:3 would be longer than allowed.
    assert CanvasOptions((300,), 320, 32).shapes[0, 0].tolist() == [320, 320]


@pytest.mark.parametrize(
    ("size", "kind"),
    [
        ((480, 640), LYING),
        ((640, 480), UPRIGHT),
        ((500, 500), LYING),
        ((427, 640), LONG),
        ((640, 427), TALL),
        ((100, 1000), LONG),
        ((1000, 100), TALL),
        ((3000, 4000), LYING),
    ],
)
def test_the_smallest_canvas_that_holds_an_image(size, kind):
    assert canvas_kinds(np.array([size]), DETECTRON).tolist() == [kind]


def test_a_canvas_holds_its_images_at_every_short_side():
    # 1.35: 864 x 640 fits 864; 907 x 672 does not fit 896.
    sizes = np.array([[1000, 1350]])
    assert canvas_kinds(sizes, CanvasOptions((640,), 1333, 32)).tolist() == [LYING]
    assert canvas_kinds(sizes, CanvasOptions((640, 672), 1333, 32)).tolist() == [LONG]


def test_small_groups_join_the_next_that_holds_them():
    groups = grouped(np.array([LYING] * 5 + [UPRIGHT] + [TALL] * 2 + [LONG] * 3), 3)
    assert (groups.kinds, groups.counts) == ([LYING, LONG, TALL], [5, 3, 3])
    assert sorted(groups.entries[8:].tolist()) == [5, 6, 7] and groups.batches == [1, 1, 1]


def test_at_last_a_square_takes_the_smallest_group_too():
    groups = grouped(np.array([LYING] * 9 + [UPRIGHT] + [LONG] * 4), 4)
    assert (groups.kinds, groups.counts) == ([LYING, SQUARE], [9, 5])
    groups = grouped(np.array([LYING] * 3 + [UPRIGHT] * 2), 4)
    assert (groups.kinds, groups.counts) == ([SQUARE], [5])
    assert sorted(groups.entries.tolist()) == [0, 1, 2, 3, 4]


def test_fewer_entries_than_a_batch_are_refused():
    with pytest.raises(LfpError, match="global_batch_size 4 is more than the 3 usable images"):
        grouped(np.array([LYING] * 3), 4)
