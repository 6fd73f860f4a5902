"""Heat maps of joints: drawn from points, and read back to points (`bearpaw/PyraNet`).

Points are (x, y); `center` and `scale` are those of `pose.py`. Torch counts pixels from 1, and so
do the functions here that say "1-based"; `HeatmapCodec` counts from 0, as records do.
"""

import dataclasses
import math
from collections.abc import Sequence

import tensorflow as tf

from lfp_tf.ops import torch_image
from lfp_tf.ops.pose import transform

_QUARTER = 0.25
# How far the bell reaches in deviations of the original's `gsize`.
_REACH = 3


@dataclasses.dataclass(frozen=True)
class HeatmapCodec:
    """Encodes joints as heat maps with a bell of height 1 at each, and decodes them.

    The bell spans 2 * ceil(3 * gaussian_size) + 1 pixels, a quarter of which is its deviation:
    7 pixels and 1.75 with the original's 1 (`datasets/mpii.lua:56-90`).

    Attributes:
        resolution: pixels a side of the maps.
        gaussian_size: the original's `gsize`.
        legacy_border: as the original draws beyond the upper and the left border: shifted into
            the map by one pixel, or two.
        background: one more map, the maximum over all joints.
    """

    resolution: int
    gaussian_size: float = 1.0
    legacy_border: bool = False
    background: bool = False

    def encode(self, points: tf.Tensor, center: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
        """Heat maps of one person.

        Args:
            points: [J, 2] pixels of the image, counted from 0; x <= 0 is not annotated.
            center: [2].
            scale: scalar.

        Returns:
            float32 [resolution, resolution, J], or J + 1 of them.
        """
        points = tf.cast(points, tf.float64)
        center = tf.cast(center, tf.float64)
        peak = transform(points + 1.0, center, scale, resolution=self.resolution)
        columns, rows = (self._bell(peak[:, axis, None]) for axis in (0, 1))
        is_known = tf.cast(points[:, 0] > 0, tf.float32)
        maps = tf.einsum("jy,jx->yxj", rows, columns) * is_known
        if self.background:
            maps = tf.concat([maps, tf.reduce_max(maps, axis=-1, keepdims=True)], axis=-1)
        return maps

    def decode(self, heatmaps: tf.Tensor, centers: tf.Tensor, scales: tf.Tensor) -> tf.Tensor:
        """Joints of people seen at one size, to whole pixels of the image.

        Args:
            heatmaps: [B, R, R, J].
            centers: [B, 2] (x, y) of the crops, in pixels of the image.
            scales: [B], their sides over 200 pixels.

        Returns:
            float32 [B, J, 3]: x, y, counted from 0, and the score (the height).
        """
        points = map_points(heatmaps)
        return _from_zero(image_points(points, centers, scales, resolution=self.resolution))

    def decode_views(
        self,
        heatmaps: tf.Tensor,
        center: tf.Tensor,
        scales: tf.Tensor,
        *,
        size: Sequence,
        crop: int,
    ) -> tf.Tensor:
        """Joints of one person seen at several sizes: peaks of the mean in the image.

        Args:
            heatmaps: [S, R, R, J].
            center: [2].
            scales: [S].
            size: (height, width) of the image.
            crop: pixels a side of the crops.

        Returns:
            float32 [J, 3], without the quarter pixel of `decode`, as the original.
        """
        return _from_zero(peaks(fused_maps(heatmaps, center, scales, size=size, resolution=crop)))

    def _bell(self, peak):
        """The bell along one axis of the maps: float32 [J, resolution], 0 where it ends."""
        reach = math.ceil(_REACH * self.gaussian_size)
        places = tf.range(1, self.resolution + 1)[None]
        first = peak - reach
        if self.legacy_border:
            along = places - tf.maximum(first, 1) + tf.maximum(-first, 1)
        else:
            along = places - first + 1
        deviation = 0.25 * (2 * reach + 1)
        away = tf.cast(along - (reach + 1), tf.float32) / deviation
        is_near = (places >= first) & (places <= peak + reach)
        return tf.where(is_near, tf.exp(-0.5 * away * away), 0.0)


def flip_average(
    heatmaps: tf.Tensor, heatmaps_of_mirrored: tf.Tensor, *, flip_order: list
) -> tf.Tensor:
    """The mean of heat maps and of the mirrored image's, turned back.

    Args:
        heatmaps, heatmaps_of_mirrored: [..., H, W, J].
        flip_order: J numbers; joint i becomes joint flip_order[i] in a mirror.
    """
    return 0.5 * (heatmaps + mirrored_maps(heatmaps_of_mirrored, flip_order=flip_order))


def mirrored_maps(heatmaps: tf.Tensor, *, flip_order: list) -> tf.Tensor:
    """Heat maps [..., H, W, J] of the mirrored image: turned, left and right exchanged."""
    return tf.gather(heatmaps[..., ::-1, :], list(flip_order), axis=-1)


def peaks(heatmaps: tf.Tensor) -> tf.Tensor:
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


def map_points(heatmaps: tf.Tensor) -> tf.Tensor:
    """Where the joints are in square heat maps, to a quarter pixel (`utils/utils.lua:152-222`).

    Inside the map a peak moves a quarter pixel toward its higher neighbour on each axis, then all
    by half a pixel. A map that is nowhere above 0 gives (1, 1) + 0.5.

    Args:
        heatmaps: [B, R, R, J].

    Returns:
        float32 [B, J, 3]: x, y, 1-based, and the score (the height).
    """
    side = tf.shape(heatmaps)[1]
    highest = peaks(heatmaps)
    score = highest[..., 2]
    points = tf.where((score > 0)[..., None], highest[..., :2], 1.0)
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


def image_points(
    points: tf.Tensor, center: tf.Tensor, scale: tf.Tensor, *, resolution: int
) -> tf.Tensor:
    """`map_points` in the image: whole pixels, 1-based, and the scores.

    Args:
        points: [B, J, 3].
        center: [B, 2].
        scale: [B].
        resolution: pixels a side of the heat maps.

    Returns:
        float32 [B, J, 3].
    """
    moved = transform(
        points[..., :2], center[:, None], scale[:, None], resolution=resolution, invert=True
    )
    return tf.concat([tf.cast(moved, tf.float32), points[..., 2:]], axis=-1)


def fused_maps(
    heatmaps: tf.Tensor,
    center: tf.Tensor,
    scales: tf.Tensor,
    *,
    size: Sequence,
    resolution: int,
) -> tf.Tensor:
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


def _from_zero(joints):
    """[..., 3] counted from 1 to [..., 3] counted from 0."""
    return joints - tf.constant([1.0, 1.0, 0.0])
