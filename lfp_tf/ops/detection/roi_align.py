"""RoIAlign: boxes of a feature map as small maps of one size, by averaged bilinear samples.

In cells of the map, x1 = box x1 * scale. A bin is a share of the box's side; its samples lie
evenly in it. A sample more than one cell outside of the map is 0; between that and the centre of
the border's cells it takes the border (Caffe2's `roi_align_op`).

Letters: B images, H x W cells, C channels, R boxes, P bins a side.
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from lfp_tf.ops.detection.boxes import areas
from lfp_tf.ops.shapes import height_width, side

# Boxes that are taken at once where matrices are multiplied; bounds what a step holds.
_BLOCK = 32
# Rows of a band, in which blocks are put together.
_BAND = 32


def roi_align(
    features: tf.Tensor,
    boxes: tf.Tensor,
    images: tf.Tensor,
    *,
    size: int,
    scale: float,
    samples: int = 2,
    aligned: bool = False,
) -> tf.Tensor:
    """Pools boxes of a feature map (Mask R-CNN, section 3; Caffe2's `roi_align_op`).

    A box edge at pixel 8 with scale 1/4 stands at 2.0, without a shift by half a cell, and no side
    is shorter than one cell: what Detectron's weights expect.

    The gradient, of the features alone, is a sum of matrix products, one block of boxes after the
    other: the same bit for bit in every run.

    Args:
        features: [B, H, W, C] float.
        boxes: [R, 4] float32: x1, y1, x2, y2 in pixels.
        images: [R] int32, which of the B images a box belongs to.
        size: P.
        scale: cells a pixel, 1 / stride.
        samples: samples a bin and side; 0: as many as the bin has cells, rounded up.
        aligned: whether cell centres are at half numbers and sides as short as they are
            (Detectron2, tensorpack).

    Returns:
        [R, P, P, C] in the type of `features`.
    """
    boxes, images = tf.stop_gradient(tf.cast(boxes, tf.float32)), tf.cast(images, tf.int32)
    starts, extents = _cells(boxes, scale, aligned)
    height, width = height_width(features)
    batch = side(features, 0)

    def matrices():
        rows = _matrix(starts[:, 1], extents[:, 1], height, size, samples)
        return rows, _matrix(starts[:, 0], extents[:, 0], width, size, samples)

    @tf.custom_gradient
    def pool(maps):
        if samples:
            pooled = _sampled(maps, images, starts, extents, (size, samples))
        else:
            pooled = _products(maps, images, *matrices())
        shape = [maps.shape[1], maps.shape[2]]

        def gradient(upstream):
            result = _transposed_products(upstream, images, *matrices(), batch=batch)
            return tf.ensure_shape(result, [None, *shape, maps.shape[3]])

        return pooled, gradient

    return tf.cast(pool(tf.cast(features, tf.float32)), features.dtype)


def assign_levels(
    boxes: tf.Tensor,
    *,
    canonical_scale: float = 224.0,
    canonical_level: int = 4,
    lowest: int = 2,
    highest: int = 5,
    pixel: float = 1.0,
) -> tf.Tensor:
    """The level of a pyramid that a box is pooled from (FPN, equation 1; Detectron's `FPN.py`).

    Args:
        boxes: [..., 4] in pixels of the network's input.
        canonical_scale: root of the area of a box that belongs to `canonical_level`.
        canonical_level: its level; half the side is one level lower.
        lowest, highest: levels there are.
        pixel: 1.0 where x2, y2 belong to the box (Detectron), 0.0 where they are its edge.

    Returns:
        int32 [...].
    """
    scale = tf.sqrt(tf.maximum(areas(boxes, pixel=pixel), 0.0)) / canonical_scale
    # The original's guard against the logarithm of 0, within the logarithm.
    octave = tf.math.log(scale + 1e-6) / np.log(2.0).astype(np.float32)
    level = tf.floor(canonical_level + octave)
    return tf.cast(tf.clip_by_value(level, lowest, highest), tf.int32)


def restored_order(groups: tf.Tensor) -> tf.Tensor:
    """Where each element stands once all are sorted by group, those of a group in their order.

    Args:
        groups: [R] integer.

    Returns:
        int32 [R]: gathering the sorted elements by it gives the order of before.
    """
    return tf.math.invert_permutation(tf.argsort(groups, stable=True))


def pyramid_roi_align(
    features: Mapping[int, tf.Tensor],
    boxes: tf.Tensor,
    images: tf.Tensor,
    levels: tf.Tensor,
    *,
    size: int,
    samples: int = 2,
    aligned: bool = False,
) -> tf.Tensor:
    """Pools each box from the map of its level; see `roi_align`.

    Args:
        features: {level: [B, H, W, C]}; a cell of level l is 2^l pixels wide.
        boxes: [R, 4] float32 in pixels.
        images: [R] int32.
        levels: [R] int32 of `assign_levels`.
        size, samples, aligned: as of `roi_align`.

    Returns:
        [R, size, size, C], in the order of `boxes`.
    """
    parts = []
    for level in sorted(features):
        rows = tf.where(tf.equal(levels, level))[:, 0]
        parts.append(
            roi_align(
                features[level],
                tf.gather(boxes, rows),
                tf.gather(images, rows),
                size=size,
                scale=2.0**-level,
                samples=samples,
                aligned=aligned,
            )
        )
    return _restored(tf.concat(parts, axis=0), levels)


@tf.custom_gradient
def _restored(values, groups):
    """Gathers by `restored_order`; the gradient is the gathering before, not a sum of rows."""
    gathered = tf.gather(values, restored_order(groups))
    return gathered, lambda upstream: (tf.gather(upstream, tf.argsort(groups, stable=True)), None)


def _cells(boxes, scale, aligned):
    """(starts, extents) of boxes in cells: [R, 2] each, x before y."""
    corners = boxes * scale - (0.5 if aligned else 0.0)
    starts, extents = corners[:, :2], corners[:, 2:] - corners[:, :2]
    return starts, extents if aligned else tf.maximum(extents, 1.0)


def _sampled(maps, images, starts, extents, grid):
    """[R, P, P, C] by the kernel for crops, on maps with their border repeated once."""
    size, samples = grid
    padded = tf.pad(maps, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    half_step = 0.5 * extents / (size * samples)
    corners = [starts + half_step, starts + extents - half_step]
    last = tf.cast(tf.stack(height_width(padded)), tf.float32) - 1.0
    crops = tf.image.crop_and_resize(
        padded,
        tf.concat([(corner[:, ::-1] + 1.0) / last for corner in corners], axis=1),
        images,
        (size * samples, size * samples),
    )
    return tf.nn.avg_pool2d(crops, samples, samples, "VALID")


def _matrix(starts, extents, length, size, samples):
    """[R, P, length]: what each cell of a side counts in each bin."""
    bins = extents / size
    if samples:
        counts = tf.fill(tf.shape(bins), float(samples))
    else:
        counts = tf.maximum(tf.math.ceil(bins), 1.0)
    first = starts[:, None] + bins[:, None] * tf.range(size, dtype=tf.float32)
    cells = tf.range(length, dtype=tf.float32)

    def add(i, total):
        place = tf.cast(i, tf.float32)
        position = first + ((place + 0.5) * bins / counts)[:, None]
        is_inside = (position >= -1.0) & (position <= tf.cast(length, tf.float32))
        is_inside &= (place < counts)[:, None]
        nearest = tf.clip_by_value(position, 0.0, tf.cast(length, tf.float32) - 1.0)
        weight = tf.maximum(1.0 - tf.abs(nearest[..., None] - cells), 0.0)
        return i + 1, total + tf.where(is_inside[..., None], weight, 0.0)

    most = tf.cast(tf.reduce_max(tf.concat([counts, [1.0]], axis=0)), tf.int32)
    total = tf.zeros(tf.stack([side(bins, 0), size, length]))
    shapes = (tf.TensorShape([]), tf.TensorShape([None, size, None]))
    _, total = tf.while_loop(
        lambda i, _: i < most, add, (tf.constant(0), total), shape_invariants=shapes
    )
    return total / counts[:, None, None]


def _products(maps, images, rows, columns):
    """[R, P, P, C]: rows times map times columns, for each box."""
    order, first, last = _by_image(images, side(maps, 0))
    size, channels = rows.shape[1], maps.shape[3]
    height, width = height_width(maps)
    count = side(images, 0)

    def block(i, image, results):
        chosen = tf.gather(order, tf.range(i, tf.minimum(i + _BLOCK, last[image])))
        flat = tf.reshape(maps[image], tf.stack([height, width * channels]))
        part = tf.matmul(tf.reshape(tf.gather(rows, chosen), tf.stack([-1, height])), flat)
        part = tf.reshape(part, tf.stack([-1, size, width, channels]))
        part = tf.matmul(tf.gather(columns, chosen)[:, None], part)
        return tf.tensor_scatter_nd_update(results, chosen[:, None], part)

    start = tf.zeros(tf.stack([count, size, size, channels]))
    return _over_blocks(block, start, first, last)


def _transposed_products(upstream, images, rows, columns, *, batch):
    """[B, H, W, C]: what `_products` and `_sampled` pass back to the maps."""
    channels = upstream.shape[3]
    height, width = side(rows, 2), side(columns, 2)
    tops, bottoms = _covered(rows)
    lefts, rights = _covered(columns)
    # Bands of rows from left to right: a block of boxes covers little of the map.
    order, first, last = _by_image(images, batch, then=tops // _BAND * width + lefts)

    def block(i, image, results):
        chosen = tf.gather(order, tf.range(i, tf.minimum(i + _BLOCK, last[image])))
        top, left = (tf.reduce_min(tf.gather(cells, chosen)) for cells in (tops, lefts))
        bottom, right = (tf.reduce_max(tf.gather(cells, chosen)) for cells in (bottoms, rights))
        part = tf.gather(columns, chosen)[:, None, :, left:right]
        part = tf.matmul(part, tf.gather(upstream, chosen), transpose_a=True)
        part = tf.reshape(part, tf.stack([-1, (right - left) * channels]))
        down = tf.gather(rows, chosen)[:, :, top:bottom]
        down = tf.reshape(down, tf.stack([-1, bottom - top]))
        part = tf.matmul(down, part, transpose_a=True)
        places = (image * height + tf.range(top, bottom)[:, None]) * width
        places = tf.reshape(places + tf.range(left, right), [-1, 1])
        return tf.tensor_scatter_nd_add(results, places, tf.reshape(part, [-1, channels]))

    start = tf.zeros(tf.stack([batch * height * width, channels]))
    total = _over_blocks(block, start, first, last)
    return tf.reshape(total, tf.stack([batch, height, width, channels]))


def _covered(matrix):
    """(first, behind the last) int32 [R] each: the cells of [R, P, length] that count anywhere."""
    counts = tf.reduce_any(matrix != 0.0, axis=1)
    first = tf.argmax(counts, axis=1, output_type=tf.int32)
    behind = side(matrix, 2) - tf.argmax(counts[:, ::-1], axis=1, output_type=tf.int32)
    return first, tf.where(tf.reduce_any(counts, axis=1), behind, first)


def _by_image(images, batch, then=None):
    """(boxes sorted by image, first place of each image, the place after its last).

    Those of an image stand in their order, or by `then`, int32 [R].
    """
    order = tf.range(tf.size(images)) if then is None else tf.argsort(then, stable=True)
    order = tf.gather(order, tf.argsort(tf.gather(images, order), stable=True))
    ordered, numbers = tf.gather(images, order), tf.range(batch)
    first = tf.searchsorted(ordered, numbers, side="left")
    return order, first, tf.searchsorted(ordered, numbers, side="right")


def _over_blocks(block, start, first, last):
    """Calls `block(place, image, results)` for each block of boxes of one image, in order."""

    def step(i, image, results):
        done = i >= last[image]
        results = tf.cond(done, lambda: results, lambda: block(i, image, results))
        following = tf.where(done, image + 1, image)
        place = tf.where(done, tf.gather(tf.pad(first, [[0, 1]]), following), i + _BLOCK)
        return place, following, results

    return tf.while_loop(
        lambda _, image, __: image < tf.size(first),
        step,
        (tf.constant(0), tf.constant(0), start),
        parallel_iterations=1,
    )[2]
