"""Choosing some of many candidates: by a sample's key, or evenly spread where there is none."""

from typing import NamedTuple

import tensorflow as tf

from lfp_tf.ops.randomness import uniforms
from lfp_tf.ops.shapes import side


class Chosen(NamedTuple):
    """The first true elements of a mask.

    Attributes:
        indices: int32 [..., limit], ascending; 0 behind the last.
        is_valid: bool [..., limit].
    """

    indices: tf.Tensor
    is_valid: tf.Tensor


def choose(
    candidates: tf.Tensor,
    count: int | tf.Tensor,
    *,
    key: tf.Tensor | None,
    salt: int,
) -> tf.Tensor:
    """Takes `count` of the candidates, each set of them as likely as any other.

    A draw belongs to the place among the candidates, not to the place in the mask: what a mask is
    padded with changes nothing.

    Args:
        candidates: [N] bool.
        count: how many; all where there are fewer candidates.
        key: int32 [2], (seed, sample); the candidates with the smallest draws are taken. None:
            of m candidates those at the places (i * m) // count, without chance.
        salt: tells this choice from others of the same key.

    Returns:
        [N] bool.
    """
    places = tf.cumsum(tf.cast(candidates, tf.int64)) - 1
    found = tf.reduce_sum(tf.cast(candidates, tf.int64))
    count = tf.minimum(tf.cast(count, tf.int64), found)
    if key is None:
        return candidates & _is_spread(places, count, found)
    length = side(candidates, 0)
    drawn = tf.gather(uniforms(key, length + 1, salt=salt), tf.maximum(places, 0))
    limit = tf.cast(count, tf.int32)
    smallest = tf.math.top_k(tf.where(candidates, -drawn, -2.0), k=limit).indices
    taken = tf.math.unsorted_segment_sum(tf.ones_like(smallest), smallest, length)
    return candidates & (taken > 0)


def first_true(mask: tf.Tensor, limit: int) -> Chosen:
    """The places of the first `limit` true elements, in a static number of rows.

    Args:
        mask: [..., N] bool.
        limit: rows of the result.
    """
    length = side(mask, -1)
    falling = tf.range(length, 0, -1)
    ranked = tf.where(mask, falling, 0)
    ranked = tf.pad(ranked, [[0, 0]] * (mask.shape.rank - 1) + [[0, limit]])
    values, indices = tf.math.top_k(ranked, k=limit)
    return Chosen(tf.where(values > 0, indices, 0), values > 0)


def _is_spread(places, count, found):
    """Whether a place is one of the (i * found) // count for i below count."""
    i = (places * count + found - 1) // tf.maximum(found, 1)
    return (i < count) & ((i * found) // tf.maximum(count, 1) == places)
