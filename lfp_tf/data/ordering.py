"""What every pipeline shares: which record a step's sample is, its bytes, its batch.

Training: sample g of a run (step g // batch) is record `shuffled(g mod n)` of epoch g // n. So any
step can be the first one, and the samples of a global batch do not depend on how many replicas or
hosts share it.
"""

import dataclasses
import os

import tensorflow as tf

from lfp_tf.errors import LfpError
from lfp_tf.ops import randomness

# Records are read in pieces of this size: a buffer as large as a record costs twice the time.
_READ_BYTES = 16 * 1024
_EXACT = "INTEGER_ACCURATE"  # the transform that Pillow and OpenCV use


@dataclasses.dataclass(frozen=True)
class Shares:
    """How the samples of each step are divided.

    Attributes:
        global_batch_size: samples of a step over all replicas.
        host: of them, on one host, one after the other.
        replica: of them, in one replica's batch.
        pipeline_id: this host, from 0.
    """

    global_batch_size: int
    host: int
    replica: int
    pipeline_id: int

    def number(self, ordinal):
        """The sample index in the run of this host's sample `ordinal` (int64 scalar)."""
        step, place = ordinal // self.host, ordinal % self.host
        return step * self.global_batch_size + self.pipeline_id * self.host + place


def shares(index, global_batch_size, *, replicas, pipeline_id, num_pipelines):
    """The `Shares` of a run.

    Raises:
        LfpError: there is no record, or the batch cannot be divided.
    """
    if not len(index.length):
        raise LfpError(f"There is no record in {', '.join(map(str, index.paths)) or 'the data'}.")
    if global_batch_size < 1 or global_batch_size % replicas:
        raise LfpError(
            f"global_batch_size {global_batch_size} must be a multiple of the {replicas} replicas."
        )
    if replicas % num_pipelines:
        raise LfpError(f"{replicas} replicas cannot be shared evenly by {num_pipelines} hosts.")
    return Shares(
        global_batch_size,
        global_batch_size // num_pipelines,
        global_batch_size // replicas,
        pipeline_id,
    )


def check_seed(seed):
    """Refuses a seed that does not fit a key."""
    if not 0 <= seed < 2**31:
        raise LfpError(f"seed must lie in 0..{2**31 - 1}, not {seed}.")


def training_record(number, *, seed, count):
    """Which of `count` records sample `number` of a run is; int64 scalars."""
    return randomness.shuffled(number % count, seed=seed, epoch=number // count, count=count)


def training_key(number, *, seed):
    """The key int32 [2] that a sample's augmentation is drawn from."""
    return tf.stack([tf.constant(seed, tf.int32), tf.cast(number, tf.int32)])


def record_reader(index):
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


def decoded_image(encoded):
    """uint8 [H, W, 3] RGB of a JPEG's or a PNG's bytes."""
    return tf.io.decode_jpeg(encoded, 3, dct_method=_EXACT)


def batched(ordinals, sample, batch_size):
    """Batches of `sample(ordinal)` over a data set of ordinals, in their order."""
    options = tf.data.Options()
    options.deterministic = True
    samples = ordinals.map(sample, tf.data.AUTOTUNE, deterministic=True)
    batches = samples.batch(batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)
    return batches.with_options(options)
