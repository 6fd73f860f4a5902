"""Filling polygons exactly as pycocotools does, in closed form; bitmaps as polygons' edges.

pycocotools draws each edge on a grid five times as fine by Bresenham's rule. Where the edge passes
from column 5X + 2 to 5X + 3 it toggles column X of the canvas, from the row of that point on. A
cell is inside where the toggles at or above it are odd; the parts of an object are joined.

Letters: G objects, E edges an object, R boxes, S cells a side of the canvas.
"""

from typing import NamedTuple

import tensorflow as tf

_FINE = 5


class Outlines(NamedTuple):
    """The outlines of objects.

    Attributes:
        edges: [G, E, 4] float: x, y of the begin and x, y of the end, pixels of the image.
        parts: int32 [G, E], the part of the object an edge belongs to, from 0; -1 fills up.
    """

    edges: tf.Tensor
    parts: tf.Tensor


def outlines_of_polygons(
    xy: tf.Tensor, points: tf.Tensor, parts: tf.Tensor, objects: int | tf.Tensor
) -> Outlines:
    """The outlines of objects made of closed polygons.

    Args:
        xy: [P, 2] float32, the points of all polygons one after the other, pixels of the image.
        points: int32, points of each polygon.
        parts: int32 [G], polygons of each object; may be 0.
        objects: G.
    """
    points = tf.cast(points, tf.int32)
    polygon = tf.repeat(tf.range(tf.size(points)), points)
    first = tf.gather(tf.cumsum(points, exclusive=True), polygon)
    place = tf.range(tf.shape(xy)[0]) - first
    following = first + (place + 1) % tf.maximum(tf.gather(points, polygon), 1)
    edges = tf.concat([xy, tf.gather(xy, following)], axis=1)
    owner = tf.repeat(tf.range(objects), parts)
    before = tf.gather(tf.cumsum(parts, exclusive=True), owner)
    part = tf.range(tf.size(points)) - before
    return _padded(edges, tf.gather(part, polygon), tf.gather(owner, polygon), objects)


def outlines_of_bitmaps(bitmaps: tf.Tensor) -> Outlines:
    """The outlines of objects given as bitmaps: the borders between their rows.

    Upright borders never toggle a column, so they are left out. Holes come out by parity.

    Args:
        bitmaps: [G, H, W] bool; pixel x, y covers x..x+1, y..y+1.
    """
    rows = tf.pad(bitmaps, [[0, 0], [1, 1], [0, 0]])
    is_border = rows[:, 1:] != rows[:, :-1]
    sides = tf.pad(is_border, [[0, 0], [0, 0], [1, 1]])
    begins = tf.where(sides[:, :, 1:] & ~sides[:, :, :-1])
    # In row-major order the n-th run's end is the n-th end.
    ends = tf.where(sides[:, :, :-1] & ~sides[:, :, 1:])
    edges = tf.stack([begins[:, 2], begins[:, 1], ends[:, 2], ends[:, 1]], axis=1)
    parts = tf.zeros(tf.shape(edges)[:1], tf.int32)
    objects = tf.shape(bitmaps)[0]
    return _padded(tf.cast(edges, tf.float32), parts, tf.cast(begins[:, 0], tf.int32), objects)


def enclosing_boxes(outlines: Outlines) -> tf.Tensor:
    """[G, 4]: least and largest coordinates of outlines; zeros where there is no edge."""
    points = tf.reshape(outlines.edges, tf.stack([tf.shape(outlines.edges)[0], -1, 2, 2]))
    is_edge = (outlines.parts >= 0)[:, :, None, None]
    infinity = tf.constant(float("inf"), points.dtype)
    low = tf.reduce_min(tf.where(is_edge, points, infinity), axis=(1, 2))
    high = tf.reduce_max(tf.where(is_edge, points, -infinity), axis=(1, 2))
    boxes = tf.concat([low, high], axis=1)
    return tf.where(has_outline(outlines)[:, None], boxes, 0.0)


def has_outline(outlines: Outlines) -> tf.Tensor:
    """bool [..., G]: whether an object has any edge."""
    return tf.reduce_any(outlines.parts >= 0, axis=-1)


