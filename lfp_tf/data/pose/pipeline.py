"""People and their heat maps for training and evaluation; the order is that of `ordering.py`.

A record is one person with the whole image. Colours are RGB grey levels 0..255 and black outside
the image; the mean is taken off by the network's preprocessing.
"""

from collections.abc import Sequence

import tensorflow as tf

from lfp_tf.data import ordering
from lfp_tf.data.pose.augmentations import augment
from lfp_tf.data.records import RecordIndex
from lfp_tf.data.steps import Augmentation
from lfp_tf.errors import LfpError
from lfp_tf.ops import pose
from lfp_tf.ops.heatmaps import HeatmapCodec
from lfp_tf.options import Shares

MAP_STRIDE = 4  # pixels of the crop per pixel of the heat maps

_FEATURES = {
    "image/encoded": tf.io.FixedLenFeature([], tf.string),
    "image/filename": tf.io.FixedLenFeature([], tf.string, ""),
    "person/center": tf.io.FixedLenFeature([2], tf.float32),
    "person/scale": tf.io.FixedLenFeature([], tf.float32),
    "person/head_size": tf.io.FixedLenFeature([], tf.float32, 0.0),
    "person/number": tf.io.FixedLenFeature([], tf.int64, 0),
}


def training_batches(
    index: RecordIndex,
    *,
    shares: Shares,
    seed: int,
    augmentation: Augmentation,
    codec: HeatmapCodec,
    flip_order: list,
    start_step: int = 0,
) -> tf.data.Dataset:
    """Augmented people for ever, from the first batch of `start_step` on.

    Args:
        index: at least one record.
        shares: how a step's samples are divided.
        seed: whole number, 0..2**31-1.
        augmentation: of `data.pose.augmentations`.
        codec: of the heat maps; crops have four times its resolution, 256 in the original.
        flip_order: for each joint the one it becomes in a mirror (`images.skeleton.flip_order`).
        start_step: first step given; the batches are those of a run that began at 0.

    Returns:
        `tf.data.Dataset` of {"images": float32 [b, r, r, 3], "heatmaps": float32 [b, r/4, r/4, J]
        (J + 1 with the codec's background), "keys": int32 [b, 2] (seed, sample index), "sources":
        string [b] file names}.

    Raises:
        LfpError: the batch cannot be divided, the seed is impossible, or there is no record.
    """
    ordering.check(index, shares, seed=seed)
    joints = len(flip_order)
    read = ordering.fields_reader(index, _features(joints))
    resolution = codec.resolution * MAP_STRIDE

    def sample(ordinal):
        number = shares.number(ordinal)
        record = ordering.training_record(number, seed=seed, count=len(index.length))
        person = decoded(read(record), joints)
        center, scale = person["center"], person["scale"]
        image = tf.cast(person["image"], tf.float32)
        image = pose.person_crop(image, center, scale, resolution=resolution)
        heatmaps = codec.encode(annotated_points(person["keypoints"]), center, scale)
        key = ordering.training_key(number, seed=seed)
        image, heatmaps = augment(
            image, heatmaps, key, augmentation=augmentation, flip_order=flip_order
        )
        return {"images": image, "heatmaps": heatmaps, "keys": key, "sources": person["source"]}

    ordinals = tf.data.Dataset.counter(start_step * shares.host)
    return ordering.batched(ordinals, sample, shares.replica)


