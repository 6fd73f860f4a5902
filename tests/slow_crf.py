"""The CRF point by point and corner by corner, with dictionaries: the same float32 numbers."""

import itertools

import numpy as np

F = np.float32


def corners(feature):
    """[(key of d coordinates, weight)] of the d + 1 corners around one point float32 [d]."""
    d = len(feature)
    unit = float(F(np.sqrt(2 / 3) * (d + 1)))
    elevated, total = [F(0)] * (d + 1), F(0)
    for j in range(d, 0, -1):
        scaled = F(feature[j - 1] * F(1 / np.sqrt(j * (j + 1)) * unit))
        elevated[j] = F(total - F(j) * scaled)
        total = F(total + scaled)
    elevated[0] = total
    reciprocal = F(1 / (d + 1))
    rounded = [int(np.rint(e * reciprocal)) for e in elevated]
    base, off = [v * (d + 1) for v in rounded], sum(rounded)
    rank = [0] * (d + 1)
    for i, j in itertools.combinations(range(d + 1), 2):
        if elevated[i] - F(base[i]) < elevated[j] - F(base[j]):
            rank[i] += 1
        else:
            rank[j] += 1
    for i in range(d + 1):
        rank[i] += off
        step = (d + 1) * ((rank[i] < 0) - (rank[i] > d))
        rank[i], base[i] = rank[i] + step, base[i] + step
    weights = [F(0)] * (d + 2)
    for i in range(d + 1):
        t = F((elevated[i] - F(base[i])) * reciprocal)
        weights[d - rank[i]] = F(weights[d - rank[i]] + t)
        weights[d + 1 - rank[i]] = F(weights[d + 1 - rank[i]] - t)
    weights[0] = F(weights[0] + F(1 + weights[d + 1]))
    found = []
    for q in range(d + 1):
        key = tuple(base[i] + (q if rank[i] <= d - q else q - d - 1) for i in range(d))
        found.append((key, weights[q]))
    return found


def steps(d):
    """The step to the first neighbour, an axis at a time."""
    return [tuple(d if i == j else -1 for i in range(d)) for j in range(d + 1)]


def lattice_filter(features, values):
    """L of values [N, C] at features [d, N]."""
    d, around = len(features), [corners(feature) for feature in features.T]
    table = {}
    for pairs, value in zip(around, values, strict=True):
        for key, weight in pairs:
            table[key] = table.get(key, 0) + np.float64(weight) * value
    for step in steps(d):
        near = {
            key: [
                table.get(tuple(k + s * f for k, s in zip(key, step, strict=True)), 0)
                for f in (1, -1)
            ]
            for key in table
        }
        table = {key: value + 0.5 * (near[key][0] + near[key][1]) for key, value in table.items()}
    alpha = 1 / (1 + 2.0**-d)
    return np.array([sum(weight * alpha * table[key] for key, weight in pairs) for pairs in around])


def normalised(features, values):
    """F of values [N, C]: n L(n values)."""
    ones = np.ones((features.shape[1], 1))
    n = 1 / np.sqrt(lattice_filter(features, ones) + 1e-20)
    return n * lattice_filter(features, n * values)


def mean_field(probabilities, features_and_weights, iterations):
    """Q [N, C] of probabilities [N, C]."""
    unary = np.log(probabilities)
    found = _softmax(unary)
    for _ in range(iterations):
        scores = unary + sum(w * normalised(f, found) for f, w in features_and_weights)
        found = _softmax(scores)
    return found


def _softmax(scores):
    values = np.exp(scores - scores.max(axis=1, keepdims=True))
    return values / values.sum(axis=1, keepdims=True)
