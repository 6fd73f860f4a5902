"""From heat maps to joints in the image: flip test, peaks, sizes fused (`bearpaw/PyraNet`).

Points, `center` and `scale` are those of `pose.py`: (x, y), 1-based where a function says so.
"""

import tensorflow as tf

from lfp_tf.ops import torch_image
from lfp_tf.ops.pose import transform

_QUARTER = 0.25


def flip_average(heatmaps, heatmaps_of_mirrored, *, flip_order):
    """The mean of heat maps and of the mirrored image's, turned back.

    Args:
        heatmaps, heatmaps_of_mirrored: [..., H, W, J].
        flip_order: J numbers; joint i becomes joint flip_order[i] in a mirror.
    """
    return 0.5 * (heatmaps + mirrored_maps(heatmaps_of_mirrored, flip_order=flip_order))


def mirrored_maps(heatmaps, *, flip_order):
    """Heat maps [..., H, W, J] of the mirrored image: turned, left and right exchanged."""
    return tf.gather(heatmaps[..., ::-1, :], list(flip_order), axis=-1)


def peaks(heatmaps):
    """The highest place of each map, the first on ties.

    Args:
        heatmaps: [..., H, W, J].

    Returns:
        float32 [..., J, 3]: x, y, 1-based, and the height. A map that is nowhere above 0 gives
        its own highest place all the same.
    """
    shape = tf.shape(heatmaps)
    height, width, joints = shape[-3], shape[-2], shape[-1]
    flat = tf.reshape(heatmaps, tf.concat([shape[:-3], [height * width, joints]], axis=0))
    place = tf.argmax(flat, axis=-2, output_type=tf.int32)
    x, y = (tf.cast(axis + 1, tf.float32) for axis in (place % width, place // width))
    return tf.stack([x, y, tf.cast(tf.reduce_max(flat, axis=-2), tf.float32)], axis=-1)


def map_points(heatmaps):
    """Where the joints are in square heat maps, to a quarter pixel (`utils/utils.lua:152-222`).

    Inside the map a peak moves a quarter pixel toward its higher neighbour on each axis, then all
    by half a pixel. A map that is nowhere above 0 gives (1, 1) + 0.5.

    Args:
        heatmaps: [B, R, R, J].

    Returns:
        float32 [B, J, 3]: x, y, 1-based, and the score (the height).
    """
    side = tf.shape(heatmaps)[1]
    found = peaks(heatmaps)
    score = found[..., 2]
    points = tf.where((score > 0)[..., None], found[..., :2], 1.0)
    places = tf.cast(points, tf.int32)
    is_inner = tf.reduce_all((places > 1) & (places < side), axis=-1)
    maps = tf.transpose(heatmaps, [0, 3, 1, 2])
    inner = tf.clip_by_value(places - 1, 1, tf.maximum(side - 2, 1))
    x, y = inner[..., 0], inner[..., 1]

    def height(rows, columns):
        return tf.gather_nd(maps, tf.stack([rows, columns], axis=-1), batch_dims=2)

    slope = tf.stack(
        [height(y, x + 1) - height(y, x - 1), height(y + 1, x) - height(y - 1, x)], axis=-1
    )
    moved = points + tf.where(is_inner[..., None], _QUARTER * tf.sign(slope), 0.0) + 0.5
    return tf.concat([moved, score[..., None]], axis=-1)


def image_points(found, center, scale, *, resolution):
    """`map_points` in the image: whole pixels, 1-based, and the scores.

    Args:
        found: [B, J, 3].
        center: [B, 2].
        scale: [B].
        resolution: pixels a side of the heat maps.

    Returns:
        float32 [B, J, 3].
    """
    moved = transform(
        found[..., :2], center[:, None], scale[:, None], resolution=resolution, invert=True
    )
    return tf.concat([tf.cast(moved, tf.float32), found[..., 2:]], axis=-1)


def fused_maps(heatmaps, center, scales, *, size, resolution):
    """Heat maps of several crops of one person, brought to the image and averaged.

    `train.lua:216-330`: each is enlarged to its crop's box and set there, one column and one row
    further than `person_crop` took it from.

    Args:
        heatmaps: [S, R, R, J].
        center: [2].
        scales: [S], of the crops.
        size: (height, width) of the image.
        resolution: pixels a side of the crops (not of the maps).

    Returns:
        float32 [height, width, J].
    """
    size = tf.cast(tf.stack(size), tf.int32)
    total = tf.zeros([])
    count = heatmaps.shape[0]
    for number in range(count):
        corners = transform(
            [[1.0, 1.0], [float(resolution)] * 2],
            center,
            scales[number],
            resolution=resolution,
            invert=True,
        )
        # Column k of the enlarged map, counted from 1, comes to the image's column corner + k.
        corner, box = corners[0][::-1], tf.maximum(corners[1] - corners[0], 1)[::-1]
        low = tf.clip_by_value(-corner, 0, box)
        high = tf.clip_by_value(size - corner, low, box)
        part = tf.cond(
            tf.reduce_all(high > low),
            lambda n=number, s=box, a=low, b=high: torch_image.scale_window(heatmaps[n], s, a, b),
            lambda a=low, b=high: tf.zeros(tf.concat([b - a, tf.shape(heatmaps)[3:]], axis=0)),
        )
        total += torch_image.surrounded(part, low, high, -corner, size - corner)
    return total / count
