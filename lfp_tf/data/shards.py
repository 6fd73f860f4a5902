"""Writing a split's shards: in parallel, each whole or not at all, again after an interruption."""

import collections
import dataclasses
import functools
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lfp_tf.data import tfrecord
from lfp_tf.data.description import forget_split, plan_path, read_dataset
from lfp_tf.documents import load_json
from lfp_tf.errors import LfpError
from lfp_tf.files import alone, atomic_path, writable, write_json
from lfp_tf.progress import Progress
from lfp_tf.workers import in_processes

SHARD_BYTES = 100_000_000
LEAST_SHARDS = 4


@dataclasses.dataclass(frozen=True)
class Sample:
    """An image and its label file, as a data set finds them.

    Attributes:
        image: path of the image.
        label: path of the label image, or None where the split has none.
        name: what the record calls it (`image/filename`).
    """

    image: str
    label: str | None
    name: str


@dataclasses.dataclass(frozen=True)
class Encoded:
    """One record's payload with what `dataset.json` tells about it.

    Attributes:
        payload: a serialized tf.train.Example.
        height: pixels of the image.
        width: pixels of the image.
        label_pixels: {label value: pixels}; or None where there are no labels.
    """

    payload: bytes
    height: int
    width: int
    label_pixels: dict[int, int] | None = None


@dataclasses.dataclass(frozen=True)
class Shards:
    """The files of one split.

    Attributes:
        folder: where they lie.
        split: `train`, `val`, ...
        num_shards: number of files.
    """

    folder: pathlib.Path
    split: str
    num_shards: int

    def path(self, number: int) -> pathlib.Path:
        """`SPLIT-00000-of-000NN.tfrecord` of that number."""
        return self.folder / f"{self.split}-{number:05d}-of-{self.num_shards:05d}.tfrecord"

    def on_disk(self) -> set[pathlib.Path]:
        """The split's files that are there, whatever number of shards they belong to."""
        return set(self.folder.glob(f"{self.split}-[0-9]*-of-[0-9]*.tfrecord"))

    def save_progress(self, progress: dict[str, Any]) -> None:
        """Remembers which shards are whole, for the next run of an interrupted command."""
        write_json(plan_path(self.folder, self.split), progress)


