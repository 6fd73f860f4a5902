"""The course of a run: a JSON line a loop or evaluation, cut back where a run resumes."""

import json
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

    def evaluated(self, step):
        """Whether an evaluation of that step is written down."""
        return any(e["step"] == step and "mean_iou" in e for e in read_history(self.path.parent))


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
