"""Inspects every file of a data set before a record is written: sizes, label values, damage."""

import collections
import dataclasses
import hashlib
import json
from collections.abc import Iterable
from typing import Any

from lfp_tf.data.plan import Inspection, Plan
from lfp_tf.errors import LfpError
from lfp_tf.progress import Progress
from lfp_tf.workers import in_processes

CHUNK = 16
NUM_SHOWN = 5


@dataclasses.dataclass(frozen=True)
class Census:
    """What the files of a data set are.

    Attributes:
        samples: {split: samples whose files can be read}.
        digests: {split: SHA-256 over names, files and options}.
        size_bytes: of all files.
        problems: sentences; with one of these nothing is to be written.
        broken: {split: sentences about files that cannot be read and are left out}.
        label_pixels: {split: {class, or 255 for ignored: pixels}} of splits with label maps.
    """

    samples: dict[str, list[Any]]
    digests: dict[str, str]
    size_bytes: int
    problems: list[str]
    broken: dict[str, list[str]]
    label_pixels: dict[str, dict[int, int]] = dataclasses.field(default_factory=dict)

    def refuse(self, source: str | None) -> None:
        """Raises an LfpError that counts the problems and names the first few."""
        if self.problems:
            noun = "problem" if len(self.problems) == 1 else "problems"
            raise LfpError(
                f"{source} has {len(self.problems)} {noun}:\n" + first_of(self.problems, "\n")
            )


def take_census(plan: Plan, *, workers: int = 1, progress: Progress | None = None) -> Census:
    """Inspects every sample of a plan.

    Args:
        plan: its samples are inspected.
        workers: processes.
        progress: counted by samples, or None.

    Raises:
        LfpError: no file of a split can be read.
    """
    inspected = _inspected(plan, workers, progress)
    samples, digests, problems, broken, label_pixels = {}, {}, [], {}, {}
    for split, pairs in inspected.items():
        broken[split] = [result.problem for _, result in pairs if result.is_broken]
        usable = [(sample, result) for sample, result in pairs if not result.is_broken]
        if not usable:
            raise LfpError(f"No file of {split} can be read:\n{first_of(broken[split], chr(10))}")
        problems += [result.problem for _, result in usable if result.problem]
        samples[split] = [sample for sample, _ in usable]
        digests[split] = _digest(plan, usable)
        counts = [result.label_pixels for _, result in usable if result.label_pixels is not None]
        if counts:
            label_pixels[split] = dict(sum(map(collections.Counter, counts), collections.Counter()))
    size_bytes = sum(result.size_bytes for pairs in inspected.values() for _, result in pairs)
    return Census(samples, digests, size_bytes, problems, broken, label_pixels)


def first_of(texts: Iterable[str], separator: str = ", ") -> str:
    """The first few of many texts, and how many more there are."""
    texts = list(texts)
    shown = texts[:NUM_SHOWN]
    if len(texts) > NUM_SHOWN:
        shown.append(f"and {len(texts) - NUM_SHOWN} more")
    return separator.join(shown)


def _inspected(plan, workers, progress):
    """{split: [(sample, its Inspection)]}, in the plan's order."""
    if plan.inspect is None:
        return {
            split: [(sample, Inspection(sample.name, "")) for sample in samples]
            for split, samples in plan.splits.items()
        }
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
        split: [pair for key in sorted(parts) if key[0] == split for pair in parts[key]]
        for split in plan.splits
    }


def _inspect(task, count):
    inspect, split, start, samples = task
    pairs = []
    for sample in samples:
        pairs.append((sample, inspect(sample)))
        count()
    return split, start, pairs


def _digest(plan, pairs):
    facts = [plan.name, list(plan.table.names), plan.options]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for sample, result in pairs:
        digest.update(f"\n{sample.name} {result.digest}".encode(errors="backslashreplace"))
    return digest.hexdigest()