def write_records(
    samples: Sequence[Any],
    shards: Shards,
    *,
    encode: Callable[[Any], Encoded],
    digest: str,
    workers: int = 1,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Writes a split's shards and returns what `dataset.json` tells of them.

    Shards that an earlier, interrupted run of the same digest has finished are kept. Equal input
    gives equal bytes, whatever the number of workers.

    Args:
        samples: picklable samples, in the records' order.
        shards: the files to write; their folder is made if missing.
        encode: picklable function of a sample that gives its record.
        digest: text that changes with the sources and options, see `Census.digests`.
        workers: processes; 1 works in this one.
        progress: counted by samples, or None.
        overwrite: remove shards of another digest instead of refusing.

    Returns:
        The split's entry for `write_dataset`, with the keys that `read_dataset` lists.

    Raises:
        LfpError: the folder holds other records of that split, or cannot be written.
        WorkFailed: the disk is full, or a worker died.
    """
    plan = {"digest": digest, "num_shards": shards.num_shards, "count": len(samples)}
    with writable(shards.folder):
        shards.folder.mkdir(parents=True, exist_ok=True)
    sentence = (
        f"Another `lfp-tf data` is writing to {shards.folder}; wait for it or give another --out."
    )
    with alone(shards.folder, sentence):
        done = _begin(shards, plan, overwrite)
        tasks = _missing_tasks(samples, shards, done, progress)
        results = in_processes(
            functools.partial(_write_shard, encode=encode),
            tasks,
            workers=workers,
            name_of=lambda task: task[2].name,
            progress=progress,
        )
        for number, facts in results:
            done[str(number)] = facts
            shards.save_progress(plan | {"shards": done})
    return _summary(plan, [done[str(number)] for number in range(shards.num_shards)])


def shards_for(count: int, total_bytes: int) -> int:
    """How many files suit `count` samples of together `total_bytes`: about 100 MB each."""
    return max(1, min(count, max(LEAST_SHARDS, -(-total_bytes // SHARD_BYTES))))


def _begin(shards, plan, overwrite):
    """What earlier runs have finished: {shard number: facts}; sets up the plan file."""
    folder, split = shards.folder, shards.split
    for pattern in (f".{split}-*.part", f"..{split}.plan.json.*.part"):
        for left_over in folder.glob(pattern):
            left_over.unlink(missing_ok=True)
    earlier = _earlier_plan(folder, split)
    is_same = {key: earlier.get(key) for key in plan} == plan
    present = shards.on_disk()
    if present and not (is_same and present <= set(map(shards.path, range(shards.num_shards)))):
        if not overwrite:
            raise LfpError(
                f"{folder} holds {split} records of other sources or options; "
                "give another --out, or --overwrite to replace them."
            )
        with writable(folder):
            forget_split(folder, split)
            for path in present:
                path.unlink()
        earlier = {}
    done = {
        number: facts
        for number, facts in (earlier.get("shards", {}) if is_same else {}).items()
        if _is_whole(shards.path(int(number)), facts)
    }
    shards.save_progress(plan | {"shards": done})
    return done


def _earlier_plan(folder, split) -> dict[str, Any]:
    """The plan of a run before this one, finished (in dataset.json) or not."""
    try:
        plan = load_json(plan_path(folder, split))
        if isinstance(plan, dict):
            return plan
    except (OSError, ValueError):
        pass
    try:
        return read_dataset(folder)["splits"].get(split, {})
    except LfpError:
        return {}


def _is_whole(path, facts):
    if not path.exists() or path.stat().st_size != facts["bytes"]:
        return False
    try:
        return len(tfrecord.scan(path)) == facts["count"]
    except LfpError:
        return False


def _missing_tasks(samples, shards, done, progress):
    edges = np.linspace(0, len(samples), shards.num_shards + 1).round().astype(int)
    tasks = []
    for number in range(shards.num_shards):
        part = samples[edges[number] : edges[number + 1]]
        if str(number) not in done:
            tasks.append((number, part, shards.path(number)))
        elif progress:
            progress.update(len(part))
    return tasks


def _write_shard(task, count, *, encode):
    number, samples, path = task
    facts = {"count": 0, "height": [], "width": [], "label_pixels": None}
    with atomic_path(path) as temporary, open(temporary, "wb") as stream:
        for sample in samples:
            encoded = encode(sample)
            stream.write(tfrecord.frame(encoded.payload))
            _add(facts, encoded)
            count()
        stream.flush()
        facts["bytes"] = stream.tell()
    return number, facts


def _add(facts, encoded):
    facts["count"] += 1
    for key, value in (("height", encoded.height), ("width", encoded.width)):
        facts[key] = [min([*facts[key][:1], value]), max([*facts[key][1:], value])]
    if encoded.label_pixels is not None:
        facts["label_pixels"] = _sum([facts["label_pixels"] or {}, encoded.label_pixels])


def _sum(counts):
    """The sum of counts by label value, in the values' order and keyed by text as JSON is."""
    total = collections.Counter()
    for count in counts:
        total.update({int(value): int(pixels) for value, pixels in count.items()})
    return {str(value): total[value] for value in sorted(total)}


def _summary(plan, shards):
    """One split's entry of all its shards' facts, which stay inside it for later runs."""
    heights, widths = (
        [side for facts in shards for side in facts[key]] for key in ("height", "width")
    )
    pixels = [facts["label_pixels"] for facts in shards if facts["label_pixels"]]
    height, width = ([min(sides), max(sides)] if sides else [0, 0] for sides in (heights, widths))
    return plan | {
        "bytes": sum(facts["bytes"] for facts in shards),
        "height": height,
        "width": width,
        "same_size": height[0] == height[1] and width[0] == width[1],
        "label_pixels": _sum(pixels) if pixels else None,
        "shards": {str(number): facts for number, facts in enumerate(shards)},
    }
