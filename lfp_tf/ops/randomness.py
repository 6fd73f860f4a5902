"""Draws that are pure functions of a key: the same on every device, however work is split.

A key is int32 [2] = (seed, index of the sample in the whole run). What draws from it names itself
by a number of its own (`salt`), so that two users of one key stay independent.
"""

import tensorflow as tf

_PHILOX = 1  # TensorFlow's number of the generator.


def uniforms(key: tf.Tensor, count: int, *, salt: int) -> tf.Tensor:
    """`count` float64 numbers in [0, 1) of a key: [count].

    The generator is Philox with the key as its key and the salt as its counter; it is named
    because otherwise the device would choose, and a TPU chooses another one.
    """
    return tf.raw_ops.StatelessRandomUniformV2(
        shape=[count], **_generator(key, salt), dtype=tf.float64
    )


def normals(key: tf.Tensor, count: int, *, salt: int) -> tf.Tensor:
    """`count` float64 numbers of mean 0 and deviation 1 of a key: [count]; see `uniforms`."""
    return tf.raw_ops.StatelessRandomNormalV2(
        shape=[count], **_generator(key, salt), dtype=tf.float64
    )


def row_uniforms(
    key: tf.Tensor, first: tf.Tensor, rows: tf.Tensor, count: int | tf.Tensor, *, salt: int
) -> tf.Tensor:
    """Rows `first` and following of an endless table of numbers in [0, 1): float32 [rows, count].

    A row depends on the key, its index and `count` alone, not on the rows it is drawn with.

    Args:
        key: int32 [2].
        first: int32 scalar, index of the first row.
        rows: int32 scalar, rows to draw.
        count: numbers of a row.
        salt: whole number of what draws.
    """
    # Each tick of Philox' counter gives four float32.
    ticks = -(-count // 4)
    counter = tf.stack([tf.cast(first, tf.uint64) * tf.cast(ticks, tf.uint64), salt])
    drawn = tf.raw_ops.StatelessRandomUniformV2(
        shape=[rows, 4 * ticks],
        **_generator(key, salt) | {"counter": counter},
        dtype=tf.float32,
    )
    return drawn[:, :count]


def whole_number(uniform: tf.Tensor, largest: int | tf.Tensor) -> tf.Tensor:
    """The whole number 0..`largest`, both included, that a draw in [0, 1) stands for: int32."""
    choices = tf.cast(largest, tf.float64) + 1.0
    return tf.cast(tf.floor(tf.cast(uniform, tf.float64) * choices), tf.int32)


def shuffled(position: tf.Tensor, *, seed: int, epoch: tf.Tensor, count: int) -> tf.Tensor:
    """Which of `count` records stands at `position` of an epoch: a permutation without a table.

    Args:
        position: int64 scalar, 0..count-1.
        seed: whole number of the run.
        epoch: int64 scalar; another one gives another permutation.
        count: number of records.

    Returns:
        int64 scalar 0..count-1; over all positions each record once.
    """
    key = tf.stack([tf.cast(seed, tf.int32), tf.cast(epoch, tf.int32)])
    last = tf.cast(count - 1, tf.int64)
    return tf.random.experimental.index_shuffle(position, seed=key, max_index=last)


def _generator(key, salt):
    return {
        "key": tf.bitcast(tf.cast(key, tf.int32), tf.uint64)[None],
        "counter": tf.constant([0, salt], tf.uint64),
        "alg": _PHILOX,
    }
