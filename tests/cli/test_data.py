"""`lfp-tf data` from its arguments to records, images and sentences."""

import argparse
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from lfp_tf.cli import data
from lfp_tf.data import prepare
from lfp_tf.data.records import read_dataset, read_record, record_index
from lfp_tf.errors import LfpError, WorkFailed


def run(*words):
    parser = argparse.ArgumentParser()
    data.add_arguments(parser)
    return data.run(parser.parse_args([*map(str, words), "--workers", "1"]))


@pytest.fixture
def source(tmp_path):
    """Five images with labels of two classes."""
    random = np.random.RandomState(0)
    root = tmp_path / "mine"
    for kind in ("images", "labels"):
        (root / kind).mkdir(parents=True)
    for number in range(5):
        Image.fromarray(random.randint(0, 256, (8, 8, 3), np.uint8)).save(
            root / f"images/{number}.png"
        )
        Image.fromarray(random.randint(0, 2, (8, 8)).astype(np.uint8)).save(
            root / f"labels/{number}.png"
        )
    (root / "classes.txt").write_text("ground\nthing\n")
    return root


def test_records_and_description_are_written(source, tmp_path, capsys):
    assert run("folder", "--source", source, "--out", tmp_path / "out", "--shards", 2) == 0
    said = capsys.readouterr()
    assert "folder: 2 classes, 4 train, 1 val images" in said.err
    assert "checking 5/5" in said.err and " images/s" in said.err
    assert "writing train 4/4" in said.err and " records/s" in said.err
    assert said.out.splitlines() == [
        f"{tmp_path / 'out'}: 4 train records",
        f"{tmp_path / 'out'}: 1 val records",
    ]
    dataset = read_dataset(tmp_path / "out")
    assert dataset["classes"] == ["ground", "thing"] and dataset["splits"]["train"]["same_size"]
    assert dataset["splits"]["train"]["num_shards"] == 2
    assert len(record_index(tmp_path / "out", "val")) == 1


def test_the_same_command_again_changes_nothing(source, tmp_path):
    words = ("folder", "--source", source, "--out", tmp_path / "out")
    run(*words)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.tfrecord")}
    run(*words)
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.tfrecord")}
    assert after == before
    with pytest.raises(LfpError, match="--overwrite to replace them"):
        run(*words, "--seed", 3, "--ignore_values", 9)
    assert run(*words, "--ignore_values", 9, "--overwrite") == 0


def test_another_data_set_does_not_slip_in(source, tmp_path):
    run("folder", "--source", source, "--out", tmp_path / "out")
    words = ("scenes", "--counts", "0,0,2", "--size", "16,16", "--out", tmp_path / "out")
    with pytest.raises(LfpError, match="holds records of folder with 2 classes"):
        run(*words)
    assert not list((tmp_path / "out").glob("test-*"))
    assert run(*words, "--overwrite") == 0
    assert list(read_dataset(tmp_path / "out")["splits"]) == ["test"]


def test_one_split_after_another(source, tmp_path):
    run("folder", "--source", source, "--out", tmp_path / "out", "--splits", "val")
    assert list(read_dataset(tmp_path / "out")["splits"]) == ["val"]
    run("folder", "--source", source, "--out", tmp_path / "out", "--splits", "train")
    assert set(read_dataset(tmp_path / "out")["splits"]) == {"train", "val"}
    with pytest.raises(LfpError, match='has no split "vol" here. Did you mean "val"'):
        run("folder", "--source", source, "--splits", "vol")


def test_an_empty_split_that_is_not_asked_for_blocks_nothing(source, tmp_path):
    for kind in ("images", "labels"):
        files = list((source / kind).iterdir())
        (source / kind / "train").mkdir()
        (source / kind / "test").mkdir()
        for path in files:
            path.rename(source / kind / "train" / path.name)
    with pytest.raises(LfpError, match="images/test holds no images"):
        run("folder", "--source", source, "--out", tmp_path / "out", "--splits", "test")
    for words in ([], ["--splits", "train", "--overwrite"]):
        run("folder", "--source", source, "--out", tmp_path / "out", *words)
        assert list(read_dataset(tmp_path / "out")["splits"]) == ["train"]
    assert list(read_dataset(tmp_path / "out")["splits"]) == ["train"]
    with pytest.raises(LfpError, match='has no split "val" here. It has train, test'):
        (source / "images/test/a.png").write_bytes((source / "images/train/0.png").read_bytes())
        (source / "labels/test/a.png").write_bytes((source / "labels/train/0.png").read_bytes())
        run("folder", "--source", source, "--splits", "val")