def rasterize(outlines: Outlines, size: int) -> tf.Tensor:
    """Fills outlines on a square canvas (pycocotools `maskApi.c`, `rleFrPoly`).

    Args:
        outlines: of R objects, in cells of the canvas: the first cell covers 0..1.
        size: S.

    Returns:
        [R, S, S] bool, row before column.
    """
    row, is_passed = _toggles(tf.cast(outlines.edges, tf.float64), size)
    is_passed &= (outlines.parts >= 0)[..., None]
    parts = tf.maximum(tf.reduce_max(tf.pad(outlines.parts, [[0, 1], [0, 1]])) + 1, 1)
    objects = tf.shape(row)[0]
    # A row below the canvas toggles nothing that is seen; it has a place of its own.
    place = tf.range(objects)[:, None] * parts + tf.maximum(outlines.parts, 0)
    place = (place[..., None] * size + tf.range(size)) * (size + 1) + row
    toggles = tf.math.unsorted_segment_sum(
        tf.cast(is_passed, tf.int32), place, objects * parts * size * (size + 1)
    )
    toggles = tf.reshape(toggles, tf.stack([objects, parts, size, size + 1]))
    is_inside = tf.cumsum(toggles, axis=3)[..., :size] % 2 == 1
    return tf.transpose(tf.reduce_any(is_inside, axis=1), [0, 2, 1])


def _toggles(edges, size):
    """(row where column X is toggled, whether it is): [R, E, S] each."""
    # C's conversion to int cuts towards zero.
    grid = tf.cast(tf.cast(edges * _FINE + 0.5, tf.int32), tf.float64)[..., None]
    x1, y1, x2, y2 = (grid[..., i, :] for i in range(4))
    before = tf.cast(_FINE * tf.range(size) + _FINE // 2, tf.float64)
    is_passed = (tf.minimum(x1, x2) <= before) & (tf.maximum(x1, x2) > before)
    is_flat = tf.abs(x2 - x1) >= tf.abs(y2 - y1)
    row = tf.where(is_flat, _row_of_flat(x1, y1, x2, y2, before), _row_of_steep(grid, before))
    # From the fine row to the canvas: the first cell whose centre is not above it.
    row = tf.clip_by_value((row + 0.5) / _FINE - 0.5, 0.0, float(size))
    return tf.cast(tf.math.ceil(row), tf.int32), is_passed


def _row_of_flat(x1, y1, x2, y2, before):
    """The upper of the two points between which an edge passes; one point a column."""
    is_turned = x1 > x2
    x, y = tf.where(is_turned, x2, x1), tf.where(is_turned, y2, y1)
    across = tf.abs(x2 - x1)
    slope = tf.where(is_turned, y1 - y2, y2 - y1) / tf.maximum(across, 1.0)
    steps = before - x
    points = [tf.floor(y + slope * (steps + i) + 0.5) for i in (0.0, 1.0)]
    return tf.minimum(*points)


def _row_of_steep(grid, before):
    """The row before the first point beyond the border; one point a row."""
    x1, y1, x2, y2 = (grid[..., i, :] for i in range(4))
    is_turned = y1 > y2
    x, y = tf.where(is_turned, x2, x1), tf.where(is_turned, y2, y1)
    down = tf.maximum(tf.abs(y2 - y1), 1.0)
    slope = tf.where(is_turned, x1 - x2, x2 - x1) / down

    def is_beyond(step):
        """Whether the point of a step is on the side where the edge ends."""
        column = tf.floor(x + slope * step + 0.5)
        return tf.where(slope > 0.0, column > before, column <= before)

    # Exact up to rounding, so the neighbours decide by the original's own formula.
    guess = tf.math.divide_no_nan(before + 0.5 - x, slope)
    guess = tf.clip_by_value(tf.math.ceil(guess), 0.0, down)
    for step in (-1.0, 0.0, 1.0):
        candidate = guess + step
        is_first = is_beyond(candidate) & ~is_beyond(candidate - 1.0)
        guess = tf.where(is_first, candidate, guess)
    return y + guess - 1.0


def _padded(edges, parts, owners, objects):
    """`Outlines` of edges that are sorted by object."""

    def rows(values):
        return tf.RaggedTensor.from_value_rowids(
            values, owners, nrows=tf.cast(objects, owners.dtype)
        )

    return Outlines(
        rows(edges).to_tensor(), rows(parts).to_tensor(default_value=tf.constant(-1, tf.int32))
    )
