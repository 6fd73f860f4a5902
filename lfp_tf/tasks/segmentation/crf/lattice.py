"""The permutohedral lattice: corners around each point of a feature space, and their neighbours.

Adams, Baek and Davis, "Fast High-Dimensional Filtering Using the Permutohedral Lattice" (2010), in
the arithmetic of Kraehenbuehl's C++ (`pydensecrf2` 1.1): float32, and the order of operations
below. It is no exact sum of Gaussians, and how far it is from one depends on that arithmetic: a
division by d + 1 in the place of the product with its reciprocal moves whole corners.

Axes of arrays: d dimensions, N points, M vertices; of the d + 1 coordinates of the lattice's plane
the first is implied by the others. A vertex has a colour q = 0..d: all its coordinates are q modulo
d + 1. It is written as q and a whole number, the coordinates' quotients in mixed radix.
"""

import dataclasses

import numpy as np
from scipy.sparse import csr_array

from lfp_tf.errors import LfpError

_LARGEST = 2**62
# From here on float32 cannot tell a simplex from its neighbour.
_FAR = 2.0**20
# Entries of a table of all possible keys, for each key, up to which it is quicker than sorting.
_TABLE_PER_KEY = 4


@dataclasses.dataclass(frozen=True)
class Lattice:
    """Points and vertices.

    Attributes:
        corners: int32 [N, d + 1], the vertices around each point.
        weights: float32 [N, d + 1], barycentric, of sum 1.
        neighbours: d + 1 csr_arrays float32 [M, M], one per axis, 0.5 at each of the up to two
            neighbours of a vertex.
    """

    corners: np.ndarray
    weights: np.ndarray
    neighbours: tuple[csr_array, ...]


def build(features: np.ndarray) -> Lattice:
    """Builds the lattice around points.

    Args:
        features: float32 [d, N], in units of the Gaussian's standard deviation.

    Raises:
        LfpError: the features reach too far to be numbered.
    """
    dimensions, points = features.shape
    quotients, ranks, offsets = _simplices(_elevated(features))
    radices, first = _mixed_radix(quotients)
    slots = ranks * np.int64(points) + np.arange(points)
    by_rank = np.empty((dimensions + 1, points), np.float32)
    by_rank.ravel()[slots] = offsets
    weights = np.empty_like(by_rank)
    weights[0] = by_rank[dimensions] + (1 - by_rank[0])
    np.subtract(by_rank[-2::-1], by_rank[:0:-1], out=weights[1:])
    radix_by_rank = np.empty((dimensions + 1, points), np.int64)
    radix_by_rank.ravel()[slots] = radices[:, None]

    keys, corners, count = [], np.empty((points, dimensions + 1), np.int32), 0
    for colour in range(dimensions + 1):
        # The next corner lies one step back along the coordinate of the next lower rank.
        if colour:
            first = first - radix_by_rank[dimensions + 1 - colour]
        unique, number = _numbered(first)
        corners[:, colour] = number + count
        keys.append(unique)
        count += unique.size
    return Lattice(corners, np.ascontiguousarray(weights.T), tuple(_neighbours(keys, radices)))


def _elevated(features):
    """float32 [d + 1, N]: the points on the plane of coordinates that add to 0."""
    dimensions = len(features)
    unit = float(np.float32(np.sqrt(2 / 3) * (dimensions + 1)))
    elevated = np.empty((dimensions + 1, features.shape[1]), np.float32)
    total = np.zeros(features.shape[1], np.float32)
    for axis in range(dimensions, 0, -1):
        scaled = features[axis - 1] * np.float32(1 / np.sqrt(axis * (axis + 1)) * unit)
        elevated[axis] = total - np.float32(axis) * scaled
        total += scaled
    elevated[0] = total
    if not np.abs(elevated).max() < _FAR:
        raise _too_far()
    return elevated


def _simplices(elevated):
    """The simplex around each point.

    Returns:
        The colour-0 corner's coordinates over d + 1, int64 [d + 1, N]; the ranks of the point's
        offsets from it, largest first, int8 [d + 1, N]; the offsets over d + 1, float32 [d + 1, N].
    """
    side = len(elevated)
    reciprocal, step = np.float32(1 / side), np.float32(side)
    nearest = np.rint(elevated * reciprocal)
    offsets = elevated - nearest * step
    ranks = np.repeat(np.arange(side, dtype=np.int8)[:, None], elevated.shape[1], axis=1)
    for axis in range(side - 1):
        for other in range(axis + 1, side):
            is_less = (offsets[axis] < offsets[other]).view(np.int8)
            ranks[axis] += is_less
            ranks[other] -= is_less
    # Rounding may have left the plane; the coordinates that were rounded furthest go back.
    ranks += nearest.sum(axis=0).astype(np.int8)
    wrapped = (ranks < 0).view(np.int8) - (ranks >= side).view(np.int8)
    ranks += np.int8(side) * wrapped
    nearest += wrapped
    return nearest.astype(np.int64), ranks, (elevated - nearest * step) * reciprocal


