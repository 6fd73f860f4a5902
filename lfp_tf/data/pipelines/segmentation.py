"""Pictures and label maps for training and evaluation, in an order that is a function of the step.

Training: sample g of a run (step g // batch) is record `shuffled(g mod n)` of epoch g // n, and
its augmentation is keyed by (seed, g). So any step can be the first one, and the samples of a
global batch do not depend on how many replicas or hosts share it.
"""

import os

import tensorflow as tf

from lfp_tf.data import transforms, transforms_deeplab
from lfp_tf.errors import LfpError
from lfp_tf.ops import randomness

# Records are read in pieces of this size: a buffer as large as a record costs twice the time.
_READ_BYTES = 16 * 1024

_AUGMENT = {
    transforms.Augmentation: transforms.augment,
    transforms_deeplab.DeepLabAugmentation: transforms_deeplab.augment,
}

_FEATURES = {
    "image/encoded": tf.io.FixedLenFeature([], tf.string),
    "image/filename": tf.io.FixedLenFeature([], tf.string, ""),
    "image/segmentation/class/encoded": tf.io.FixedLenFeature([], tf.string),
}


def training_batches(
    index,
    *,
    crop,
    global_batch_size,
    seed,
    mean,
    augmentation,
    num_classes,
    warp=None,
    label_resize="pil_nearest",
    start_step=0,
    ignore_label=255,
    replicas=1,
    pipeline_id=0,
    num_pipelines=1,
):
    """Augmented crops for ever, from the first batch of `start_step` on.

    Args:
        index: `lfp_tf.data.records.RecordIndex`, at least one record.
        crop: (height, width).
        global_batch_size: samples of one step over all replicas, a multiple of `replicas`.
        seed: whole number, 0..2**31-1.
        mean: RGB grey levels of what lies outside a picture.
        augmentation: `lfp_tf.data.transforms.Augmentation`, or `DeepLabAugmentation` of
            `lfp_tf.data.transforms_deeplab`.
        num_classes: labels are 0..num_classes-1 or `ignore_label`.
        warp: (height, width) that every picture is squashed to before all else, or None.
        label_resize: how the labels are squashed, see `transforms_deeplab.warp`.
        start_step: first step given; the batches are those of a run that began at 0.
        ignore_label: label that no loss counts.
        replicas: of all hosts. One batch is for one replica; a step's batches follow each other.
        pipeline_id: this host, 0..num_pipelines-1; it takes its contiguous share of each step.
        num_pipelines: hosts.

    Returns:
        `tf.data.Dataset` of {"images": float32 [b, *crop, 3] RGB grey levels, "labels": int32
        [b, *crop], "keys": int32 [b, 2] (seed, sample index), "sources": string [b] file names}.
        Iterating raises `tf.errors.InvalidArgumentError` naming the file of an impossible label.

    Raises:
        LfpError: the batch cannot be divided, the seed is out of range or there is no record.
    """
    share, local_batch = _shares(index, global_batch_size, replicas, num_pipelines)
    if not 0 <= seed < 2**31:
        raise LfpError(f"seed must lie in 0..{2**31 - 1}, not {seed}.")
    count = len(index.length)
    read = _reader(index)

    def sample(ordinal):
        step, place = ordinal // share, ordinal % share
        number = step * global_batch_size + pipeline_id * share + place
        record = randomness.shuffled(number % count, seed=seed, epoch=number // count, count=count)
        image, labels, source = decoded(read(record))
        if warp:
            image, labels = transforms_deeplab.warp(image, labels, warp, label_resize=label_resize)
        key = tf.stack([tf.constant(seed, tf.int32), tf.cast(number, tf.int32)])
        image, labels = _AUGMENT[type(augmentation)](
            image,
            labels,
            key,
            crop=crop,
            mean=mean,
            augmentation=augmentation,
            ignore_label=ignore_label,
        )
        with tf.control_dependencies([_check_labels(labels, source, num_classes, ignore_label)]):
            labels = tf.identity(labels)
        return {"images": image, "labels": labels, "keys": key, "sources": source}

    ordinals = tf.data.Dataset.counter(start_step * share)
    return _batched(ordinals.map(sample, tf.data.AUTOTUNE, deterministic=True), local_batch)


def evaluation_batches(
    index,
    *,
    global_batch_size,
    mean,
    same_size,
    warp=None,
    label_resize="pil_nearest",
    replicas=1,
    ignore_label=255,
    pipeline_id=0,
    num_pipelines=1,
):
    """Whole pictures once, in the order of the files.

    The last global batch is filled up with pictures of the mean colour whose labels are all
    ignored, so that every replica gets the same number of batches and no picture counts twice.

    Args:
        index: `lfp_tf.data.records.RecordIndex`, at least one record.
        global_batch_size: pictures over all replicas; `replicas` where sizes differ.
        mean: RGB grey levels of the pictures that fill up.
        same_size: whether all pictures have one size; several go into a replica's batch then.
        warp, label_resize: as in `training_batches`; all pictures have one size then.
        replicas, ignore_label, pipeline_id, num_pipelines: as in `training_batches`.

    Returns:
        `tf.data.Dataset` as of `training_batches`, [b, H, W, ...]; the sample index in `keys`
        counts the records, its seed is 0; `sources` of a picture that fills up is empty.

    Raises:
        LfpError: the batch cannot be divided, or holds pictures of differing sizes.
    """
    share, local_batch = _shares(index, global_batch_size, replicas, num_pipelines)
    same_size = same_size or bool(warp)
    if not same_size and local_batch > 1:
        raise LfpError(
            f"global_batch_size {global_batch_size} puts {local_batch} pictures of differing sizes "
            f"into one batch; use {replicas}, one a replica."
        )
    count = len(index.length)
    steps = -(-count // global_batch_size)
    read = _reader(index)
    size = None
    if same_size:
        size = warp or tf.shape(decoded(read(tf.constant(0, tf.int64)))[1]).numpy()

    def sample(ordinal):
        step, place = ordinal // share, ordinal % share
        number = step * global_batch_size + pipeline_id * share + place
        image, labels, source = decoded(read(tf.minimum(number, count - 1)))
        if warp:
            image, labels = transforms_deeplab.warp(image, labels, warp, label_resize=label_resize)
        image, labels = tf.cast(image, tf.float32), tf.cast(labels, tf.int32)
        if same_size:
            with tf.control_dependencies([_check_size(labels, source, size)]):
                image, labels = tf.ensure_shape(image, [*size, 3]), tf.ensure_shape(labels, size)
        is_filler = number >= count
        return {
            "images": tf.where(is_filler, tf.constant(mean, tf.float32), image),
            "labels": tf.where(is_filler, ignore_label, labels),
            "keys": tf.stack([0, tf.cast(number, tf.int32)]),
            "sources": tf.where(is_filler, "", source),
        }

    ordinals = tf.data.Dataset.range(steps * share)
    return _batched(ordinals.map(sample, tf.data.AUTOTUNE, deterministic=True), local_batch)


def _shares(index, global_batch_size, replicas, num_pipelines):
    """(samples of a step on one host, samples of one replica)."""
    if not len(index.length):
        raise LfpError(f"There is no record in {', '.join(map(str, index.paths)) or 'the data'}.")
    if global_batch_size < 1 or global_batch_size % replicas:
        raise LfpError(
            f"global_batch_size {global_batch_size} must be a multiple of the {replicas} replicas."
        )
    if replicas % num_pipelines:
        raise LfpError(f"{replicas} replicas cannot be shared evenly by {num_pipelines} hosts.")
    return global_batch_size // num_pipelines, global_batch_size // replicas


def _reader(index):
    """A graph function from a record's number to its bytes: one positioned read, no scan."""
    paths = tf.constant([str(path) for path in index.paths])
    sizes = tf.constant([os.path.getsize(path) for path in index.paths], tf.int64)
    files = tf.constant(index.file, tf.int32)
    offsets = tf.constant(index.offset, tf.int64)
    lengths = tf.constant(index.length, tf.int64)

    def read(record):
        file, offset, length = files[record], offsets[record], lengths[record]
        footer = sizes[file] - offset - length
        one = tf.data.FixedLengthRecordDataset(
            paths[file], length, header_bytes=offset, footer_bytes=footer, buffer_size=_READ_BYTES
        )
        return one.get_single_element()

    return read


def decoded(record):
    """uint8 [H, W, 3] RGB, uint8 [H, W] and the file name of a serialized record."""
    fields = tf.io.parse_single_example(record, _FEATURES)
    # Reads PNG too; the exact transform is what Pillow and OpenCV use.
    image = tf.io.decode_jpeg(fields["image/encoded"], 3, dct_method="INTEGER_ACCURATE")
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
        [source, f" is not {size[0]}x{size[1]} as the first picture; evaluate one at a time."]
    )
    return tf.debugging.Assert(tf.reduce_all(tf.shape(labels) == size), [text])


def _batched(samples, batch_size):
    options = tf.data.Options()
    options.deterministic = True
    batches = samples.batch(batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)
    return batches.with_options(options)
