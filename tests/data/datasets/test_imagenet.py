"""ImageNet's layouts, and one sentence for each way they can be wrong."""

import json

import numpy as np
import pytest
from dataset_trees import IMAGE, save, shards

from lfp_tf.data.census import take_census
from lfp_tf.data.datasets import imagenet
from lfp_tf.data.example import decode_example
from lfp_tf.data.tfrecord import frame
from lfp_tf.errors import LfpError
from lfp_tf.images.decode import read_image

WNIDS = ("n01", "n02", "n03")


def tree(root, splits=("train", "val"), wnids=WNIDS, count=2):
    for split in splits:
        for wnid in wnids:
            for number in range(count):
                save(root / split / wnid / f"{wnid}_{number}.png", IMAGE)
    return root


def record(plan, split, number=0):
    return decode_example(plan.encode(plan.splits[split][number]).payload)


def flat_val(root, lines):
    tree(root, ("train",))
    for number in range(3):
        save(root / "val" / f"v{number}.png", IMAGE)
    (root / "val.txt").write_text("\n".join(lines))
    return root


def test_class_folders_become_records(tmp_path):
    plan = imagenet.plan(tree(tmp_path))
    assert plan.tasks == ("classification",) and plan.table.names == WNIDS
    assert {split: len(samples) for split, samples in plan.splits.items()} == {"train": 6, "val": 6}
    assert take_census(plan).problems == []
    features = record(plan, "train", 4)
    assert features["image/class/label"] == [2] and features["image/class/synset"] == [b"n03"]
    assert features["image/filename"] == [b"n03/n03_0.png"]
    np.testing.assert_array_equal(read_image(features["image/encoded"][0]), IMAGE)


def test_a_file_of_classes_gives_order_and_names(tmp_path):
    tree(tmp_path)
    (tmp_path / "synset_words.txt").write_text("n03 tench, Tinca\nn01 cock\nn02\n")
    plan = imagenet.plan(tmp_path)
    assert plan.table.names == ("tench, Tinca", "cock", "n02")
    assert plan.facts["synsets"] == ["n03", "n01", "n02"]
    assert record(plan, "train")["image/class/text"] == [b"tench, Tinca"]
    entries = [{"index": 2 - n, "wnid": wnid, "name": wnid} for n, wnid in enumerate(WNIDS)]
    (tmp_path / "mine.json").write_text(json.dumps(entries))
    assert imagenet.plan(tmp_path, classes=tmp_path / "mine.json").table.names == WNIDS[::-1]


def test_train_alone_is_enough(tmp_path):
    plan = imagenet.plan(tree(tmp_path, ("train",)))
    assert list(plan.splits) == ["train"] and len(plan.notes) == 1
    assert plan.notes[0] == f"val is left out: There is no folder {tmp_path / 'val'}."


def test_a_class_too_few_is_named(tmp_path):
    tree(tmp_path, ("train",))
    tree(tmp_path, ("val",), WNIDS[:2])
    with pytest.raises(LfpError) as caught:
        imagenet.plan(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'val'} lacks 1 of the 3 classes that train has: n03."
    )
    (tmp_path / "synsets.txt").write_text("n01\nn02\nn03\nn04\nn05\n")
    with pytest.raises(
        LfpError, match=r"train lacks 2 of the 5 classes that .*synsets.txt lists: n04, n05\."
    ):
        imagenet.plan(tmp_path)


def test_a_class_too_many_is_named(tmp_path):
    tree(tmp_path)
    (tmp_path / "synsets.txt").write_text("n01\nn02\n")
    with pytest.raises(LfpError, match="train holds 1 class folders beside the 2 .*: n03."):
        imagenet.plan(tmp_path)


def test_a_class_without_images_is_named(tmp_path):
    tree(tmp_path)
    for path in (tmp_path / "train/n02").iterdir():
        path.unlink()
    with pytest.raises(LfpError, match="train has no images in 1 of its 3 class folders: n02."):
        imagenet.plan(tmp_path)


def test_unreadable_images_are_named_and_left_out(tmp_path):
    tree(tmp_path)
    (tmp_path / "train/n01/n01_0.png").write_bytes(b"no image")
    whole = (tmp_path / "val/n02/n02_1.png").read_bytes()
    (tmp_path / "val/n02/n02_1.png").write_bytes(whole[:60])
    census = take_census(imagenet.plan(tmp_path))
    assert census.problems == []
    assert census.broken["train"] == [
        f"{tmp_path}/train/n01/n01_0.png is no image of a format that can be read (JPEG, PNG, "
        "BMP, GIF, TIFF, WebP, PPM, PGM)."
    ]
    assert census.broken["val"][0].startswith(f"{tmp_path}/val/n02/n02_1.png cannot be read: ")
    assert len(census.samples["train"]) == 5


