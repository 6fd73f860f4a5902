import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco

from lfp_tf.ops.detection.polygons import (
    Outlines,
    enclosing_boxes,
    has_outline,
    outlines_of_bitmaps,
    outlines_of_polygons,
    rasterize,
)


def outlines(objects):
    flat = [part for parts in objects for part in parts]
    return outlines_of_polygons(
        tf.constant(np.concatenate([np.zeros((0, 2)), *flat]), tf.float32),
        tf.constant([len(part) for part in flat], tf.int32),
        tf.constant([len(parts) for parts in objects], tf.int32),
        len(objects),
    )


def drawn_by_pycocotools(parts, size):
    if not parts:
        return np.zeros((size, size), bool)
    flat = [part.astype("f").astype("d").ravel().tolist() for part in parts]
    return coco.decode(coco.frPyObjects(flat, size, size)).any(axis=2)


@given(
    st.integers(0, 10**6),
    st.sampled_from((5, 14, 28, 33)),
    st.sampled_from((0.02, 0.3, 1.0, 3.0)),
    st.sampled_from((None, 0.1, 0.5, 1.0)),
)
@settings(deadline=None, max_examples=80)
def test_cells_are_those_of_pycocotools(seed, size, spread, raster):
    rng = np.random.RandomState(seed)
    objects = []
    for _ in range(5):
        parts = []
        for _ in range(rng.randint(0, 4)):
            part = rng.normal(size / 2, size * spread, (rng.randint(3, 12), 2))
            # Points on a raster: upright, level and diagonal edges, halves, points met twice.
            parts.append(part if raster is None else np.round(part / raster) * raster)
        objects.append(parts)
    result = rasterize(outlines(objects), size).numpy()
    for drawn, parts in zip(result, objects, strict=True):
        np.testing.assert_array_equal(drawn, drawn_by_pycocotools(parts, size))


@pytest.mark.parametrize("seed", range(5))
def test_a_bitmap_is_drawn_as_it_is(seed):
    rng = np.random.RandomState(seed)
    bitmaps = np.kron(rng.rand(4, 6, 6) < 0.5, np.ones((1, 4, 4))) > 0
    bitmaps[3] = False
    result = outlines_of_bitmaps(tf.constant(bitmaps))
    np.testing.assert_array_equal(rasterize(result, 24), bitmaps)
    np.testing.assert_array_equal(has_outline(result), [True, True, True, False])
    for box, bitmap in zip(enclosing_boxes(result).numpy()[:3], bitmaps, strict=False):
        rows, columns = np.nonzero(bitmap)
        np.testing.assert_array_equal(
            box, [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        )


def test_a_hole_stays_open_and_parts_are_joined():
    bitmap = np.ones((1, 12, 12), bool)
    bitmap[0, 4:8, 4:8] = False
    np.testing.assert_array_equal(rasterize(outlines_of_bitmaps(tf.constant(bitmap)), 12), bitmap)
    square = np.array([[2.0, 2.0], [8.0, 2.0], [8.0, 8.0], [2.0, 8.0]])
    joined = rasterize(outlines([[square, square + 3.0]]), 12).numpy()[0]
    assert joined[4:8, 6:8].all() and joined.sum() == 36 + 36 - 9


def test_enclosing_boxes_of_objects_with_and_without_outline():
    square = np.array([[2.0, 3.0], [8.0, 3.0], [8.0, 9.0]])
    result = outlines([[square], [], [square + 1.0, square - 1.0]])
    np.testing.assert_array_equal(enclosing_boxes(result), [[2, 3, 8, 9], [0] * 4, [1, 2, 9, 10]])
    np.testing.assert_array_equal(has_outline(result), [True, False, True])
    assert not rasterize(result, 12)[1].numpy().any()


def test_no_objects_and_no_edges():
    assert rasterize(outlines([]), 7).shape == (0, 7, 7)
    empty = Outlines(tf.zeros([2, 0, 4]), tf.zeros([2, 0], tf.int32))
    np.testing.assert_array_equal(rasterize(empty, 7), np.zeros((2, 7, 7)))
