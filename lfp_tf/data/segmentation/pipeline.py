"""Images and label maps for training and evaluation, in an order that is a function of the step.

The order is that of `ordering.py`; the augmentation of sample g is keyed by (seed, g).
"""

import tensorflow as tf

from lfp_tf.data import ordering
from lfp_tf.data.records import RecordIndex
from lfp_tf.data.segmentation.augmentations import Canvas, Warp, augment
from lfp_tf.data.steps import Augmentation
from lfp_tf.errors import LfpError
from lfp_tf.options import Shares

FEATURES = {
    "image/encoded": tf.io.FixedLenFeature([], tf.string),
    "image/filename": tf.io.FixedLenFeature([], tf.string, ""),
    "image/segmentation/class/encoded": tf.io.FixedLenFeature([], tf.string),
}


def training_batches(
    index: RecordIndex,
    *,
    shares: Shares,
    seed: int,
    augmentation: Augmentation,
    canvas: Canvas,
    num_classes: int,
    warp: Warp | None = None,
    start_step: int = 0,
) -> tf.data.Dataset:
    """Augmented crops for ever, from the first batch of `start_step` on.

    Args:
        index: at least one record.
        shares: how a step's samples are divided.
        seed: whole number, 0..2**31-1.
        augmentation: of `data.segmentation.augmentations`.
        canvas: the crop, and what lies outside an image.
        num_classes: labels are 0..num_classes-1 or the canvas' `ignore_label`.
        warp: what every image goes through before all else.
        start_step: first step given; the batches are those of a run that began at 0.

    Returns:
        `tf.data.Dataset` of {"images": float32 [b, *crop, 3] RGB grey levels, "labels": int32
        [b, *crop], "keys": int32 [b, 2] (seed, sample index), "sources": string [b] file names}.
        Iterating raises `tf.errors.InvalidArgumentError` naming the file of an impossible label.

    Raises:
        LfpError: the batch cannot be divided, the seed is out of range or there is no record.
    """
    ordering.check(index, shares, seed=seed)
    read, ignore_label = ordering.fields_reader(index, FEATURES), canvas.ignore_label

    def sample(ordinal):
        number = shares.number(ordinal)
        record = ordering.training_record(number, seed=seed, count=len(index.length))
        image, labels, source = decoded(read(record))
        if warp:
            image, labels = warp(image, labels)
        key = ordering.training_key(number, seed=seed)
        image, labels = augment(image, labels, key, augmentation=augmentation, canvas=canvas)
        with tf.control_dependencies([_check_labels(labels, source, num_classes, ignore_label)]):
            labels = tf.identity(labels)
        return {"images": image, "labels": labels, "keys": key, "sources": source}

    ordinals = tf.data.Dataset.counter(start_step * shares.host)
    return ordering.batched(ordinals, sample, shares.replica)


def evaluation_batches(
    index: RecordIndex,
    *,
    shares: Shares,
    mean: tuple,
    same_size: bool,
    warp: Warp | None = None,
    ignore_label: int = 255,
) -> tf.data.Dataset:
    """Whole images once, in the order of the files.

    The last global batch is filled up with images of the mean colour whose labels are all
    ignored, so that every replica gets the same number of batches and no image counts twice.

    Args:
        index: at least one record.
        shares: how a batch is divided; one image per replica where sizes differ.
        mean: RGB grey levels of the images that fill up.
        same_size: whether all images have one size; several go into a replica's batch then.
        warp: as in `training_batches`; all images have one size then.
        ignore_label: label that no score counts.

    Returns:
        `tf.data.Dataset` as of `training_batches`, [b, H, W, ...]; the sample index in `keys`
        counts the records, its seed is 0; `sources` of an image that fills up is empty.

    Raises:
        LfpError: the batch cannot be divided, or holds images of differing sizes.
    """
    ordering.check(index, shares)
    global_batch_size, replicas = shares.global_batch_size, shares.replicas
    same_size = same_size or warp is not None
    if not same_size and shares.replica > 1:
        raise LfpError(
            f"global_batch_size {global_batch_size} puts {shares.replica} images of differing "
            f"sizes into one batch; use {replicas}, one per replica."
        )
    count = len(index.length)
    steps = -(-count // global_batch_size)
    read = ordering.fields_reader(index, FEATURES)
    size = None
    if same_size:
        size = warp.size if warp else _size_of_first(read)

    def sample(ordinal):
        number = shares.number(ordinal)
        image, labels, source = decoded(read(tf.minimum(number, count - 1)))
        if warp:
            image, labels = warp(image, labels)
        image, labels = tf.cast(image, tf.float32), tf.cast(labels, tf.int32)
        if size is not None:
            with tf.control_dependencies([_check_size(labels, source, size)]):
                image, labels = tf.ensure_shape(image, [*size, 3]), tf.ensure_shape(labels, size)
        is_filler = number >= count
        return {
            "images": tf.where(is_filler, tf.constant(mean, tf.float32), image),
            "labels": tf.where(is_filler, ignore_label, labels),
            "keys": tf.stack([0, tf.cast(number, tf.int32)]),
            "sources": tf.where(is_filler, "", source),
        }

    ordinals = tf.data.Dataset.range(steps * shares.host)
    return ordering.batched(ordinals, sample, shares.replica)


def _size_of_first(read):
    """(height, width) of the first record's labels."""
    with ordering.sentences():
        return tf.shape(decoded(read(tf.constant(0, tf.int64)))[1]).numpy()


def decoded(fields: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """uint8 [H, W, 3] RGB, uint8 [H, W] and the file name of a record's `FEATURES`."""
    image = ordering.decoded_image(fields["image/encoded"])
    labels = tf.io.decode_png(fields["image/segmentation/class/encoded"], 1)[..., 0]
    source = fields["image/filename"]
    same = tf.reduce_all(tf.shape(image)[:2] == tf.shape(labels))
    text = tf.strings.join([source, " and its label map differ in size."])
    with tf.control_dependencies([tf.debugging.Assert(same, [text])]):
        return tf.identity(image), labels, source


def _check_labels(labels, source, num_classes, ignore_label):
    largest = tf.reduce_max(tf.where(labels == ignore_label, 0, labels))
    text = tf.strings.join(
        [
            "The labels of ",
            source,
            " hold the value ",
            tf.strings.as_string(largest),
            f", but {num_classes} classes need 0-{num_classes - 1} or {ignore_label} (ignored).",
        ]
    )
    return tf.debugging.Assert(largest < num_classes, [text])


def _check_size(labels, source, size):
    text = tf.strings.join(
        [source, f" is not {size[0]}x{size[1]} as the first image; evaluate one at a time."]
    )
    return tf.debugging.Assert(tf.reduce_all(tf.shape(labels) == size), [text])
