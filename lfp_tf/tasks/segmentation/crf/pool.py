"""The CRF over many images in processes of its own, while the caller's makes the next ones."""

import contextlib
import functools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from lfp_tf.errors import LfpError, WorkFailed
from lfp_tf.tasks.segmentation.crf.crf import refine
from lfp_tf.tasks.segmentation.crf.options import CrfOptions
from lfp_tf.workers import WorkerPool

_ADVICE = "fewer processes, or a class threshold, need less."


class CrfPool(WorkerPool):
    """Refines images in parallel; a context manager, which ends the processes.

    Args:
        options: of the CRF.
        processes: how many; 0 computes in this one.

    Raises:
        LfpError: a negative number.

    >>> with CrfPool(CrfOptions(), processes=2) as pool:  # doctest: +SKIP
    ...     for name, labels in pool.map((name, network(x), x) for name, x in images):
    ...         save(name, labels)
    """

    def __init__(self, options: CrfOptions, *, processes: int) -> None:
        if processes < 0:
            raise LfpError(f"The number of CRF processes must be 0 or more, not {processes}.")
        super().__init__(
            functools.partial(_refined, options=options),
            processes=processes,
            name_of=lambda item: item[0],
            advice=_ADVICE,
        )

    def map(
        self, items: Iterable[tuple[Any, np.ndarray, np.ndarray]]
    ) -> Iterator[tuple[Any, np.ndarray]]:
        """Yields (key, labels [H, W], uint8 up to 256 classes, else int32) in the items' order.

        Args:
            items: (key, probabilities float [H, W, C], image uint8 [H, W, 3] RGB), read only as
                fast as results are taken. The key is any value that can be pickled and printed.

        Raises:
            LfpError: what `crf.refine` refuses, with the key before it.
            WorkFailed: a process died, or failed otherwise.
        """
        return super().map(items)


def _refined(item, count, *, options):
    key, probabilities, image = item
    with _named(key):
        refined = refine(probabilities, image, options)
    kind = np.uint8 if refined.shape[2] <= 256 else np.int32
    return key, refined.argmax(axis=2).astype(kind)


@contextlib.contextmanager
def _named(key):
    """Makes errors of ours of all others, and puts the key before their text."""
    try:
        yield
    except LfpError as error:
        raise type(error)(f"{key}: {error}") from error
    except MemoryError as error:
        raise WorkFailed(f"{key}: there is not enough memory for its CRF; {_ADVICE}") from error
    except Exception as error:
        kind = type(error).__name__
        raise WorkFailed(f"{key}: its CRF failed with {kind}: {error}.") from error
