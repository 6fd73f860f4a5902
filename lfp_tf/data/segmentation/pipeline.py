"""Images and label maps for training and evaluation, in an order that is a function of the step.

The order is that of `ordering.py`; the augmentation of sample g is keyed by (seed, g).
"""

import tensorflow as tf

from lfp_tf.data import ordering
from lfp_tf.data.segmentation import transforms, transforms_deeplab, transforms_lfp
from lfp_tf.errors import LfpError

_AUGMENT = {
    transforms.Augmentation: transforms.augment,
    transforms_deeplab.DeepLabAugmentation: transforms_deeplab.augment,
    transforms_lfp.LfpAugmentation: transforms_lfp.augment,
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
        mean: RGB grey levels of what lies outside an image.
        augmentation: `Augmentation` of `data.segmentation.transforms`, `DeepLabAugmentation` of
            `transforms_deeplab` or `LfpAugmentation` of `transforms_lfp` beside it.
        num_classes: labels are 0..num_classes-1 or `ignore_label`.
        warp: (height, width) that every image is squashed to before all else, or None.
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
        image, labels, source = decoded(read(record))
        if warp:
            image, labels = transforms_deeplab.warp(image, labels, warp, label_resize=label_resize)
        key = ordering.training_key(number, seed=seed)
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

    ordinals = tf.data.Dataset.counter(start_step * shares.host)
    return ordering.batched(ordinals, sample, shares.replica)


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
    """Whole images once, in the order of the files.

    The last global batch is filled up with images of the mean colour whose labels are all
    ignored, so that every replica gets the same number of batches and no image counts twice.

    Args:
        index: `lfp_tf.data.records.RecordIndex`, at least one record.
        global_batch_size: images over all replicas; `replicas` where sizes differ.
        mean: RGB grey levels of the images that fill up.
        same_size: whether all images have one size; several go into a replica's batch then.
        warp, label_resize: as in `training_batches`; all images have one size then.
        replicas, ignore_label, pipeline_id, num_pipelines: as in `training_batches`.

    Returns:
        `tf.data.Dataset` as of `training_batches`, [b, H, W, ...]; the sample index in `keys`
        counts the records, its seed is 0; `sources` of an image that fills up is empty.

    Raises:
        LfpError: the batch cannot be divided, or holds images of differing sizes.
    """
    shares = ordering.shares(
        index,
        global_batch_size,
        replicas=replicas,
        pipeline_id=pipeline_id,
        num_pipelines=num_pipelines,
    )
    same_size = same_size or bool(warp)
    if not same_size and shares.replica > 1:
        raise LfpError(
            f"global_batch_size {global_batch_size} puts {shares.replica} images of differing "
            f"sizes into one batch; use {replicas}, one a replica."
        )
    count = len(index.length)
    steps = -(-count // global_batch_size)
    read = ordering.record_reader(index)
    size = None
    if same_size:
        size = warp or tf.shape(decoded(read(tf.constant(0, tf.int64)))[1]).numpy()

    def sample(ordinal):
        number = shares.number(ordinal)
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

    ordinals = tf.data.Dataset.range(steps * shares.host)
    return ordering.batched(ordinals, sample, shares.replica)


def decoded(record):
    """uint8 [H, W, 3] RGB, uint8 [H, W] and the file name of a serialized record."""
    fields = tf.io.parse_single_example(record, _FEATURES)
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
