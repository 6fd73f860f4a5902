"""Records are read at random places; a damaged one is named and never decoded."""

import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.data import ordering
from lfp_tf.data.classification.pipeline import evaluation_batches as classification
from lfp_tf.data.example import encode_example
from lfp_tf.data.pose.annotations import read_people
from lfp_tf.data.pose.pipeline import codec_of
from lfp_tf.data.pose.pipeline import evaluation_batches as pose
from lfp_tf.data.records import read_record, record_index
from lfp_tf.data.segmentation.pipeline import evaluation_batches as segmentation
from lfp_tf.data.tfrecord import frame
from lfp_tf.errors import LfpError, WorkFailed
from lfp_tf.images.decode import encode_png
from lfp_tf.options import Shares

PAYLOADS = [encode_example({"number": n, "bytes": bytes(n)}) for n in range(7)]


@pytest.fixture
def folder(tmp_path):
    """Two shards of three and four records."""
    for shard, part in enumerate((PAYLOADS[:3], PAYLOADS[3:])):
        path = tmp_path / f"train-{shard:05d}-of-00002.tfrecord"
        path.write_bytes(b"".join(map(frame, part)))
    return tmp_path


def damage(folder, index, number):
    """Changes a bit of a record's payload; returns its path."""
    path = folder / index.paths[index.file[number]]
    content = bytearray(path.read_bytes())
    content[int(index.offset[number]) + 3] ^= 4
    path.write_bytes(bytes(content))
    return path


def batches(index):
    read = ordering.record_reader(index)
    ordinals = tf.data.Dataset.range(len(index))
    return ordering.batched(ordinals, lambda ordinal: {"record": read(ordinal)}, 1)


def test_records_come_as_they_were_written(folder):
    records = [batch["record"][0].numpy() for batch in batches(record_index(folder, "train"))]
    assert records == PAYLOADS
    read = ordering.record_reader(record_index(folder, "train"))
    assert read(tf.constant(5, tf.int64)).numpy() == PAYLOADS[5]


@pytest.mark.parametrize("number", [0, 2, 3, 6])
def test_a_damaged_record_is_named_with_its_shard_and_number(folder, number):
    index = record_index(folder, "train")
    path = damage(folder, index, number)
    number_in_file = number - (0, 3)[number >= 3]
    sentence = (
        f"{path}, record {number_in_file} cannot be read, or its checksum does not agree; copy the "
        "file again, or write the records again with `lfp-tf data` and `--overwrite`."
    )
    records = []
    with pytest.raises(WorkFailed) as caught:
        records.extend(
            batch["record"][0].numpy() for batch in ordering.read_batches(batches(index))
        )
    assert str(caught.value) == sentence and records == PAYLOADS[:number]
    with pytest.raises(LfpError) as caught:
        read_record(index, number)
    assert str(caught.value) == sentence


def test_a_record_cut_off_later_is_named(folder):
    index = record_index(folder, "train")
    path = folder / index.paths[1]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WorkFailed, match=r"train-00001-of-00002\.tfrecord, record 3 cannot be"):
        list(ordering.read_batches(batches(index)))


def test_a_whole_record_that_is_no_example_is_named(folder):
    (folder / "train-00001-of-00002.tfrecord").write_bytes(frame(b"\x0a\xff"))
    with pytest.raises(LfpError, match=r"-00001-of-00002\.tfrecord, record 0: A record holds by"):
        read_record(record_index(folder, "train"), 3)


def one_record(folder, features):
    folder.mkdir()
    path = folder / "train-00000-of-00001.tfrecord"
    path.write_bytes(frame(encode_example(features)))
    return path, record_index(folder, "train")


@pytest.mark.parametrize("task", ["segmentation", "classification", "pose"])
def test_records_without_a_key_are_named_with_it(task, tmp_path):
    whole = {"image/encoded": encode_png(np.zeros((8, 8, 3), np.uint8))}
    keys = {
        "segmentation": "image/segmentation/class/encoded",
        "classification": "image/class/label",
        "pose": "person/keypoints",
    }
    more = {"person/center": [1.0, 1.0], "person/scale": 0.1} if task == "pose" else {}
    batches = {
        "segmentation": lambda index: segmentation(
            index, shares=Shares(1), mean=(0, 0, 0), same_size=False
        ),
        "classification": lambda index: classification(
            index, shares=Shares(1), size=8, num_classes=2
        ),
        "pose": lambda index: pose(index, shares=Shares(1), codec=codec_of(64), num_joints=14),
    }[task]
    path, index = one_record(tmp_path / "a", whole | more)
    with pytest.raises(WorkFailed) as caught:
        list(ordering.read_batches(batches(index)))
    assert str(caught.value) == (
        f'{path}, record 0 has no "{keys[task]}"; give records for this task, or write them again '
        "with `lfp-tf data` and `--overwrite`."
    )
    path, index = one_record(tmp_path / "b", more)
    with pytest.raises(WorkFailed, match='b/train-00000-of-00001.tfrecord, record 0 has no "image'):
        list(ordering.read_batches(batches(index)))


def test_people_read_without_images_name_the_missing_key(tmp_path):
    path, _ = one_record(tmp_path / "a", {"image/encoded": b"x"})
    with pytest.raises(LfpError) as caught:
        read_people(tmp_path / "a", "train")
    assert str(caught.value) == (
        f'{path}, record 0 has no "person/keypoints", so it is no person; give records of pose.'
    )
