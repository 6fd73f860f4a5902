"""Which entries make a batch, and how large its images are filled up: functions of (seed, step).

An entry is a record, or its mirror image. Each has a canvas: the smallest of four that holds it
scaled. Entries of one canvas are batched together, so that a step has one size whatever replicas
and hosts share it, and few sizes occur (Detectron's aspect grouping, `roi_data/loader.py`, has
two groups and pads to the largest image of a batch).
"""

import dataclasses

import numpy as np
import tensorflow as tf

from lfp_tf.errors import LfpError
from lfp_tf.ops import randomness
from lfp_tf.ops.detection.input import image_scale, scaled_size

SHORT_SIDE_SALT = 77
# Kinds of canvases: 4:3 lying and upright, as long as allowed lying and upright, a square.
_KINDS = 5
# What holds all that a kind holds.
_NEXT = (2, 3, 4, 4)
_LONG = 4 / 3


@dataclasses.dataclass(frozen=True)
class CanvasOptions:
    """How large images are in training.

    Attributes:
        short_sides: pixels of the short side; of several each batch draws one.
        max_size: limit of the long side in pixels.
        stride: canvases are multiples of it.
    """

    short_sides: tuple[int, ...] = (800,)
    max_size: int = 1333
    stride: int = 32

    def check(self) -> None:
        """Refuses impossible sizes.

        Raises:
            LfpError: one is below 1, or there is no short side.
        """
        if not self.short_sides or min(*self.short_sides, self.max_size, self.stride) < 1:
            raise LfpError(
                f"short_sides {list(self.short_sides)}, max_size {self.max_size} and stride "
                f"{self.stride} must be pixels from 1 on."
            )

    @property
    def shapes(self) -> np.ndarray:
        """int64 [S, 5, 2]: (height, width) of each kind of canvas for each short side."""
        return np.stack([self._shapes_of(short) for short in self.short_sides])

    def _shapes_of(self, short):
        long = min(round(short * _LONG), self.max_size)
        most = max(self.max_size, short)
        sides = [(short, long), (long, short), (short, most), (most, short), (most, most)]
        return -(-np.array(sides) // self.stride) * self.stride


@dataclasses.dataclass(frozen=True)
class Groups:
    """The entries of an epoch by canvas.

    Attributes:
        entries: int64 [N], those of the first group first.
        kinds: the groups' canvases, 0..4.
        counts: entries of each group.
        batch: entries of a global batch.
    """

    entries: np.ndarray
    kinds: list[int]
    counts: list[int]
    batch: int

    @property
    def batches(self) -> list[int]:
        """Whole batches of each group in an epoch."""
        return [count // self.batch for count in self.counts]


@dataclasses.dataclass(frozen=True)
class Place:
    """Where an item of a step's batch comes from; scalar tensors.

    Attributes:
        entry: int64, index of the entry.
        short_side: int32 pixels.
        canvas: int32 [2], (height, width).
    """

    entry: tf.Tensor
    short_side: tf.Tensor
    canvas: tf.Tensor


def canvas_kinds(sizes: np.ndarray, options: CanvasOptions) -> np.ndarray:
    """The smallest kind of canvas that holds each image at every short side.

    Args:
        sizes: int64 [n, 2], (height, width).
        options: of the canvases.

    Returns:
        int64 [n] of 0..3.
    """
    fits = np.ones((_KINDS, len(sizes)), bool)
    pair = [tf.constant(sizes[:, axis]) for axis in (0, 1)]
    for short, shapes in zip(options.short_sides, options.shapes, strict=True):
        scale = image_scale(pair, target=short, largest=options.max_size)
        height, width = (length.numpy() for length in scaled_size(pair, scale))
        fits &= (height <= shapes[:, :1]) & (width <= shapes[:, 1:])
    return fits.argmax(axis=0)


def grouped(kinds: np.ndarray, batch: int) -> Groups:
    """Groups entries by canvas; no group has fewer entries than a batch.

    Too small a group joins the next one that holds it, at last that of a square canvas. If the
    square has too few, the smallest other groups join it: no entry is left out of every epoch.

    Args:
        kinds: [N], of `canvas_kinds`.
        batch: entries of a global batch.

    Raises:
        LfpError: there are fewer entries than a batch has.
    """
    if len(kinds) < batch:
        raise LfpError(
            f"global_batch_size {batch} is more than the {len(kinds)} usable images, each with its "
            "mirror image where flip is on; make it smaller."
        )
    kinds = np.array(kinds)
    for kind, following in enumerate(_NEXT):
        if 0 < (kinds == kind).sum() < batch:
            kinds[kinds == kind] = following
    square = _KINDS - 1
    while 0 < (kinds == square).sum() < batch:
        counts = {kind: (kinds == kind).sum() for kind in set(kinds.tolist()) - {square}}
        kinds[kinds == min(sorted(counts), key=lambda kind: counts[kind])] = square
    present = sorted(set(kinds.tolist()))
    members = [np.flatnonzero(kinds == kind) for kind in present]
    return Groups(np.concatenate(members), present, [len(group) for group in members], batch)


def place_of(number: tf.Tensor, groups: Groups, options: CanvasOptions, *, seed: int) -> Place:
    """Where sample `number` of a run comes from.

    Per epoch each group is permuted and cut into batches, a rest is left out, and the batches are
    permuted.

    Args:
        number: int64 scalar, the sample's index in the run.
        groups: of the entries.
        options: of the canvases.
        seed: whole number of the run.
    """
    per_epoch = sum(groups.batches)
    step, item = number // groups.batch, number % groups.batch
    epoch, batch = step // per_epoch, step % per_epoch
    batch = randomness.shuffled(batch, seed=seed, epoch=_salted(epoch, 0), count=per_epoch)
    ends = np.cumsum(groups.batches)
    group = tf.searchsorted(tf.constant(ends), [batch], side="right")[0]
    within = batch - tf.gather(tf.constant(ends - groups.batches), group)
    position = within * groups.batch + item
    count = tf.gather(tf.constant(groups.counts, tf.int64), group)
    salted = _salted(epoch, 1 + tf.cast(group, tf.int64))
    shuffled = randomness.shuffled(position, seed=seed, epoch=salted, count=count)
    firsts = np.cumsum(groups.counts) - groups.counts
    entry = tf.gather(tf.constant(groups.entries), tf.gather(tf.constant(firsts), group) + shuffled)
    short = _short_side(step, len(options.short_sides), seed)
    shapes = tf.constant(options.shapes, tf.int32)
    kind = tf.gather(tf.constant(groups.kinds), group)
    return Place(
        entry=entry,
        short_side=tf.gather(tf.constant(options.short_sides), short),
        canvas=tf.gather_nd(shapes, tf.stack([short, kind])),
    )


def _salted(epoch, which):
    """A number of its own for each permutation of an epoch."""
    return epoch * (_KINDS + 1) + which


def _short_side(step, choices, seed):
    """Which short side a step draws: int32 scalar."""
    key = tf.stack([tf.constant(seed, tf.int32), tf.cast(step, tf.int32)])
    drawn = randomness.uniforms(key, 1, salt=SHORT_SIDE_SALT)[0]
    return randomness.whole_number(drawn, choices - 1)