@pytest.mark.parametrize(
    ("lines", "options", "labels"),
    [
        (["v0.png 2", "v1.png 0", "v2.png 1"], {}, [2, 0, 1]),
        (["val/v0.png 3", "val/v1.png 1", "v2.png 2"], {"label_offset": 1}, [2, 0, 1]),
        (["v0.png n03", "v1.png n01", "", "v2.png n02"], {}, [2, 0, 1]),
    ],
)
def test_a_flat_val_has_a_list(tmp_path, lines, options, labels):
    plan = imagenet.plan(flat_val(tmp_path, lines), **options)
    assert [sample.label for sample in plan.splits["val"]] == labels


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["v0.png 3"],
            r"line 1 has the label 3, but 0-2 are expected. Does it count from 1\? Then",
        ),
        (["v0.png -1"], "line 1 has the label -1, but 0-2 are expected.$"),
        (["v0.png 1", "v1.png"], "val.txt, line 2 is not IMAGE LABEL"),
        (["v0.png dog"], "val.txt, line 1 is not IMAGE LABEL"),
        (["v9.png 1"], "1 files that .*val.txt names are missing: .*v9.png"),
    ],
)
def test_lists_that_are_wrong(tmp_path, lines, message):
    with pytest.raises(LfpError, match=message):
        imagenet.plan(flat_val(tmp_path, lines))


def test_an_empty_val_is_left_out(tmp_path):
    (note,) = imagenet.plan(flat_val(tmp_path, [])).notes
    assert note.startswith("val is left out: ") and note.endswith("val.txt names no images.")
    with pytest.raises(LfpError, match="val.txt names no images"):
        imagenet.plan(tmp_path, ["val"])
    for path in (tmp_path / "val").iterdir():
        path.unlink()
    (tmp_path / "val.txt").unlink()
    (note,) = imagenet.plan(tmp_path).notes
    assert note == f"val is left out: {tmp_path / 'val'} holds no images."


def test_a_flat_val_without_a_list_is_refused(tmp_path):
    flat_val(tmp_path, ["v0.png 0"])
    (tmp_path / "val.txt").unlink()
    with pytest.raises(
        LfpError, match="without class folders and there is no list of their cl.*--val_list"
    ):
        imagenet.plan(tmp_path)
    with pytest.raises(LfpError, match="there is no file nowhere.txt; give --val_list"):
        imagenet.plan(tmp_path, val_list="nowhere.txt")


def test_tfrecords_become_records(tmp_path):
    shards(tmp_path, [0, 1, 2, 1])
    shards(tmp_path, [2, 0], "validation")
    (tmp_path / "synsets.txt").write_text("\n".join(WNIDS))
    plan = imagenet.plan(tmp_path)
    assert take_census(plan).problems == []
    assert [record(plan, "train", n)["image/class/label"][0] for n in range(4)] == [0, 2, 1, 1]
    features = record(plan, "val", 1)
    assert features["image/class/label"] == [0] and features["image/class/text"] == [b"n01"]
    assert features["image/filename"] == [b"validation-00001-of-00002/0"]
    assert len(imagenet.plan(shards(tmp_path / "b", [0, 999])).table) == 1000


def test_tfrecords_that_count_from_one_are_recognised(tmp_path):
    shards(tmp_path, [1, 2, 1000])
    problems = take_census(imagenet.plan(tmp_path)).problems
    assert len(problems) == 1 and problems[0].endswith(
        "train-00000-of-00002, record 1 has the class 1000, but 0-999 are expected. "
        "Do the labels count from 1? Then add --label_offset 1."
    )
    plan = imagenet.plan(tmp_path, label_offset=1)
    assert take_census(plan).problems == []
    assert record(plan, "train", 1)["image/class/label"] == [999]


def test_an_offset_that_is_not_there_is_recognised(tmp_path):
    problems = take_census(imagenet.plan(shards(tmp_path, [0, 1]), label_offset=1)).problems
    assert "has the class 0, but 1-1000 are expected. Do the labels count from 0?" in problems[0]


def test_records_of_another_task_are_left_out_by_name(tmp_path):
    plan = imagenet.plan(shards(tmp_path, [0, 1], key="image/label"))
    with pytest.raises(LfpError, match='record 0 has no single "image/class/label"; is it of'):
        take_census(plan)


def test_bytes_that_are_no_example_are_named(tmp_path):
    shards(tmp_path, [0, 1])
    with open(tmp_path / "train-00001-of-00002", "ab") as stream:
        stream.write(frame(b"\xff\xff nothing"))
    census = take_census(imagenet.plan(tmp_path))
    assert census.broken["train"] == [
        f"{tmp_path}/train-00001-of-00002, record 1: A record holds bytes that are no "
        "tf.train.Example."
    ]


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda root: None, "is not laid out as imagenet. Expected: train/CLASS"),
        (lambda root: (root / "train").mkdir(), "train holds no class folders"),
        (lambda root: tree(root) and (root / "synsets.txt").write_text("n01\nn01"), 'names the class "n01" twice'),
        (lambda root: tree(root) and (root / "synsets.txt").write_text("\n"), "names no classes"),
        (lambda root: tree(root) and (root / "classes.json").write_text("{}"), "names no classes"),
        (lambda root: tree(root) and (root / "classes.json").write_text("[1]"), "is no list of objects"),
    ],
)  # fmt: skip
def test_folders_that_are_something_else(tmp_path, prepare, message):
    prepare(tmp_path)
    with pytest.raises(LfpError, match=message):
        imagenet.plan(tmp_path)


def test_sources_and_files_must_exist(tmp_path):
    with pytest.raises(LfpError, match="imagenet needs --source DIR"):
        imagenet.plan(None)
    with pytest.raises(LfpError, match="There is no folder .*nowhere"):
        imagenet.plan(tmp_path / "nowhere")
    with pytest.raises(LfpError, match="There is no file x.txt for --classes"):
        imagenet.plan(tree(tmp_path), classes="x.txt")