def evaluation_batches(
    index: RecordIndex,
    *,
    shares: Shares,
    codec: HeatmapCodec,
    num_joints: int,
    scales: tuple = (1.0,),
) -> tf.data.Dataset:
    """Every person once, in the order of the files, with what a score needs.

    The last global batch is filled up with black people without any joint, whose source is empty.

    Args:
        index: at least one record.
        shares: how a batch is divided.
        codec: of the heat maps; crops have four times its resolution.
        num_joints: J.
        scales: factors of the person's scale, one crop each; the paper's are 0.8 to 1.3.

    Returns:
        `tf.data.Dataset` of {"images": float32 [b, S, r, r, 3], "heatmaps": float32 [b, r/4, r/4,
        J] of scale 1, "keypoints": float32 [b, J, 3] (x, y in pixels of the image, 1 where
        annotated), "centers": float32 [b, 2], "scales": float32 [b] of the annotation,
        "head_sizes": float32 [b] pixels, 0 where unknown, "sizes": int32 [b, 2] (height, width) of
        the image, "keys": int32 [b, 2] (0, record), "people": int64 [b], the person's number in
        its image, "sources": string [b]}.

    Raises:
        LfpError: the batch cannot be divided, or a scale is impossible.
    """
    ordering.check(index, shares)
    resolution = codec.resolution * MAP_STRIDE
    global_batch_size = shares.global_batch_size
    if not scales or min(scales) <= 0:
        raise LfpError(f"scales must be numbers above 0, not {list(scales)}.")
    count = len(index.length)
    steps = -(-count // global_batch_size)
    read = ordering.fields_reader(index, _features(num_joints))

    def sample(ordinal):
        number = shares.number(ordinal)
        person = decoded(read(tf.minimum(number, count - 1)), num_joints)
        is_filler = number >= count
        heatmaps = codec.encode(
            annotated_points(person["keypoints"]), person["center"], person["scale"]
        )
        views = person_views(
            person["image"], person["center"], person["scale"], scales, resolution=resolution
        )
        return {
            "images": tf.where(is_filler, 0.0, views),
            "heatmaps": tf.where(is_filler, 0.0, heatmaps),
            "keypoints": tf.where(is_filler, 0.0, person["keypoints"]),
            "centers": person["center"],
            "scales": person["scale"],
            "head_sizes": tf.where(is_filler, 0.0, person["head_size"]),
            "sizes": tf.shape(person["image"])[:2],
            "keys": tf.stack([0, tf.cast(number, tf.int32)]),
            "people": person["number"],
            "sources": tf.where(is_filler, "", person["source"]),
        }

    ordinals = tf.data.Dataset.range(steps * shares.host)
    return ordering.batched(ordinals, sample, shares.replica)


def person_views(
    image: tf.Tensor,
    center: tf.Tensor,
    scale: tf.Tensor,
    scales: Sequence[float],
    *,
    resolution: int,
) -> tf.Tensor:
    """One person at several sizes: float32 [S, resolution, resolution, 3] grey levels.

    Args:
        image: [H, W, 3] RGB grey levels.
        center: [2] pixels.
        scale: the person's height over 200 pixels.
        scales: factors of it.
        resolution: pixels a side.
    """
    image = tf.cast(image, tf.float32)
    return tf.stack(
        [
            pose.person_crop(image, center, scale * factor, resolution=resolution)
            for factor in scales
        ]
    )


def annotated_points(keypoints: tf.Tensor) -> tf.Tensor:
    """Points [J, 2] of keypoints [J, 3]; (0, 0), which counts nowhere, where not annotated."""
    return tf.where(keypoints[:, 2:] > 0, keypoints[:, :2], 0.0)


def codec_of(resolution: int, *, legacy_border: bool = False) -> HeatmapCodec:
    """The codec that goes with crops of `resolution` pixels a side.

    Raises:
        LfpError: heat maps would have no whole size.
    """
    if resolution < MAP_STRIDE or resolution % MAP_STRIDE:
        raise LfpError(f"resolution must be a multiple of {MAP_STRIDE}, not {resolution}.")
    return HeatmapCodec(resolution // MAP_STRIDE, legacy_border=legacy_border)


def _features(num_joints):
    return _FEATURES | {"person/keypoints": tf.io.FixedLenFeature([num_joints * 3], tf.float32)}


def decoded(fields: dict[str, tf.Tensor], num_joints: int) -> dict[str, tf.Tensor]:
    """{"image" uint8 [H, W, 3] RGB, "keypoints" [J, 3], "center", "scale", ...} of a record."""
    return {
        "image": ordering.decoded_image(fields["image/encoded"]),
        "keypoints": tf.reshape(fields["person/keypoints"], [num_joints, 3]),
        "center": fields["person/center"],
        "scale": fields["person/scale"],
        "head_size": fields["person/head_size"],
        "number": fields["person/number"],
        "source": fields["image/filename"],
    }
