"""Writing a split's shards: in parallel, each whole or not at all, again after an interruption."""

import collections
import contextlib
import dataclasses
import functools
import hashlib
import json
import pathlib

import numpy as np

from lfp_tf.data import tfrecord
from lfp_tf.data.description import forget_split, plan_path, read_dataset
from lfp_tf.errors import LfpError
from lfp_tf.files import atomic_path, sha256, writable, write_json
from lfp_tf.workers import in_processes

SHARD_NAME = "{split}-{shard:05d}-of-{num_shards:05d}.tfrecord"
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
    label_pixels: dict | None = None


def write_records(
    samples, folder, split, *, encode, digest, num_shards, workers=1, progress=None, overwrite=False
):
    """Writes a split as `SPLIT-00000-of-000NN.tfrecord` and tells what was written.

    Shards that an earlier, interrupted run of the same digest has finished are kept; equal input
    gives equal bytes, whatever the number of workers.

    Args:
        samples: list of picklable samples, in the records' order.
        folder: where to write; made if missing.
        split: `train`, `val`, ...
        encode: picklable function of a sample that gives an `Encoded`.
        digest: text that changes with the sources and options (see `samples_digest`).
        num_shards: number of files.
        workers: processes; 1 works in this one.
        progress: a `Progress` counted by samples, or None.
        overwrite: remove shards of another digest instead of refusing.

    Returns:
        The split's entry for `write_dataset` (keys as in `read_dataset`).

    Raises:
        LfpError: the folder holds other records of that split, or cannot be written.
        WorkFailed: the disk is full, or a worker died.
    """
    folder = pathlib.Path(folder)
    plan = {"digest": digest, "num_shards": num_shards, "count": len(samples)}
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        done = _begin(folder, split, plan, overwrite)
        tasks = _missing_tasks(samples, folder, split, num_shards, done, progress)
        results = in_processes(
            functools.partial(_write_shard, encode=encode),
            tasks,
            workers=workers,
            name_of=lambda task: task[2].name,
            progress=progress,
        )
        for number, facts in results:
            done[str(number)] = facts
            write_json(plan_path(folder, split), plan | {"shards": done})
    return _summary(plan, [done[str(number)] for number in range(num_shards)])


def samples_digest(samples, options=None):
    """A digest of what `Sample`s name and hold: their names and the SHA-256 of their files."""
    digest = hashlib.sha256(json.dumps(options, sort_keys=True, default=str).encode())
    for sample in samples:
        parts = [sha256(path) if path else "-" for path in (sample.image, sample.label)]
        digest.update("\n".join([sample.name, *parts, ""]).encode())
    return digest.hexdigest()


def shards_for(count, total_bytes):
    """How many files suit `count` samples of together `total_bytes`: about 100 MB each."""
    return max(1, min(count, max(LEAST_SHARDS, -(-total_bytes // SHARD_BYTES))))


def _begin(folder, split, plan, overwrite):
    """What earlier runs have finished: {shard number: facts}; sets up the plan file."""
    for pattern in (f".{split}-*.part", f"..{split}.plan.json.*.part"):
        for left_over in folder.glob(pattern):
            left_over.unlink(missing_ok=True)
    known = _known(folder, split)
    agrees = {key: known.get(key) for key in plan} == plan
    names = {
        _shard_path(folder, split, number, plan["num_shards"])
        for number in range(plan["num_shards"])
    }
    present = set(folder.glob(f"{split}-[0-9]*-of-[0-9]*.tfrecord"))
    if present and not (agrees and present <= names):
        if not overwrite:
            raise LfpError(
                f"{folder} holds {split} records of other sources or options; "
                "give another --out, or --overwrite to replace them."
            )
        with writable(folder):
            forget_split(folder, split)
            for path in present:
                path.unlink()
        known = {}
    shards = known.get("shards", {}) if agrees else {}
    done = {
        number: facts
        for number, facts in shards.items()
        if _is_whole(_shard_path(folder, split, int(number), plan["num_shards"]), facts)
    }
    write_json(plan_path(folder, split), plan | {"shards": done})
    return done


def _known(folder, split):
    """The plan of a run before this one, finished (in dataset.json) or not."""
    try:
        return json.loads(plan_path(folder, split).read_text())
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


def _missing_tasks(samples, folder, split, num_shards, done, progress):
    edges = np.linspace(0, len(samples), num_shards + 1).round().astype(int)
    tasks = []
    for number in range(num_shards):
        part = samples[edges[number] : edges[number + 1]]
        if str(number) not in done:
            tasks.append((number, part, _shard_path(folder, split, number, num_shards)))
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


@contextlib.contextmanager
def _alone(folder):
    """Keeps two commands from writing into one folder at once."""
    try:
        import fcntl
    except ImportError:
        raise LfpError(
            "Records are written on Linux and macOS only: this system has no lock (fcntl) that "
            "keeps two commands out of one folder. On Windows use WSL."
        ) from None
    with writable(folder), open(folder / ".lock", "w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LfpError(
                f"Another `lfp-tf data` is writing to {folder}; wait for it or give another --out."
            ) from None
        yield


def _shard_path(folder, split, number, num_shards):
    return folder / SHARD_NAME.format(split=split, shard=number, num_shards=num_shards)
