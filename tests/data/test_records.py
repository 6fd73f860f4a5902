"""Shards are whole or absent, restarts continue, and indexes tell where each record lies."""

import errno
import functools
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from lfp_tf.data import shards, tfrecord
from lfp_tf.data.example import encode_example
from lfp_tf.data.records import (
    Description,
    Encoded,
    Shards,
    read_dataset,
    read_record,
    record_index,
    shards_for,
    write_dataset,
    write_records,
)
from lfp_tf.errors import LfpError, WorkFailed
from lfp_tf.files import alone
from lfp_tf.progress import Progress

OTHER = Description("other", (), ["a"], [[0, 0, 0]])


def encode(sample, *, fail_at=None):
    if sample == fail_at:
        raise KeyboardInterrupt
    payload = encode_example({"image/filename": f"name {sample}", "image/height": sample})
    return Encoded(payload, 10 + sample, 20, {0: sample, 2: 1, 255: 5})


def write(folder, count=7, split="train", *, digest="d", num_shards=3, fail_at=None, **options):
    return write_records(
        list(range(count)),
        Shards(pathlib.Path(folder), split, num_shards),
        encode=functools.partial(encode, fail_at=fail_at),
        digest=digest,
        **options,
    )


def finish(folder, **splits):
    colors = [[0, 0, 0], [1, 1, 1], [2, 2, 2]]
    write_dataset(
        folder, Description("letters", ("segmentation",), ["a", "b", "c"], colors), splits
    )


def content(folder):
    return {path.name: path.read_bytes() for path in pathlib.Path(folder).glob("*.tfrecord")}


def test_record_i_is_sample_i(tmp_path):
    write(tmp_path)
    index = record_index(tmp_path, "train")
    assert [pathlib.Path(path).name for path in index.paths] == [
        f"train-{number:05d}-of-00003.tfrecord" for number in range(3)
    ]
    assert len(index) == 7
    assert (index.file.dtype, index.offset.dtype, index.length.dtype) == (
        np.int32,
        np.int64,
        np.int64,
    )
    names = [read_record(index, number)["image/filename"] for number in range(7)]
    assert names == [[f"name {number}".encode()] for number in range(7)]


def test_dataset_json_tells_sizes_counts_and_labels(tmp_path):
    finish(tmp_path, train=write(tmp_path), val=write(tmp_path, 1, "val", num_shards=1))
    dataset = read_dataset(tmp_path)
    assert (dataset["name"], dataset["classes"], dataset["ignore_label"]) == (
        "letters",
        ["a", "b", "c"],
        255,
    )
    assert (dataset["format_version"], dataset["tasks"]) == (2, ["segmentation"])
    train = dataset["splits"]["train"]
    assert (train["count"], train["height"], train["width"]) == (7, [10, 16], [20, 20])
    assert not train["same_size"] and dataset["splits"]["val"]["same_size"]
    assert (train["label_pixels"], train["ignored_pixels"]) == ([21, 0, 7], 35)
    assert train["digest"] == "d"


def test_numbers_of_workers_do_not_change_a_byte(tmp_path):
    facts = write(tmp_path / "one")
    assert write(tmp_path / "two", workers=2) == facts
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_progress_counts_every_sample(tmp_path):
    with open(os.devnull, "w") as sink:
        progress = Progress("x", total=7, unit="images", stream=sink)
        write(tmp_path, progress=progress, workers=2)
        assert progress.done == 7
        again = Progress("x", total=7, unit="images", stream=sink)
        write(tmp_path, progress=again)
    assert again.done == 7


def test_an_interrupted_run_leaves_whole_shards_only_and_goes_on(tmp_path, monkeypatch):
    expected = write(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "cut", fail_at=3)
    assert list(content(tmp_path / "cut")) == ["train-00000-of-00003.tfrecord"]
    left = tmp_path / "cut" / ".train-00001-of-00003.tfrecord.abc.part"
    left.write_bytes(b"half a shard of a killed process")
    written = []
    original = shards._write_shard
    monkeypatch.setattr(
        shards,
        "_write_shard",
        lambda task, count, *, encode: (
            written.append(task[0]),
            original(task, count, encode=encode),
        )[1],
    )
    assert write(tmp_path / "cut") == expected
    assert written == [1, 2]
    assert not left.exists()
    assert content(tmp_path / "cut") == content(tmp_path / "whole")