def test_check_writes_nothing(source, tmp_path, capsys):
    assert run("folder", "--source", source, "--out", tmp_path / "out", "--check") == 0
    assert "folder train: 4 images, no problems" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def relabel(source, *values):
    """Every label file holds these values and no others."""
    for path in (source / "labels").iterdir():
        labels = np.resize(np.array(values, np.uint8), (8, 8))
        Image.fromarray(labels).save(path)


def test_check_prints_the_share_of_every_label_value(source, tmp_path, capsys):
    relabel(source, 0, 0, 0, 1)
    run("folder", "--source", source, "--check")
    printed = capsys.readouterr().out.splitlines()
    assert printed[:4] == [
        "label            train      val",
        "    0 ground     75.0%    75.0%",
        "    1 thing      25.0%    25.0%",
        "  255 ignored        0        0",
    ]
    run("folder", "--source", source, "--out", tmp_path / "out")
    assert "    1 thing      25.0%    25.0%" in capsys.readouterr().err
    run("scenes", "--counts", "1,0,0", "--size", "32,32", "--out", tmp_path / "scenes")
    assert "  255 ignored" in capsys.readouterr().err


def test_masks_of_0_and_255_are_refused_until_their_values_are_named(source, tmp_path):
    relabel(source, 0, 255)
    words = ("folder", "--source", source, "--out", tmp_path / "out")
    with pytest.raises(LfpError, match=r"mine: .*add --values 0=ground,255=thing\."):
        run(*words)
    (source / "classes.txt").unlink()
    with pytest.raises(LfpError, match=r"add --values 0=background,255=object\."):
        run(*words, "--check")
    assert not (tmp_path / "out").exists()
    run(*words, "--values", "0=background,255=object")
    dataset = read_dataset(tmp_path / "out")
    assert dataset["classes"] == ["background", "object"]
    assert dataset["options"]["values"] == {"0": "background", "255": "object"}
    train = dataset["splits"]["train"]
    assert train["label_pixels"] == [128, 128] and train["ignored_pixels"] == 0


def test_one_class_alone_is_refused(source):
    relabel(source, 1)
    with pytest.raises(
        LfpError,
        match="Every pixel of the labels is thing or ignored, and fewer than two classes teach "
        "nothing. Mark what lies around the objects as a class of its own.",
    ):
        run("folder", "--source", source, "--check")


def test_labels_that_start_at_1_without_names_are_warned_of(source, capsys):
    relabel(source, 1, 2)
    (source / "classes.txt").unlink()
    run("folder", "--source", source, "--check")
    assert (
        "Warning: The labels start at 1 and there is no file of classes, so class 0 is one too "
        "many: add --label_offset 1 if they count from 1, or name the classes in classes.txt."
    ) in capsys.readouterr().err


def test_links_outside_are_followed_on_demand(source, tmp_path, capsys):
    (source / "labels").rename(tmp_path / "labels")
    (source / "labels").symlink_to(tmp_path / "labels")
    with pytest.raises(LfpError, match="holds 1 symbolic links .*labels. Add --follow_links"):
        run("folder", "--source", source, "--check")
    run("folder", "--source", source, "--check", "--follow_links")
    assert "folder train: 4 images, no problems" in capsys.readouterr().out


def test_problems_stop_before_a_record_is_written(source, tmp_path):
    for number in range(5):
        Image.fromarray(np.full((8, 8), 7, np.uint8)).save(source / f"labels/{number}.png")
    with pytest.raises(LfpError) as caught:
        run("folder", "--source", source, "--out", tmp_path / "out")
    assert f"{source} has 5 problems:\n" in str(caught.value)
    assert "holds the value 7, but 0-1 and 255 are expected." in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_images_of_other_formats_are_named_and_left_out(source, tmp_path, capsys):
    (source / "images/0.png").write_bytes(b"qoif\0\0\0\4\0\0\0\4\3\0\xfe\1\2\3")
    (source / "labels/1.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n")
    run("folder", "--source", source, "--out", tmp_path / "out")
    error = capsys.readouterr().err
    assert "Left out, because they cannot be used (2):" in error
    for name in ("images/0.png", "labels/1.png"):
        assert f"{source / name} is no image of a format that can be read" in error


