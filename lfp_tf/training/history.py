"""The history of a run: one JSON line per loop or evaluation, cut back where a run resumes."""

import collections
import json
import math
import os
import pathlib
from collections.abc import Iterable
from typing import Any

from lfp_tf.files import writable, write_text


class History:
    """Appends to `history.jsonl` of a run.

    Args:
        folder: of the run.
        step: what was written about later steps is dropped: they will be done again; None keeps
            all.
    """

    def __init__(self, folder: str | os.PathLike, *, step: int | None):
        self.path = pathlib.Path(folder) / "history.jsonl"
        if step is not None:
            kept = [entry for entry in read_history(folder) if entry["step"] <= step]
            write_text(self.path, "".join(json.dumps(entry) + "\n" for entry in kept))

    def append(self, **entry: Any) -> None:
        """Adds one line; `step` is required."""
        with writable(self.path.parent), open(self.path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")

    def losses(self) -> list[float]:
        """Lists the losses of all loops that are written down."""
        return [e["loss"] for e in read_history(self.path.parent) if "learning_rate" in e]

    def evaluated(self, step: int) -> bool:
        """Tells whether an evaluation of that step is written down."""
        return self.count_evaluations(step - 1, step) > 0

    def count_evaluations(self, begin: int, end: int) -> int:
        """Counts the evaluations after the step `begin` up to `end`."""
        entries = read_history(self.path.parent)
        steps = {e["step"] for e in entries if "learning_rate" not in e}
        return sum(begin < step <= end for step in steps)


class MovingAverage:
    """Mean and deviation of the last values (torchnet's meter in kazuto1011/deeplab-pytorch).

    Args:
        window: how many values count.
        values: earlier ones.
    """

    def __init__(self, window: int, values: Iterable[float] = ()):
        self._values = collections.deque(values, maxlen=window)

    def add(self, value: float) -> tuple[float, float]:
        """Takes one value; returns (mean, deviation with n - 1 in the divisor, 1 where n = 1)."""
        self._values.append(value)
        count = len(self._values)
        mean = math.fsum(self._values) / count
        squares = math.fsum((value - mean) ** 2 for value in self._values)
        return mean, math.sqrt(squares / max(count - 1, 1))


def read_history(folder: str | os.PathLike) -> list[dict[str, Any]]:
    """Reads all entries of a run in order; a last line that a kill cut short is left out."""
    path = pathlib.Path(folder) / "history.jsonl"
    entries = []
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                entries.append(json.loads(line))
            except ValueError:
                break
    return entries
