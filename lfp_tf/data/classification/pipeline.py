"""Images and their classes for training and evaluation; the order is that of `ordering.py`."""

import tensorflow as tf

from lfp_tf.data import ordering
from lfp_tf.data.classification.augmentations import augment, centre, usual_shortest
from lfp_tf.data.records import RecordIndex
from lfp_tf.data.steps import Augmentation
from lfp_tf.errors import LfpError
from lfp_tf.options import Shares

FILLER = -1  # label of what fills up the last batch

_FEATURES = {
    "image/encoded": tf.io.FixedLenFeature([], tf.string),
    "image/filename": tf.io.FixedLenFeature([], tf.string, ""),
    "image/class/label": tf.io.FixedLenFeature([], tf.int64),
}


def training_batches(
    index: RecordIndex,
    *,
    shares: Shares,
    seed: int,
    augmentation: Augmentation,
    size: int,
    num_classes: int,
    start_step: int = 0,
) -> tf.data.Dataset:
    """Augmented images for ever, from the first batch of `start_step` on.

    Args:
        index: at least one record.
        shares: how a step's samples are divided.
        seed: whole number, 0..2**31-1.
        augmentation: of `data.classification.augmentations`.
        size: pixels a side; the original's is 224.
        num_classes: labels are 0..num_classes-1.
        start_step: first step given; the batches are those of a run that began at 0.

    Returns:
        `tf.data.Dataset` of {"images": float32 [b, size, size, 3] RGB grey levels, "labels": int32
        [b], "keys": int32 [b, 2] (seed, sample index), "sources": string [b] file names}.
        Iterating raises `tf.errors.InvalidArgumentError` naming the file of an impossible label.

    Raises:
        LfpError: the batch cannot be divided, the seed is out of range or there is no record.
    """
    ordering.check(index, shares, seed=seed)
    read = ordering.fields_reader(index, _FEATURES)

    def sample(ordinal):
        number = shares.number(ordinal)
        record = ordering.training_record(number, seed=seed, count=len(index.length))
        image, label, source = decoded(read(record), num_classes)
        key = ordering.training_key(number, seed=seed)
        image = augment(image, key, augmentation=augmentation, size=size)
        return {"images": image, "labels": label, "keys": key, "sources": source}

    ordinals = tf.data.Dataset.counter(start_step * shares.host)
    return ordering.batched(ordinals, sample, shares.replica)


def evaluation_batches(
    index: RecordIndex,
    *,
    shares: Shares,
    size: int,
    num_classes: int,
    shortest: int | None = None,
) -> tf.data.Dataset:
    """The middle of every image once, in the order of the files.

    The last global batch is filled up with black images of label -1 (`FILLER`), which no score
    may count, so that every replica gets the same number of batches.

    Args:
        index: at least one record.
        shares: how a batch is divided.
        size: pixels a side; the original's is 224.
        num_classes: labels are 0..num_classes-1.
        shortest: pixels of the shorter side before the middle is cut out, at least `size`; None
            takes `usual_shortest(size)`.

    Returns:
        `tf.data.Dataset` as of `training_batches`; the sample index in `keys` counts the records,
        its seed is 0; `sources` of what fills up is empty.

    Raises:
        LfpError: the batch cannot be divided, or `shortest` is below `size`.
    """
    shortest = usual_shortest(size) if shortest is None else shortest
    if shortest < size:
        raise LfpError(f"The shorter side of {shortest} pixels holds no crop of {size}.")
    ordering.check(index, shares)
    global_batch_size = shares.global_batch_size
    count = len(index.length)
    steps = -(-count // global_batch_size)
    read = ordering.fields_reader(index, _FEATURES)

    def sample(ordinal):
        number = shares.number(ordinal)
        image, label, source = decoded(read(tf.minimum(number, count - 1)), num_classes)
        image = centre(image, shortest=shortest, size=size)
        is_filler = number >= count
        return {
            "images": tf.where(is_filler, 0.0, image),
            "labels": tf.where(is_filler, FILLER, label),
            "keys": tf.stack([0, tf.cast(number, tf.int32)]),
            "sources": tf.where(is_filler, "", source),
        }

    ordinals = tf.data.Dataset.range(steps * shares.host)
    return ordering.batched(ordinals, sample, shares.replica)


def decoded(
    fields: dict[str, tf.Tensor], num_classes: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """uint8 [H, W, 3] RGB, int32 label and the file name of a record's `_FEATURES`."""
    source, label = fields["image/filename"], fields["image/class/label"]
    text = tf.strings.join(
        [
            source,
            " has the class ",
            tf.strings.as_string(label),
            f", but {num_classes} classes need 0-{num_classes - 1}.",
        ]
    )
    is_known = (label >= 0) & (label < num_classes)
    with tf.control_dependencies([tf.debugging.Assert(is_known, [text])]):
        label = tf.cast(label, tf.int32)
    return ordering.decoded_image(fields["image/encoded"]), label, source
