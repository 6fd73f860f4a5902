"""The course of a run: a JSON line a loop or evaluation, cut back where a run resumes."""

import collections
import json
import math
import pathlib

from lfp_tf.files import writable, write_text


class History:
    """Appends to `history.jsonl` of a run.

    Args:
        folder: of the run.
        step: what was written about later steps is dropped: they will be done again.
    """

    def __init__(self, folder, *, step):
        self.path = pathlib.Path(folder) / "history.jsonl"
        kept = [entry for entry in read_history(folder) if entry["step"] <= step]
        write_text(self.path, "".join(json.dumps(entry) + "\n" for entry in kept))

    def append(self, **entry):
        """Adds one line; `step` is required."""
        with writable(self.path.parent), open(self.path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry) + "\n")

    def losses(self):
        """The losses of all loops written down."""
        return [e["loss"] for e in read_history(self.path.parent) if "learning_rate" in e]

    def evaluated(self, step):
        """Whether an evaluation of that step is written down."""
        return any(
            e["step"] == step and "learning_rate" not in e for e in read_history(self.path.parent)
        )


class MovingAverage:
    """Mean and deviation of the last values (torchnet's meter in deeplab-pytorch).

    Args:
        window: how many values count.
        values: those before.
    """

    def __init__(self, window, values=()):
        self._values = collections.deque(values, maxlen=window)

    def add(self, value):
        """Takes one value; returns (mean, deviation with n - 1 in the divisor, 1 where n = 1)."""
        self._values.append(value)
        count = len(self._values)
        mean = math.fsum(self._values) / count
        squares = math.fsum((value - mean) ** 2 for value in self._values)
        return mean, math.sqrt(squares / max(count - 1, 1))


def read_history(folder):
    """All entries of a run in order; a last line that a kill cut short is left out."""
    path = pathlib.Path(folder) / "history.jsonl"
    entries = []
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                entries.append(json.loads(line))
            except ValueError:
                break
    return entries