def _mixed_radix(quotients):
    """int64 weights [d + 1] of coordinates, and the points' numbers int64 [N], all above 0.

    The last coordinate, which depends on the last feature alone, weighs most: vertices of a row of
    pixels are numbered together, and splat and slice run through memory in its order.
    """
    # Corners lie up to one below the points' own, and a step further must not reach another row.
    low = quotients.min(axis=1) - 2
    spans = [int(span) for span in quotients.max(axis=1) - low + 2]
    # The first coordinate is the one that the others imply.
    radices = [0, 1]
    for span in spans[1:]:
        radices.append(radices[-1] * span)
    if radices.pop() > _LARGEST:
        raise _too_far()
    radices = np.array(radices, np.int64)
    return radices, sum(
        (quotient - least) * radix
        for quotient, least, radix in zip(quotients[1:], low[1:], radices[1:], strict=True)
    )


def _too_far():
    return LfpError(
        "The standard deviations of the CRF are too small for this image; give larger ones."
    )


def _numbered(keys):
    """(the sorted different ones of `keys`, the number of each key among them as int32)."""
    largest = int(keys.max())
    if largest < _TABLE_PER_KEY * keys.size:
        is_there = np.zeros(largest + 1, bool)
        is_there[keys] = True
        numbers = np.cumsum(is_there, dtype=np.int32) - np.int32(1)
        return np.flatnonzero(is_there), numbers[keys]
    shift = keys.size.bit_length()
    if largest < _LARGEST >> shift:
        # Numbers are sorted several times quicker than their places; so the places join them.
        packed = (keys << shift) | np.arange(keys.size)
        packed.sort()
        order, keys = packed & ((1 << shift) - 1), packed >> shift
    else:
        order = np.argsort(keys)
        keys = keys[order]
    is_first = np.empty(keys.size, bool)
    is_first[0] = True
    np.not_equal(keys[1:], keys[:-1], out=is_first[1:])
    numbers = np.empty(keys.size, np.int32)
    numbers[order] = np.cumsum(is_first, dtype=np.int32) - np.int32(1)
    return keys[is_first], numbers


def _neighbours(keys, radices):
    """A csr_array per axis, from the sorted keys of each colour."""
    count = sum(map(len, keys))
    starts = np.cumsum([0, *map(len, keys)])
    halves = np.full(2 * count, 0.5, np.float32)
    for radix in radices:
        # One down in all coordinates but the axis' own, where d up: the next lower colour.
        before = np.full(count, -1, np.int32)
        for colour, own in enumerate(keys):
            step = radix if colour else radix - radices.sum()
            places = _places(keys[colour - 1], own + step)
            is_known = places >= 0
            places[is_known] += starts[colour - 1 if colour else -2]
            before[starts[colour] : starts[colour + 1]] = places
        yield _both_ways(before, halves)


def _places(keys, queries):
    """The place of each sorted query among the sorted keys: int32, -1 where it is not there."""
    places = np.searchsorted(keys, queries)
    places[places == keys.size] = 0
    return np.where(keys[places] == queries, places, -1).astype(np.int32)


def _both_ways(before, halves):
    """The symmetric csr_array [M, M] of pairs (vertex, `before[vertex]`); -1 is no pair."""
    count = before.size
    vertices = np.flatnonzero(before >= 0)
    after = np.full(count, -1, np.int32)
    after[before[vertices]] = vertices
    has_after = after >= 0
    pointers = np.zeros(count + 1, np.int32)
    np.cumsum((before >= 0).view(np.int8) + has_after.view(np.int8), out=pointers[1:])
    indices = np.empty(pointers[-1], np.int32)
    indices[pointers[vertices]] = before[vertices]
    vertices = np.flatnonzero(has_after)
    indices[pointers[vertices + 1] - 1] = after[vertices]
    return csr_array((halves[: indices.size], indices, pointers), shape=(count, count))
