"""What every pipeline shares: which record a step's sample is, its bytes, its batch.

Training: sample g of a run (step g // batch) is record `shuffled(g mod n)` of epoch g // n. So any
step can be the first one, and the samples of a global batch do not depend on how many replicas or
hosts share it.
"""

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from lfp_tf.data import tfrecord
from lfp_tf.data.records import RecordIndex
from lfp_tf.errors import LfpError, WorkFailed, graph_sentence
from lfp_tf.ops import randomness
from lfp_tf.options import Shares
from lfp_tf.workers import available_cores

# Records are read in pieces of this size: a buffer as large as a record costs twice the time.
_READ_BYTES = 16 * 1024
_READY_BATCHES = 2
_EXACT = "INTEGER_ACCURATE"  # the transform that Pillow and OpenCV use


def check(index: RecordIndex, shares: Shares, *, seed: int = 0) -> None:
    """Refuses what gives no batches.

    Raises:
        LfpError: there is no record, the batch cannot be divided, or the seed does not fit a key.
    """
    batch, replicas = shares.global_batch_size, shares.replicas
    if not len(index.length):
        raise LfpError(f"There is no record in {', '.join(map(str, index.paths)) or 'the data'}.")
    if batch < 1 or batch % replicas:
        raise LfpError(f"global_batch_size {batch} must be a multiple of the {replicas} replicas.")
    if replicas % shares.num_pipelines:
        raise LfpError(
            f"{replicas} replicas cannot be shared evenly by {shares.num_pipelines} hosts."
        )
    if not 0 <= seed < 2**31:
        raise LfpError(f"seed must lie in 0..{2**31 - 1}, not {seed}.")


