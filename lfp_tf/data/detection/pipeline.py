"""Images and their objects for training and evaluation; the order is that of `canvases.py`.

Colours are RGB grey levels 0..255; the mean is taken off by the network's preprocessing.
"""

import numpy as np
import tensorflow as tf

from lfp_tf.data import ordering
from lfp_tf.data.detection import objects as keys
from lfp_tf.data.detection.canvases import CanvasOptions, canvas_kinds, grouped, place_of
from lfp_tf.data.detection.sizes import RecordSizes, record_sizes
from lfp_tf.data.detection.transforms import Fields, canvas_image, training_objects
from lfp_tf.data.records import RecordIndex
from lfp_tf.errors import LfpError
from lfp_tf.ops.detection.input import image_info, image_scale, scaled_size
from lfp_tf.options import Shares

_IMAGE = {
    "image/encoded": tf.io.FixedLenFeature([], tf.string),
    "image/filename": tf.io.FixedLenFeature([], tf.string, ""),
}
_FLOATS = (*keys.BOX_KEYS, keys.AREA_KEY, keys.XY_KEY)
_WHOLE = (keys.LABEL_KEY, keys.CROWD_KEY, keys.IGNORED_KEY, keys.POINTS_KEY, keys.PARTS_KEY)
_OBJECTS = {
    **dict.fromkeys(_FLOATS, tf.io.VarLenFeature(tf.float32)),
    **dict.fromkeys(_WHOLE, tf.io.VarLenFeature(tf.int64)),
    keys.MASK_KEY: tf.io.VarLenFeature(tf.string),
}
# What fills up the objects of an image to those of its batch.
_FILLERS = {
    "images": 0.0,
    "info": 0.0,
    "boxes": 0.0,
    "classes": 0,
    "is_crowd": False,
    "is_valid": False,
    "edges": 0.0,
    "parts": -1,
    "keys": 0,
    "sources": "",
}


def training_batches(
    index: RecordIndex,
    *,
    shares: Shares,
    seed: int,
    canvas: CanvasOptions,
    mean: tuple,
    pixel: float,
    num_classes: int,
    with_masks: bool,
    flip: bool = True,
    start_step: int = 0,
) -> tf.data.Dataset:
    """Images and their objects for ever, from the first batch of `start_step` on.

    Images without an object that can be sampled are left out. All images of a step, over all
    replicas, are filled up to one size.

    Args:
        index: at least one record.
        shares: how a step's samples are divided.
        seed: whole number, 0..2**31-1.
        canvas: how large images are.
        mean: grey levels R, G, B that fill up images.
        pixel: 1.0 for corners that belong to a box (Detectron), 0.0 for edges.
        num_classes: K, with background as 0.
        with_masks: whether outlines are made; without there are no edges.
        flip: whether each image is also given mirrored, as another entry of the epoch.
        start_step: first step given; the batches are those of a run that began at 0.

    Returns:
        `tf.data.Dataset` of {"images": float32 [b, H, W, 3], "info": float32 [b, 3] (height, width
        of the scaled image, scale), "boxes": float32 [b, G, 4] (x1, y1, x2, y2 in pixels of the
        image before scaling, after the mirroring), "classes": int32 [b, G], "is_crowd", "is_valid":
        bool [b, G] (not valid fills up), "edges": float32 [b, G, E, 4] and "parts": int32
        [b, G, E] (outlines in the same pixels; -1 fills up), "keys": int32 [b, 2] (seed, sample
        index), "sources": string [b] file names}.

    Raises:
        LfpError: the batch cannot be divided, the seed or a size is impossible, no image can be
            used, or a record is not as it must be; it is named.
    """
    ordering.check(index, shares, seed=seed)
    canvas.check()
    sizes = record_sizes(index)
    records = _usable_records(index, sizes, pixel=pixel, num_classes=num_classes)
    kinds = canvas_kinds(sizes.sizes[records], canvas)
    repeats = 2 if flip else 1
    groups = grouped(np.tile(kinds, repeats), shares.global_batch_size)
    read, where = ordering.record_reader(index), ordering.record_name(index)
    stated = tf.constant(sizes.sizes, tf.int32)

    def sample(ordinal):
        number = shares.number(ordinal)
        place = place_of(number, groups, canvas, seed=seed)
        record = tf.gather(tf.constant(records), place.entry % len(records))
        is_mirrored = place.entry >= len(records)
        payload, name = read(record), where(record)
        fields = ordering.fields_of(payload, _IMAGE, where=name)
        image = ordering.decoded_image(fields["image/encoded"])
        image = _of_size(image, tf.gather(stated, record), name)
        size = [tf.shape(image)[0], tf.shape(image)[1]]
        objects = training_objects(
            object_fields(payload),
            size,
            pixel=pixel,
            with_masks=with_masks,
            is_mirrored=is_mirrored,
        )
        scale = image_scale(size, target=place.short_side, largest=canvas.max_size)
        image = tf.where(is_mirrored, image[:, ::-1], image)
        return {
            "images": canvas_image(image, scale, place.canvas, mean=mean),
            "info": image_info(scaled_size(size, scale), scale),
            "boxes": objects.boxes,
            "classes": objects.classes,
            "is_crowd": objects.is_crowd,
            "is_valid": tf.ones_like(objects.is_crowd),
            "edges": objects.outlines.edges,
            "parts": objects.outlines.parts,
            "keys": ordering.training_key(number, seed=seed),
            "sources": fields["image/filename"],
        }

    ordinals = tf.data.Dataset.counter(start_step * shares.host)
    return ordering.batched(ordinals, sample, shares.replica, fillers=_FILLERS)


