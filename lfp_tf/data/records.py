"""Sharded TFRecords on disk: written for any data set, indexed by their headers alone.

A folder holds `SPLIT-00000-of-000NN.tfrecord` files and `dataset.json`, which tells names, colours,
sizes, counts and digests. Sample i of a split is record i of its shards in order, whatever their
number. While a split is written a hidden `.SPLIT.plan.json` remembers which shards are whole, so
that the same command continues after an interruption.
"""

import dataclasses
import os
import pathlib
import re
from typing import Any

import numpy as np

from lfp_tf.data import tfrecord
from lfp_tf.data.description import (
    IGNORE_LABEL,
    Description,
    existing_folder,
    read_dataset,
    write_dataset,
)
from lfp_tf.data.example import decode_example
from lfp_tf.data.shards import Encoded, Sample, Shards, shards_for, write_records
from lfp_tf.errors import LfpError

__all__ = [
    "IGNORE_LABEL",
    "Description",
    "Encoded",
    "RecordIndex",
    "Sample",
    "Shards",
    "read_dataset",
    "read_record",
    "record_index",
    "shard_paths",
    "shards_for",
    "write_dataset",
    "write_records",
]


@dataclasses.dataclass(frozen=True)
class RecordIndex:
    """Where each record of a split lies; record i is sample i.

    Attributes:
        paths: the shards' paths.
        file: int32 [n], index into `paths`.
        offset: int64 [n], where the payload begins, in bytes.
        length: int64 [n], the payload's bytes.
    """

    paths: list[str]
    file: np.ndarray
    offset: np.ndarray
    length: np.ndarray

    def __len__(self) -> int:
        return len(self.file)

    @property
    def firsts(self) -> np.ndarray:
        """int64 [files]: the number of each file's first record."""
        return np.searchsorted(self.file, np.arange(len(self.paths)))

    def where(self, number: int) -> str:
        """How sentences call a record: its shard, and its number there from 0."""
        file = self.file[number]
        return f"{self.paths[file]}, record {number - int(self.firsts[file])}"


def record_index(folder: str | os.PathLike, split: str) -> RecordIndex:
    """Finds every record of a split by reading 12 bytes of each.

    Raises:
        LfpError: no such split, a shard is missing, cut short or foreign, or the count is not the
            one that `dataset.json` states.
    """
    folder = existing_folder(folder)
    paths = shard_paths(folder, split)
    spans = [tfrecord.scan(path) for path in paths]
    _check_count(folder, split, sum(map(len, spans)))
    joined = np.concatenate(spans)
    return RecordIndex(
        paths=[str(path) for path in paths],
        file=np.repeat(np.arange(len(spans), dtype=np.int32), [len(span) for span in spans]),
        offset=np.ascontiguousarray(joined[:, 0]),
        length=np.ascontiguousarray(joined[:, 1]),
    )


def read_record(index: RecordIndex, number: int) -> dict[str, list[Any]]:
    """The features of one record: {key: list of bytes, int or float}.

    Raises:
        LfpError: its bytes are not those that were written, or no Example; it is named.
    """
    file = index.file[number]
    path, number_in_file = index.paths[file], number - int(index.firsts[file])
    offset, length = int(index.offset[number]), int(index.length[number])
    payload = tfrecord.payload_at(path, offset, length, number=number_in_file)
    try:
        return decode_example(payload)
    except LfpError as error:
        raise LfpError(f"{index.where(number)}: {error}") from error


def shard_paths(folder: str | os.PathLike, split: str) -> list[pathlib.Path]:
    """The shards of a split in order, whoever wrote them.

    Raises:
        LfpError: there are none, some are missing, or two sets of shards lie in the folder.
    """
    folder = pathlib.Path(folder)
    shards_of: dict[str, dict[int, dict[int, pathlib.Path]]] = {}  # {split: {of how many: ...}}
    for path in sorted(folder.iterdir()):
        match = re.fullmatch(r"(.+)-(\d{5})-of-(\d{5})(\.tfrecord)?", path.name)
        if match:
            shards = shards_of.setdefault(match[1], {}).setdefault(int(match[3]), {})
            shards[int(match[2])] = path
    if split not in shards_of:
        others = ", ".join(sorted(shards_of))
        content = f"it holds {others}" if others else "it holds no shards at all"
        raise LfpError(f'{folder} has no records of the split "{split}": {content}.')
    if len(shards_of[split]) > 1:
        counts = " and ".join(map(str, sorted(shards_of[split])))
        raise LfpError(
            f"{folder} holds two sets of {split} shards (of {counts}); remove the older one."
        )
    ((num_shards, shards),) = shards_of[split].items()
    missing = [number for number in range(num_shards) if number not in shards]
    if missing:
        name = Shards(folder, split, num_shards).path(missing[0]).name
        raise LfpError(
            f"{folder} lacks {len(missing)} of {num_shards} {split} shards, first {name}; "
            "run the same `lfp-tf data` command again, it writes what is missing."
        )
    return [shards[number] for number in range(num_shards)]


def _check_count(folder, split, total):
    if not (folder / "dataset.json").exists():
        return
    splits = read_dataset(folder)["splits"]
    if split not in splits:
        raise LfpError(
            f"{folder} holds {split} records that its dataset.json does not list, left over or "
            "unfinished; run the `lfp-tf data` command that writes them again, or remove them."
        )
    stated = splits[split]["count"]
    if stated != total:
        raise LfpError(
            f"{folder} holds {total} {split} records, but its dataset.json states {stated}; "
            "write the records again with `lfp-tf data` and `--overwrite`."
        )