def test_names_that_are_no_utf8_are_written_and_shown(source, tmp_path, capsys):
    for folder in ("images", "labels"):
        (source / folder / "0.png").rename(source / folder / os.fsdecode(b"\xff.png"))
    run("folder", "--source", source, "--out", tmp_path / "out", "--show", 9)
    names = []
    for split in ("train", "val"):
        index = record_index(tmp_path / "out", split)
        names += [read_record(index, n)["image/filename"][0] for n in range(len(index))]
    assert sum(name.startswith(b"\\udcff") for name in names) == 1
    assert "\\udcff" in capsys.readouterr().out


def test_broken_images_are_named_and_left_out(source, tmp_path, capsys):
    run("folder", "--source", source, "--check")
    broken = source / "images/0.png"
    broken.write_bytes(broken.read_bytes()[:100])
    run("folder", "--source", source, "--out", tmp_path / "out")
    error = capsys.readouterr().err
    assert "Left out, because they cannot be used (1):" in error and "0.png cannot be read" in error
    dataset = read_dataset(tmp_path / "out")
    assert sum(split["count"] for split in dataset["splits"].values()) == 4
    assert sum(dataset["options"]["left_out"].values()) == 1
    with pytest.raises(LfpError, match="has 1 images that cannot be used, named above"):
        run("folder", "--source", source, "--check")


def test_show_draws_images(source, tmp_path, capsys):
    run("folder", "--source", source, "--out", tmp_path / "out", "--show", 2, "--check")
    paths = sorted((tmp_path / "out/show").iterdir())
    assert len(paths) == 2 and str(paths[0]) in capsys.readouterr().out
    assert Image.open(paths[0]).size[1] > 8


def test_scenes_need_no_source(tmp_path):
    words = (
        "scenes",
        "--out",
        tmp_path / "out",
        "--counts",
        "3,1,0",
        "--size",
        "32,40",
        "--seed",
        2,
    )
    assert run(*words, "--show", 1) == 0
    dataset = read_dataset(tmp_path / "out")
    assert dataset["splits"]["train"]["height"] == [32, 32]
    assert set(dataset["splits"]) == {"train", "val"}


def test_larger_images_than_allowed_are_refused(source, tmp_path):
    with pytest.raises(LfpError, match="has 64 pixels .8x8., more than the 63 allowed"):
        run("folder", "--source", source, "--max_pixels", 63)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["scene"], 'no data set "scene". Did you mean "scenes"'),
        (["camvid"], "camvid needs --source DIR"),
        (["camvid", "--seed", 1], "--seed is not for camvid, which takes no options of its own"),
        (["scenes", "--classes", "x"], "--classes is not for scenes, which takes --seed, --counts"),
        (["scenes", "--counts", "1,2"], '--counts is 3 whole numbers with commas .* not "1,2"'),
        (["scenes", "--counts", "1,2,x"], "--counts is 3 whole numbers"),
        (["scenes", "--seed", "-1"], '--seed is a whole number from 0 on, not "-1"'),
        (["folder", "--val_share", "2"], '--val_share is a number between 0 and 1, not "2"'),
        (["folder", "--label_offset", "2"], "--label_offset is a whole number from 0 to 1"),
        (["folder", "--values", "0=a,0=b"], "--values is a class for each value, as 0=background"),
        (["folder", "--values", "0"], "--values is a class for each value"),
        (["scenes", "--shards", 0], "--shards must be at least 1, not 0"),
        (["scenes", "--show", -1], "--show must be at least 1, not -1"),
        (["scenes", "--source", "x"], "are drawn, not read"),
    ],
)
def test_unusable_arguments_are_one_sentence(words, text, tmp_path):
    with pytest.raises(LfpError, match=text):
        run(*words, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_places_that_cannot_be_written_are_refused_first(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(LfpError, match="file is a file, so .* cannot be written"):
        run("scenes", "--out", tmp_path / "file/out")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(LfpError, match="cannot be written .Permission denied."):
        run("scenes", "--out", tmp_path / "out")


def test_too_little_room_is_told_before_writing(source, tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr(prepare.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(LfpError, match="needs about 0.0 GB, but its disk has 0.0 GB left"):
        run("folder", "--source", source, "--out", tmp_path / "out")


def test_a_full_disk_is_one_sentence(source, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pathlib.Path, "mkdir", full)
    with pytest.raises(WorkFailed, match="is full; make room and run the same command again"):
        run("folder", "--source", source, "--out", tmp_path / "out")


def test_no_tensorflow_is_imported():
    code = (
        "import sys, lfp_tf.cli.data, lfp_tf.data.prepare, lfp_tf.data.census\n"
        "assert 'tensorflow' not in sys.modules and 'cv2' not in sys.modules"
    )
    root = pathlib.Path(data.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)