def evaluation_batches(index: RecordIndex, *, shares: Shares) -> tf.data.Dataset:
    """Every image once, one a replica, in the order of the files.

    The last step is filled up with black images, so that replicas get equally many.

    Args:
        index: at least one record.
        shares: how a step is divided; its global batch has one image a replica.

    Returns:
        `tf.data.Dataset` of {"images": uint8 [1, H, W, 3] RGB, "numbers": int64 [1], the record's
        number, -1 for an image that fills up, "sources": string [1] file names}.

    Raises:
        LfpError: the batch has another number of images than one a replica.
    """
    ordering.check(index, shares)
    if shares.replica != 1:
        raise LfpError(
            "Detectors are evaluated with one image a replica: global_batch_size must be "
            f"{shares.replicas}, not {shares.global_batch_size}."
        )
    count = len(index)
    steps = -(-count // shares.global_batch_size)
    read = ordering.fields_reader(index, _IMAGE)

    def sample(ordinal):
        number = shares.number(ordinal)
        fields = read(tf.minimum(number, count - 1))
        image = ordering.decoded_image(fields["image/encoded"])
        is_filler = number >= count
        return {
            "images": tf.where(is_filler, tf.zeros_like(image), image),
            "numbers": tf.where(is_filler, tf.constant(-1, tf.int64), number),
            "sources": tf.where(is_filler, "", fields["image/filename"]),
        }

    ordinals = tf.data.Dataset.range(steps * shares.host)
    return ordering.batched(ordinals, sample, shares.replica)


def object_fields(payload: tf.Tensor) -> Fields:
    """The objects of a serialized record that `sizes.record_sizes` has checked."""
    parsed = tf.io.parse_single_example(payload, _OBJECTS)
    values = {key: parsed[key].values for key in _OBJECTS}
    classes = tf.cast(values[keys.LABEL_KEY], tf.int32)
    count = tf.size(classes)
    points = tf.RaggedTensor.from_row_lengths(
        tf.reshape(values[keys.XY_KEY], [-1, 2]), values[keys.POINTS_KEY]
    )
    parts = _or_else(values[keys.PARTS_KEY], tf.zeros([count], tf.int64))
    return Fields(
        boxes_unit=tf.stack([values[key] for key in keys.BOX_KEYS], axis=1),
        classes=classes,
        is_crowd=_or_else(values[keys.CROWD_KEY] != 0, tf.zeros([count], tf.bool)),
        is_ignored=_or_else(values[keys.IGNORED_KEY] != 0, tf.zeros([count], tf.bool)),
        areas=_or_else(values[keys.AREA_KEY], tf.ones([count])),
        masks=_or_else(values[keys.MASK_KEY], tf.fill([count], "")),
        polygons=tf.RaggedTensor.from_row_lengths(points, parts),
    )


def _or_else(values, usual):
    """The values of a list, or what stands for a list that a record lacks."""
    return tf.cond(tf.size(values) > 0, lambda: values, lambda: usual)


def _usable_records(index, sizes: RecordSizes, *, pixel, num_classes):
    """int64 [n]: the records with objects that can be sampled."""
    largest = sizes.largest_class
    if largest.max(initial=0) >= num_classes:
        raise LfpError(
            f'{index.where(int(largest.argmax()))} has the class {largest.max()} in "'
            f'{keys.LABEL_KEY}", but the network has the classes 1 to {num_classes - 1}.'
        )
    records = np.flatnonzero(sizes.usable_objects(pixel))
    if not len(records):
        raise LfpError(
            f"No image in {', '.join(index.paths)} has an object to learn from: a box inside the "
            "image that is no crowd."
        )
    return records


def _of_size(image, size, where):
    """The image, checked against the size that its canvas was chosen for."""
    text = tf.strings.join([where, ' has an image of another size than "image/height" and '])
    text = tf.strings.join([text, '"image/width" say; write the records again.'])
    is_same = tf.reduce_all(tf.shape(image)[:2] == size)
    with tf.control_dependencies([tf.debugging.Assert(is_same, [text])]):
        return tf.identity(image)
