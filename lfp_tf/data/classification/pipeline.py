"""Images and their classes for training and evaluation; the order is that of `ordering.py`."""

import tensorflow as tf

from lfp_tf.data import ordering
from lfp_tf.data.classification import transforms as transforms_classification
from lfp_tf.errors import LfpError

FILLER = -1  # label of what fills up the last batch

_FEATURES = {
    "image/encoded": tf.io.FixedLenFeature([], tf.string),
    "image/filename": tf.io.FixedLenFeature([], tf.string, ""),
    "image/class/label": tf.io.FixedLenFeature([], tf.int64),
}


def training_batches(
    index,
    *,
    size,
    global_batch_size,
    seed,
    augmentation,
    num_classes,
    start_step=0,
    replicas=1,
    pipeline_id=0,
    num_pipelines=1,
):
    """Augmented images for ever, from the first batch of `start_step` on.

    Args:
        index: `lfp_tf.data.records.RecordIndex`, at least one record.
        size: pixels a side; the original's is 224.
        global_batch_size: samples of one step over all replicas, a multiple of `replicas`.
        seed: whole number, 0..2**31-1.
        augmentation: `transforms_classification.ClassificationAugmentation`; None takes the centre
            of the whole image, as in evaluation.
        num_classes: labels are 0..num_classes-1.
        start_step: first step given; the batches are those of a run that began at 0.
        replicas: of all hosts. One batch is for one replica; a step's batches follow each other.
        pipeline_id: this host, 0..num_pipelines-1; it takes its contiguous share of each step.
        num_pipelines: hosts.

    Returns:
        `tf.data.Dataset` of {"images": float32 [b, size, size, 3] RGB grey levels, "labels": int32
        [b], "keys": int32 [b, 2] (seed, sample index), "sources": string [b] file names}.
        Iterating raises `tf.errors.InvalidArgumentError` naming the file of an impossible label.

    Raises:
        LfpError: the batch cannot be divided, the seed is out of range or there is no record.
    """
    shares = ordering.shares(
        index,
        global_batch_size,
        replicas=replicas,
        pipeline_id=pipeline_id,
        num_pipelines=num_pipelines,
    )
    ordering.check_seed(seed)
    read = ordering.record_reader(index)

    def sample(ordinal):
        number = shares.number(ordinal)
        record = ordering.training_record(number, seed=seed, count=len(index.length))
        image, label, source = decoded(read(record), num_classes)
        key = ordering.training_key(number, seed=seed)
        if augmentation is None:
            image = transforms_classification.centre(
                image, shortest=usual_shortest(size), size=size
            )
        else:
            image = transforms_classification.augment(
                image, key, size=size, augmentation=augmentation
            )
        return {"images": image, "labels": label, "keys": key, "sources": source}

    ordinals = tf.data.Dataset.counter(start_step * shares.host)
    return ordering.batched(ordinals, sample, shares.replica)


def evaluation_batches(
    index,
    *,
    size,
    global_batch_size,
    num_classes,
    shortest=None,
    replicas=1,
    pipeline_id=0,
    num_pipelines=1,
):
    """The middle of every image once, in the order of the files.

    The last global batch is filled up with black images of label -1 (`FILLER`), which no score
    may count, so that every replica gets the same number of batches.

    Args:
        index: `lfp_tf.data.records.RecordIndex`, at least one record.
        size: pixels a side; the original's is 224.
        global_batch_size: images over all replicas.
        num_classes: labels are 0..num_classes-1.
        shortest: pixels of the shorter side before the middle is cut out, at least `size`; None
            takes `usual_shortest(size)`.
        replicas, pipeline_id, num_pipelines: as in `training_batches`.

    Returns:
        `tf.data.Dataset` as of `training_batches`; the sample index in `keys` counts the records,
        its seed is 0; `sources` of what fills up is empty.

    Raises:
        LfpError: the batch cannot be divided, or `shortest` is below `size`.
    """
    shortest = usual_shortest(size) if shortest is None else shortest
    if shortest < size:
        raise LfpError(f"The shorter side of {shortest} pixels holds no crop of {size}.")
    shares = ordering.shares(
        index,
        global_batch_size,
        replicas=replicas,
        pipeline_id=pipeline_id,
        num_pipelines=num_pipelines,
    )
    count = len(index.length)
    steps = -(-count // global_batch_size)
    read = ordering.record_reader(index)

    def sample(ordinal):
        number = shares.number(ordinal)
        image, label, source = decoded(read(tf.minimum(number, count - 1)), num_classes)
        image = transforms_classification.centre(image, shortest=shortest, size=size)
        is_filler = number >= count
        return {
            "images": tf.where(is_filler, 0.0, image),
            "labels": tf.where(is_filler, FILLER, label),
            "keys": tf.stack([0, tf.cast(number, tf.int32)]),
            "sources": tf.where(is_filler, "", source),
        }

    ordinals = tf.data.Dataset.range(steps * shares.host)
    return ordering.batched(ordinals, sample, shares.replica)


def usual_shortest(size):
    """The shorter side that goes with a crop of `size`, in the proportion of 256 to 224."""
    return round(size * 256 / 224)


def decoded(record, num_classes):
    """uint8 [H, W, 3] RGB, int32 label and the file name of a serialized record."""
    fields = tf.io.parse_single_example(record, _FEATURES)
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