def training_record(number: tf.Tensor, *, seed: int, count: int) -> tf.Tensor:
    """Which of `count` records sample `number` of a run is; int64 scalars."""
    return randomness.shuffled(number % count, seed=seed, epoch=number // count, count=count)


def training_key(number: tf.Tensor, *, seed: int) -> tf.Tensor:
    """The key int32 [2] that a sample's augmentation is drawn from."""
    return tf.stack([tf.constant(seed, tf.int32), tf.cast(number, tf.int32)])


def record_reader(index: RecordIndex) -> Callable[[tf.Tensor], tf.Tensor]:
    """A graph function from a record's number to its bytes: one positioned read, no scan.

    The payload's checksum is verified. Of a damaged record the function raises
    `tf.errors.InvalidArgumentError` with a sentence that names its shard and number.
    """
    paths = tf.constant([str(path) for path in index.paths])
    files = tf.constant(index.file, tf.int32)
    offsets = tf.constant(index.offset, tf.int64)
    lengths = tf.constant(index.length, tf.int64)
    where, nothing = record_name(index), tf.data.Dataset.from_tensors("")

    def read(record):
        file, offset = files[record], offsets[record]
        variant = tf.raw_ops.TFRecordDatasetV2(
            filenames=paths[file][None],
            compression_type="",
            buffer_size=_READ_BYTES,
            byte_offsets=[offset - tfrecord.HEADER_BYTES],
        )
        records = tf.data.experimental.from_variant(variant, tf.TensorSpec([], tf.string))
        # The reader's own error names neither file nor record: the empty one behind it comes.
        payload = records.ignore_errors().concatenate(nothing).take(1).get_single_element()
        text = tf.strings.join([where(record), tfrecord.DAMAGE])
        is_whole = tf.cast(tf.strings.length(payload), tf.int64) == lengths[record]
        with tf.control_dependencies([tf.debugging.Assert(is_whole, [text])]):
            return tf.identity(payload)

    return read


def fields_reader(
    index: RecordIndex, features: dict[str, tf.io.FixedLenFeature]
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """A graph function from a record's number to its fields, as `record_reader` and `fields_of`."""
    read, where = record_reader(index), record_name(index)
    return lambda record: fields_of(read(record), features, where=where(record))


def fields_of(
    payload: tf.Tensor,
    features: dict[str, tf.io.FixedLenFeature],
    *,
    where: str | tf.Tensor = "The record",
) -> dict[str, tf.Tensor]:
    """The fields of a serialized record; it raises `tf.errors.InvalidArgumentError` by name.

    Args:
        payload: scalar string.
        features: {key: shape, type and default}; without a default the key must be there.
        where: how the sentence about a missing key calls the record.

    Returns:
        {key: tensor of the feature's shape}.
    """
    needed = {key: kind for key, kind in features.items() if kind.default_value is None}
    loose = {key: tf.io.VarLenFeature(kind.dtype) for key, kind in needed.items()}
    fields = tf.io.parse_single_example(payload, features | loose)
    for key, kind in needed.items():
        values, count = fields[key].values, math.prod(kind.shape)
        text = tf.strings.join([where, _lack(key, count, tf.size(values))])
        with tf.control_dependencies([tf.debugging.Assert(tf.size(values) == count, [text])]):
            values = tf.identity(values)
        fields[key] = tf.reshape(values, kind.shape)
    return fields


def record_name(index: RecordIndex) -> Callable[[tf.Tensor], tf.Tensor]:
    """A graph function from a record's number to what `RecordIndex.where` gives."""
    paths = tf.constant([str(path) for path in index.paths])
    files = tf.constant(index.file, tf.int32)
    firsts = tf.constant(index.firsts, tf.int64)

    def name(record):
        file = files[record]
        number = tf.strings.as_string(record - firsts[file])
        return tf.strings.join([paths[file], ", record ", number])

    return name


def _lack(key, count, num_values):
    advice = "give records for this task, or write them again with `lfp-tf data` and `--overwrite`."
    several = tf.strings.join([" has ", tf.strings.as_string(num_values), f' values of "{key}"'])
    return tf.where(
        num_values == 0,
        f' has no "{key}"; {advice}',
        tf.strings.join([several, f", but {count} are needed; {advice}"]),
    )


@contextlib.contextmanager
def sentences() -> Iterator[None]:
    """Makes an error of ours of what is wrong with a record, where batches are read.

    Raises:
        WorkFailed: a record is damaged, or not as it must be; the sentence names it.
    """
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        raise WorkFailed(graph_sentence(error)) from error


def read_batches(batches: tf.data.Dataset) -> Iterator[dict[str, tf.Tensor]]:
    """The batches one after the other, as `sentences`."""
    with sentences():
        yield from batches


def decoded_image(encoded: tf.Tensor) -> tf.Tensor:
    """uint8 [H, W, 3] RGB of a JPEG's or a PNG's bytes."""
    return tf.io.decode_jpeg(encoded, 3, dct_method=_EXACT)


def batched(
    ordinals: tf.data.Dataset,
    sample: Callable[[tf.Tensor], dict],
    batch_size: int,
    *,
    fillers: dict[str, Any] | None = None,
) -> tf.data.Dataset:
    """Batches of `sample(ordinal)` over a data set of ordinals, in their order.

    Args:
        ordinals: int64 scalars.
        sample: function of one to its tensors by name.
        batch_size: samples of a batch.
        fillers: what fills up a sample's tensors to the largest of its batch; None where all are
            of one shape.
    """
    options = tf.data.Options()
    options.deterministic = True
    # The tuner's thread may sleep through the end of a pipeline, for up to a minute, and a program
    # waits for it at its end (tensorflow/core/framework/model.cc, Model::OptimizeLoop).
    options.autotune.enabled = False
    samples = ordinals.map(sample, available_cores(), deterministic=True)
    if fillers is None:
        batches = samples.batch(batch_size, drop_remainder=True)
    else:
        batches = samples.padded_batch(batch_size, padding_values=fillers, drop_remainder=True)
    return batches.prefetch(_READY_BATCHES).with_options(options)
