"""Inspects every file of a data set before a record is written: sizes, label values, damage."""

import collections
import dataclasses
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from lfp_tf.data.plan import Inspection, Plan, UnknownColors
from lfp_tf.errors import LfpError, first_of
from lfp_tf.progress import Progress
from lfp_tf.workers import in_processes

CHUNK = 16


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
    unknown = [result.unknown_colors for pairs in inspected.values() for _, result in pairs]
    problems += unknown_colors_problems([colors for colors in unknown if colors])
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


def unknown_colors_problems(unknown: Sequence[UnknownColors]) -> list[str]:
    """A sentence on each list of classes that names every unknown colour over all label files."""
    by_list = {}
    for colors in unknown:
        by_list.setdefault(colors.classes, []).append(colors)
    return [_unknown_sentence(classes, of_list) for classes, of_list in by_list.items()]


def _unknown_sentence(classes, unknown):
    pixels = sum((collections.Counter(colors.pixels) for colors in unknown), collections.Counter())
    files = collections.Counter(color for colors in unknown for color in colors.pixels)
    first = {color: colors.path for colors in reversed(unknown) for color in colors.pixels}
    places = {
        color: path if files[color] == 1 else f"{files[color]} masks, first {path}"
        for color, path in first.items()
    }
    shown = [f"{color} ({n} pixels in {places[color]})" for color, n in pixels.most_common()]
    masks = "mask holds" if len(unknown) == 1 else "masks hold"
    noun = "colour" if len(pixels) == 1 else "colours"
    return (
        f"{len(unknown)} {masks} {len(pixels)} {noun} that {classes} does not name: "
        f"{first_of(shown)}. Masks must not be smoothed; a class needs a line NAME R G B."
    )


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
