"""Looking at every file of a data set before a record is written: pairs, sizes, label values."""

import dataclasses
import hashlib
import json

from lfp_tf.errors import LfpError
from lfp_tf.workers import in_processes

CHUNK = 16
SHOWN = 5


@dataclasses.dataclass(frozen=True)
class Census:
    """What was found in a data set.

    Attributes:
        samples: {split: samples whose files can be read}.
        digests: {split: SHA-256 over names, files and options}.
        size_bytes: of all files.
        problems: sentences; with one of these nothing is to be written.
        broken: {split: sentences about files that cannot be read and are left out}.
    """

    samples: dict
    digests: dict
    size_bytes: int
    problems: list
    broken: dict

    def refuse(self, source):
        """Raises an LfpError that counts the problems and names the first few."""
        if self.problems:
            noun = "problem" if len(self.problems) == 1 else "problems"
            raise LfpError(
                f"{source} has {len(self.problems)} {noun}:\n" + first_of(self.problems, "\n")
            )


def take_census(plan, *, workers=1, progress=None):
    """Inspects every sample of a `Plan`.

    Args:
        plan: a `Plan`.
        workers: processes.
        progress: a `Progress` counted by samples, or None.

    Returns:
        A `Census`.

    Raises:
        LfpError: no file of a split can be read.
    """
    if plan.inspect is None:
        found = {split: [None] * len(samples) for split, samples in plan.splits.items()}
    else:
        found = _inspections(plan, workers, progress)
    good, digests, problems, broken = {}, {}, [], {}
    for split, samples in plan.splits.items():
        pairs = list(zip(samples, found[split], strict=True))
        broken[split] = [seen.problem for _, seen in pairs if seen and seen.is_broken]
        problems += [
            seen.problem for _, seen in pairs if seen and seen.problem and not seen.is_broken
        ]
        pairs = [(sample, seen) for sample, seen in pairs if not (seen and seen.is_broken)]
        if not pairs:
            raise LfpError(f"No file of {split} can be read:\n{first_of(broken[split], chr(10))}")
        good[split] = [sample for sample, _ in pairs]
        digests[split] = _digest(plan, pairs)
    size_bytes = sum(seen.size_bytes for split in found.values() for seen in split if seen)
    return Census(good, digests, size_bytes, problems, broken)


def first_of(texts, separator=", "):
    """The first few of many texts, and how many more there are."""
    shown = list(texts[:SHOWN])
    if len(texts) > SHOWN:
        shown.append(f"and {len(texts) - SHOWN} more")
    return separator.join(shown)


def _inspections(plan, workers, progress):
    tasks = [
        (plan.inspect, split, start, samples[start : start + CHUNK])
        for split, samples in plan.splits.items()
        for start in range(0, len(samples), CHUNK)
    ]
    parts = {}
    results = in_processes(
        _inspect,
        tasks,
        workers=workers,
        name_of=lambda task: f"{task[1]} from file {task[2] + 1} on",
        progress=progress,
    )
    for split, start, part in results:
        parts[split, start] = part
    return {
        split: [seen for key in sorted(parts) if key[0] == split for seen in parts[key]]
        for split in plan.splits
    }


def _inspect(task, count):
    inspect, split, start, samples = task
    found = []
    for sample in samples:
        found.append(inspect(sample))
        count()
    return split, start, found


def _digest(plan, pairs):
    about = [plan.name, list(plan.table.names), plan.options]
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for sample, seen in pairs:
        digest.update(f"\n{sample.name} {seen.digest if seen else ''}".encode())
    return digest.hexdigest()
