"""Mean field of a fully connected CRF with Potts terms (Kraehenbuehl and Koltun, 2011)."""

from collections.abc import Sequence

import numpy as np

from lfp_tf.tasks.segmentation.crf.kernel import Kernel, workspace

# float32 overflows and vanishes beyond exp(88) and exp(-87).
_SAFE = 80.0
# Numbers in the processor's smallest vectors; rows that lack one are slower than whole ones.
_VECTOR = 4


def mean_field(
    log_probabilities: np.ndarray, kernels: Sequence[Kernel], *, iterations: int
) -> np.ndarray:
    """Repeats Q = softmax(log p + sum of the kernels over Q), from Q = softmax(log p).

    Potts: a label loses what the filter gives to the others. Up to a constant per pixel, this
    equals gaining what the filter gives to the label itself.

    Args:
        log_probabilities: float32 [N, C], negative unary energies.
        kernels: over the N points.
        iterations: number of repetitions.

    Returns:
        float32 [N, C], each row of sum 1.
    """
    classes, lowest = log_probabilities.shape[1], float(log_probabilities.min())
    if -classes % _VECTOR == 1:
        never = np.full((len(log_probabilities), 1), -np.inf, np.float32)
        log_probabilities = np.concatenate([log_probabilities, never], axis=1)
    scores = log_probabilities.copy(order="C")
    values = np.empty_like(scores)
    _softmax(scores, lowest)
    work = workspace(kernels, log_probabilities.shape[1])
    for _ in range(iterations):
        values, scores = scores, values
        np.copyto(scores, log_probabilities)
        for kernel in kernels:
            kernel.add(values, scores, work)
        _softmax(scores, lowest)
    return np.ascontiguousarray(scores[:, :classes])


def _softmax(scores, lowest):
    """Softmax of rows in place; `lowest` is a bound from below for the largest of each row."""
    # Subtracting the largest of a row only prevents overflow, and finding it costs more than exp.
    if lowest < -_SAFE or scores.max() > _SAFE:
        scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    sums = np.einsum("nc->n", scores)
    np.reciprocal(sums, out=sums)
    scores *= sums[:, None]
