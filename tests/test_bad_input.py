"""What users give by mistake and what disks do: one sentence each, and nothing is lost.

Shown elsewhere: missing folders, unpaired files, sizes that differ, colour-coded labels
(tests/data/datasets/test_layouts.py); labels out of range (the same, tests/cli/test_data.py and
tests/data/pipelines); odd images (tests/images/test_decode.py, tests/serving/test_limits.py,
tests/cli/test_predict.py); full and read-only disks under records (tests/data/test_records.py);
misspelt overrides (tests/cli/test_main.py). Here is what lies across rooms.
"""

import contextlib
import errno
import json
import os
import resource
import tempfile

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import tiny
from PIL import Image
from small_network import random_images, save_npz, small_checkpoint

from lfp_tf.cli.main import main
from lfp_tf.data.datasets import voc
from lfp_tf.errors import LfpError, WorkFailed
from lfp_tf.files import atomic_folder, atomic_path, write_json, write_text
from lfp_tf.images.decode import encode_png, read_labels
from lfp_tf.serving.export import export
from lfp_tf.serving.saved import SavedExport
from lfp_tf.tasks.segmentation import signatures
from lfp_tf.tasks.segmentation.protocols import Protocol
from lfp_tf.training.best import BestCheckpoint, best_info
from lfp_tf.training.history import History, read_history

EXPERIMENT = "--experiment=pspnet18_scenes"


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return tiny.make_records(tmp_path_factory.mktemp("records") / "scenes", train=4, val=2)


@pytest.fixture
def street(tmp_path):
    (image,) = random_images((33, 41))
    Image.fromarray(image).save(tmp_path / "street.png")
    return tmp_path / "street.png"