SLOW_WRITER = """
import sys, time
import pathlib
from lfp_tf.data.records import Encoded, Shards, write_records

def encode(sample):
    time.sleep(0.03 if sys.argv[3:] else 0)
    return Encoded(bytes([sample]) * 1000, 4, 4)

if __name__ == "__main__":
    write_records(list(range(40)), Shards(pathlib.Path(sys.argv[1]), "train", 8), encode=encode,
                  digest="d", workers=int(sys.argv[2]))
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_killed_process_leaves_no_partial_shard_and_no_worker(tmp_path, workers):
    script = tmp_path / "writer.py"
    script.write_text(SLOW_WRITER)
    root = str(pathlib.Path(shards.__file__).parents[2])
    command = [sys.executable, str(script), str(tmp_path / "out"), workers]
    environment = os.environ | {"PYTHONPATH": root}
    process = subprocess.Popen([*command, "slowly"], env=environment, start_new_session=True)
    deadline = time.monotonic() + 30
    while len(content(tmp_path / "out")) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(0.3)  # Workers notice that their parent is gone.
    kept = content(tmp_path / "out")
    assert 2 <= len(kept) < 8
    time.sleep(0.3)
    assert content(tmp_path / "out") == kept
    assert all(len(tfrecord.scan(tmp_path / "out" / name)) == 5 for name in kept)
    subprocess.run(command, env=environment, check=True)
    subprocess.run([*command[:2], str(tmp_path / "fresh"), "1"], env=environment, check=True)
    assert content(tmp_path / "out") == content(tmp_path / "fresh")
    assert not list((tmp_path / "out").glob(".*.part"))


def test_a_damaged_shard_is_written_again(tmp_path):
    finish(tmp_path, train=write(tmp_path))
    before = content(tmp_path)
    path = tmp_path / "train-00001-of-00003.tfrecord"
    path.write_bytes(path.read_bytes()[:-3])
    write(tmp_path)
    assert content(tmp_path) == before


@pytest.mark.parametrize("change", [{"digest": "e"}, {"num_shards": 2}, {"count": 6}])
def test_other_records_are_not_replaced_unless_asked(tmp_path, change):
    finish(tmp_path, train=write(tmp_path))
    before = content(tmp_path)
    with pytest.raises(
        LfpError, match="holds train records of other sources or options.*--overwrite"
    ):
        write(tmp_path, **change)
    assert content(tmp_path) == before
    finish(tmp_path, train=write(tmp_path, overwrite=True, **change))
    assert read_dataset(tmp_path)["splits"]["train"]["count"] == change.get("count", 7)
    assert len(record_index(tmp_path, "train")) == change.get("count", 7)


def test_another_data_set_is_not_mixed_in(tmp_path):
    finish(tmp_path, train=write(tmp_path))
    with pytest.raises(LfpError, match="holds records of letters with 3 classes"):
        write_dataset(tmp_path, OTHER, {})


def test_replacing_one_split_keeps_the_other(tmp_path):
    finish(tmp_path, train=write(tmp_path), val=write(tmp_path, 2, "val", num_shards=1))
    finish(tmp_path, train=write(tmp_path, 3, overwrite=True))
    assert {split: facts["count"] for split, facts in read_dataset(tmp_path)["splits"].items()} == {
        "train": 3,
        "val": 2,
    }


def test_overwriting_with_another_data_set_forgets_the_first(tmp_path):
    finish(tmp_path, train=write(tmp_path), val=write(tmp_path, 2, "val", num_shards=1))
    facts = write(tmp_path, 3, overwrite=True)
    write_dataset(tmp_path, OTHER, {"train": facts}, overwrite=True)
    assert list(read_dataset(tmp_path)["splits"]) == ["train"]
    with pytest.raises(LfpError, match="val records that its dataset.json does not list"):
        record_index(tmp_path, "val")


def test_two_commands_do_not_write_into_one_folder(tmp_path):
    tmp_path.mkdir(exist_ok=True)
    with alone(tmp_path, "busy"), pytest.raises(LfpError, match="Another `lfp-tf data` is writing"):
        write(tmp_path)


def test_a_system_without_locks_writes_no_records(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(LfpError, match="on Linux and macOS only: this system has no lock"):
        write(tmp_path)


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    def full(payload):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tfrecord, "frame", full)
    with pytest.raises(WorkFailed, match="is full; make room and run the same command again"):
        write(tmp_path)
    assert not content(tmp_path) and not list(tmp_path.glob(".*.part"))


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch):
    def denied(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(pathlib.Path, "mkdir", denied)
    with pytest.raises(LfpError, match="cannot be written .Read-only file system."):
        write(tmp_path / "out")


def test_a_missing_folder_names_the_command_that_makes_it(tmp_path):
    for call in (read_dataset, lambda folder: record_index(folder, "train")):
        with pytest.raises(
            LfpError,
            match=r"There is no folder .*voc; `lfp-tf data voc --source DIR --out .*voc` makes it\.",
        ):
            call(tmp_path / "voc")
    with pytest.raises(LfpError, match="`lfp-tf data scenes --out "):
        read_dataset(tmp_path / "scenes")


def test_broken_and_foreign_descriptions_are_refused(tmp_path):
    path = tmp_path / "dataset.json"
    with pytest.raises(LfpError, match=r"has no dataset\.json, so its classes are unknown"):
        read_dataset(tmp_path)
    path.write_text("{")
    with pytest.raises(LfpError, match=r"dataset\.json cannot be read as JSON"):
        read_dataset(tmp_path)
    path.write_text('{"splits": {}}')
    with pytest.raises(LfpError, match="was not written by lfp-tf"):
        read_dataset(tmp_path)
    path.write_text('{"format": "lfp_tf records", "format_version": 3, "library_version": "9"}')
    with pytest.raises(LfpError, match=r"written by a newer lfp-tf \(9\)"):
        read_dataset(tmp_path)


def test_records_of_other_converters_are_indexed(tmp_path):
    for number in range(2):
        path = tmp_path / f"train-{number:05d}-of-00002"
        path.write_bytes(tfrecord.frame(b"abc") * (number + 1))
    index = record_index(tmp_path, "train")
    assert index.file.tolist() == [0, 1, 1]
    assert index.offset.tolist() == [12, 12, 31]
    assert index.length.tolist() == [3, 3, 3]
    with pytest.raises(LfpError, match=r"no dataset\.json"):
        read_dataset(tmp_path)


def test_missing_splits_and_shards_are_named(tmp_path):
    with pytest.raises(LfpError, match='no records of the split "val": it holds no shards at all'):
        record_index(tmp_path, "val")
    write(tmp_path)
    with pytest.raises(LfpError, match='no records of the split "val": it holds train'):
        record_index(tmp_path, "val")
    (tmp_path / "train-00001-of-00003.tfrecord").unlink()
    with pytest.raises(
        LfpError, match=r"lacks 1 of 3 train shards, first train-00001-of-00003\.tfrecord"
    ):
        record_index(tmp_path, "train")
    (tmp_path / "train-00000-of-00001.tfrecord").write_bytes(b"")
    with pytest.raises(LfpError, match=r"two sets of train shards \(of 1 and 3\)"):
        record_index(tmp_path, "train")


def test_a_count_that_differs_from_the_description_is_refused(tmp_path):
    finish(tmp_path, train=write(tmp_path))
    path = tmp_path / "train-00002-of-00003.tfrecord"
    path.write_bytes(path.read_bytes() + tfrecord.frame(b"one more"))
    with pytest.raises(LfpError, match=r"holds 8 train records, but its dataset\.json states 7"):
        record_index(tmp_path, "train")


def test_shards_suit_the_size():
    assert shards_for(3, 10) == 3
    assert shards_for(1000, 10) == 4
    assert shards_for(1000, 1_000_000_001) == 11
    assert shards_for(1, 0) == 1