@contextlib.contextmanager
def limited_files(size):
    """No file may grow beyond `size` bytes: the system refuses as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def refused(monkeypatch, number):
    """Every new file or folder is refused with this error number, as by a disk."""

    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    monkeypatch.setattr(tempfile, "mkdtemp", refuse)


def said(capsys):
    """The one line on standard error besides reports and what comes next."""
    lines = capsys.readouterr().err.strip().splitlines()
    assert not any("Traceback" in line for line in lines)
    return lines[-1]


# Images at the ends of what an image may be


def test_one_pixel_and_very_long_images_pass_network_and_export(network, tmp_path):
    model, folder = network
    sizes = [(1, 1), (1, 50_000), (50_000, 1)]
    images = list(random_images(*sizes))
    for number, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    words = ["predict", str(tmp_path), EXPERIMENT, f"--checkpoint={folder}"]
    assert main([*words, f"--out={tmp_path / 'out'}"]) == 0
    folder = export(model, tmp_path / "served", signatures=signatures, protocol=Protocol())
    served = SavedExport(folder, ("serving_default", "images"))
    answer = served("serving_default", image_bytes=[encode_png(image) for image in images])
    assert answer["sizes"].tolist() == [list(size) for size in sizes]
    for number, (image, png) in enumerate(zip(images, answer["labels_png"], strict=True)):
        labels = read_labels(str(tmp_path / "out" / f"{number}.labels.png"))
        (same,) = served("images", images=image[None])["labels"]
        np.testing.assert_array_equal(same, read_labels(png))
        # Folding rounds otherwise where two classes are equal.
        assert np.mean(read_labels(png) == labels) > 0.999


# Empty lists


def test_an_empty_list_of_a_data_set_is_named(tmp_path):
    for name in ("JPEGImages/a.jpg", "SegmentationClass/a.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4)).save(tmp_path / name)
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a\n")
    (lists / "val.txt").write_text("\n")
    assert any(
        "val is left out: " in note and "val.txt" in note for note in voc.plan(tmp_path).notes
    )
    with pytest.raises(LfpError, match=r"val.txt that names images. Expected"):
        voc.plan(tmp_path, ["val"])


def test_a_set_without_images_is_refused(tmp_path, capsys):
    for name in ("images", "labels"):
        (tmp_path / "mine" / name).mkdir(parents=True)
    words = ["data", "folder", "--source", str(tmp_path / "mine"), "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert "holds no images" in said(capsys)
    assert main(["data", "scenes", "--counts", "0,0,0", "--out", str(tmp_path / "out")]) == 2
    assert said(capsys).startswith("--counts 0,0,0 draws no images")
    assert not (tmp_path / "out").exists()


# Full and read-only disks


@pytest.mark.parametrize(
    ("number", "kind", "text"),
    [
        (errno.ENOSPC, WorkFailed, "is full; make room and run the same command again."),
        (errno.EDQUOT, WorkFailed, "is full; make room and run the same command again."),
        (errno.EFBIG, WorkFailed, "would be larger than the system allows"),
        (errno.EROFS, LfpError, "cannot be written (Read-only file system); give another folder."),
        (errno.EACCES, LfpError, "cannot be written (Permission denied); give another folder."),
    ],
)
def test_what_stood_there_stays_when_a_disk_refuses(tmp_path, number, kind, text):
    write_text(tmp_path / "a.json", "before")
    for context, name in ((atomic_path, "a.json"), (atomic_folder, "new")):
        with pytest.raises(kind) as caught, context(tmp_path / name):
            raise OSError(number, os.strerror(number))
        assert text in str(caught.value) and type(caught.value) is kind
        assert str(tmp_path) in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "before"


@pytest.mark.parametrize(
    ("number", "status", "text"),
    [(errno.ENOSPC, 1, "is full; make room"), (errno.EROFS, 2, "Read-only file system")],
)
def test_commands_say_that_a_disk_refuses(
    network, street, tmp_path, monkeypatch, capsys, number, status, text
):
    _, folder = network
    given = [EXPERIMENT, f"--checkpoint={folder}"]
    out = tmp_path / "out"
    save_npz(network[0], tmp_path / "ours.npz")
    refused(monkeypatch, number)
    for words in (
        ["predict", str(street), *given, f"--out={out}"],
        ["export", *given, f"--export_dir={out}"],
    ):
        assert main(words) == status, words
        line = said(capsys)
        assert text in line and str(out) in line, words
    assert not list(out.iterdir())


def test_a_checkpoint_that_does_not_fit_the_disk_leaves_the_best_before(tmp_path):
    model = tf_keras.Sequential([tf_keras.layers.Dense(64, input_shape=(64,))])
    best = BestCheckpoint(tmp_path, model, metric="mean_iou")
    assert best.update(1, {"mean_iou": 0.25})
    kept = [v.numpy() for v in model.variables]
    model.layers[0].kernel.assign_add(tf.ones([64, 64]))
    with (
        limited_files(1000),
        pytest.raises(WorkFailed, match=r"could not be written under .*best \(is the disk full"),
    ):
        best.update(2, {"mean_iou": 0.5})
    info = best_info(tmp_path)
    assert info["step"] == 1
    tf.train.Checkpoint(model=model).read(str(tmp_path / "best" / info["checkpoint"]))
    for variable, before in zip(model.variables, kept, strict=True):
        np.testing.assert_array_equal(variable, before)


def test_an_export_that_does_not_fit_leaves_no_version(network, tmp_path):
    model, _ = network
    with limited_files(5000), pytest.raises(WorkFailed, match="could not be written under"):
        export(model, tmp_path / "served", signatures=signatures, protocol=Protocol())
    assert not list((tmp_path / "served").iterdir())


def test_a_history_that_does_not_fit_keeps_its_whole_lines(tmp_path):
    history = History(tmp_path, step=0)
    history.append(step=1, loss=0.5)
    with limited_files(30), pytest.raises(WorkFailed, match="larger than the system allows"):
        history.append(step=2, loss=0.25)
    assert read_history(tmp_path) == [{"step": 1, "loss": 0.5}]
    History(tmp_path, step=1).append(step=2, loss=0.25)
    assert [entry["step"] for entry in read_history(tmp_path)] == [1, 2]


@pytest.mark.slow
def test_a_training_that_fills_the_disk_goes_on_when_there_is_room(records, tmp_path):
    arguments = tiny.train_arguments(
        records, tmp_path / "run", "--mode=train", trainer__train_steps=4
    )
    code = (
        "import resource, runpy, sys; hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1];"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard));"
        "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    done = tiny.run("-c", code, *arguments)
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert "run the same command again" in done.stderr.strip().splitlines()[-1]
    done = tiny.run(*arguments)
    assert done.returncode == 0, done.stderr
    assert sorted(tiny.losses(tmp_path / "run")) == [1, 2, 3, 4]


# Things of other networks and data sets


def test_a_checkpoint_of_another_network_is_refused_by_every_command(
    network, records, street, tmp_path, capsys
):
    model, folder = network
    save_npz(model, tmp_path / "ours.npz")
    for given, sentence in (
        (
            ["--experiment=pspnet18_camvid", f"--checkpoint={folder}"],
            "is a network for scenes, not for camvid; give its own experiment.",
        ),
        ([EXPERIMENT, f"--checkpoint={tmp_path / 'ours.npz'}"], "ours.npz"),
    ):
        for words in (
            ["predict", str(street), *given, f"--out={tmp_path / 'out'}"],
            ["export", *given, f"--export_dir={tmp_path / 'out'}"],
            ["evaluate", *given, f"--data_dir={records}", f"--out={tmp_path / 'out'}"],
        ):
            assert main(words) == 2, words
            assert sentence in capsys.readouterr().err, words
    assert not (tmp_path / "out").exists()


def test_records_of_another_data_set_score_nothing(records, tmp_path, capsys):
    changes = {"task": {"model": {"width": 0.125}, "train_data": {"crop": [33, 41]}}}
    small_checkpoint(tmp_path / "net", name="pspnet18_camvid", changes=changes)
    words = ["evaluate", "--experiment=pspnet18_camvid", f"--checkpoint={tmp_path / 'net'}"]
    assert main([*words, f"--data_dir={records}", f"--out={tmp_path / 'out'}"]) == 2
    assert "has the 8 classes of scenes, but the network has 11" in said(capsys)
    assert not (tmp_path / "out" / "metrics.json").exists()


def test_a_run_does_not_go_on_with_records_of_other_classes(records, tmp_path, capsys):
    run = tmp_path / "run"
    other = json.loads((records / "dataset.json").read_text())
    other["name"], other["classes"] = "mine", other["classes"][::-1]
    write_json(run / "dataset.json", other)
    words = tiny.train_arguments(records, run)[1:]
    assert main(["train", *map(str, words)]) == 2
    assert said(capsys) == (
        f"{run} is a run on the 8 classes of mine, not on these 8 of scenes; "
        "give another --model_dir."
    )
    assert json.loads((run / "dataset.json").read_text()) == other
    assert [path.name for path in run.iterdir()] == ["dataset.json"]


def test_damaged_descriptions_are_one_sentence(network, street, tmp_path, capsys):
    _, folder = network
    served = tmp_path / "served" / "1"
    write_json(served / "export.json", {"classes": []})
    words = ["predict", str(street), f"--saved_model={served}", f"--out={tmp_path / 'out'}"]
    assert main(words) == 2
    assert "export.json cannot be read as what `lfp-tf export` writes." in said(capsys)
    (tmp_path / "scenes").mkdir()
    (tmp_path / "scenes" / "dataset.json").write_text(json.dumps([1]))
    words = ["evaluate", EXPERIMENT, f"--checkpoint={folder}", f"--data_dir={tmp_path / 'scenes'}"]
    assert main(words) == 2
    assert "was not written by lfp-tf" in said(capsys)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trainer__train_step": 3}, 'Did you mean "train_steps"?'),
        ({"task__model__classes": 11}, "with 8 classes, but task.model.classes is 11"),
        ({"task__train_data__split": "trian"}, "has no split 'trian'; it has "),
        ({"task__validation_data__global_batch_size": -1}, "must be 0 or more."),
    ],
)
def test_a_training_that_cannot_be_leaves_no_folder(records, tmp_path, capsys, changes, message):
    words = tiny.train_arguments(records, tmp_path / "run", **changes)[1:]
    assert main(["train", *map(str, words)]) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_a_batch_that_replicas_do_not_divide_leaves_no_folder(records, tmp_path):
    done = tiny.run(*tiny.train_arguments(records, tmp_path / "run", "--cpu_replicas=3"))
    assert done.returncode == 2 and done.stderr == (
        "task.train_data.global_batch_size is 4, but 3 replicas x 1 accumulation steps need a "
        "multiple of 3.\n"
    )
    assert not (tmp_path / "run").exists()


def test_a_file_where_a_folder_is_to_be_stays(network, records, street, tmp_path, capsys):
    place = tmp_path / "file"
    place.write_text("mine")
    given = [EXPERIMENT, f"--checkpoint={network[1]}"]
    training = tiny.train_arguments(records, place / "run")[1:]
    for words in (
        ["train", *map(str, training)],
        ["predict", str(street), *given, f"--out={place}"],
        ["export", *given, f"--export_dir={place}"],
        ["data", "scenes", "--out", str(place / "records")],
    ):
        assert main(words) == 2, words
        assert f"{place}" in said(capsys), words
    assert place.read_text() == "mine"
