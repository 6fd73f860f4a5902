"""Video files through `lfp-tf predict`: overlay, facts and labels of what could be read."""

import json

import numpy as np
import pytest
import tensorflow as tf
from drawn_video import cut, write_avi, write_mp4
from PIL import Image
from small_network import random_images

from lfp_tf.cli.main import main
from lfp_tf.images.decode import read_labels
from lfp_tf.images.overlay import overlay
from lfp_tf.images.palette import class_table
from lfp_tf.images.video import open_video
from lfp_tf.tasks.segmentation.prediction import predictor, protocol_of

SIZE = (34, 42)


@pytest.fixture(scope="module")
def predicting(network):
    """(function of an image to labels, words that name the network)."""
    model, folder = network
    predict = predictor(model, protocol_of(model.recipe, name="whole"))
    words = ["--experiment=pspnet18_scenes", f"--checkpoint={folder}"]
    return lambda image: predict(tf.constant(image))["labels"].numpy(), words


@pytest.fixture(scope="module")
def frames():
    return list(random_images(*[SIZE] * 24))


def read_all(path):
    with open_video(path) as source:
        return [frame for _, frame in source.frames()], source.rate


def test_an_overlay_of_the_same_speed_and_the_shares_of_classes(
    predicting, frames, tmp_path, capsys
):
    labels_of, words = predicting
    path = write_mp4(tmp_path / "drive.mp4", frames[:6], rate=12.5)
    out = tmp_path / "out"
    assert main(["predict", str(path), *words, f"--out={out}"]) == 0
    assert capsys.readouterr().out.split() == [str(out / "drive.overlay.mp4")]
    assert sorted(p.name for p in out.iterdir()) == ["drive.json", "drive.overlay.mp4"]
    read, _ = read_all(path)
    labels = np.stack([labels_of(frame) for frame in read])
    drawn, rate = read_all(out / "drive.overlay.mp4")
    assert rate == 12.5 and len(drawn) == 6
    table = class_table("scenes")
    for written, frame, truth in zip(drawn, read, labels, strict=True):
        difference = written.astype(int) - overlay(frame, truth, table)
        assert np.abs(difference).mean() < 20  # Coding loses edges of such small blocks.
    facts = json.loads((out / "drive.json").read_text())
    assert (facts["height"], facts["width"]) == SIZE and facts["fps"] == 12.5
    assert (facts["frames"], facts["frames_in_file"], facts["broke_off"]) == (6, 6, False)
    assert facts["seconds"] > 0 and facts["protocol"]["name"] == "whole"
    assert sum(entry["pixels"] for entry in facts["classes"]) == labels.size
    for entry in facts["classes"]:
        assert entry["pixels"] == np.sum(labels == entry["id"])


def test_labels_of_every_second_frame_up_to_a_number(predicting, frames, tmp_path):
    labels_of, words = predicting
    path = write_mp4(tmp_path / "drive.mp4", frames[:10], rate=10)
    words = ["predict", str(path), *words, f"--out={tmp_path}", "--frames"]
    assert main([*words, "--every=2", "--max_frames=3"]) == 0
    folder = tmp_path / "drive.frames"
    names = [f"{number:06}.labels.png" for number in (0, 2, 4)]
    assert sorted(p.name for p in folder.iterdir()) == names
    read, _ = read_all(path)
    for number, name in zip((0, 2, 4), names, strict=True):
        np.testing.assert_array_equal(read_labels(str(folder / name)), labels_of(read[number]))
    drawn, rate = read_all(tmp_path / "drive.overlay.mp4")
    assert len(drawn) == 3 and rate == 5
    assert main([*words, "--max_frames=1"]) == 2
    assert main([*words, "--max_frames=1", "--overwrite"]) == 0
    assert [p.name for p in folder.iterdir()] == names[:1]


def test_what_came_before_a_break_is_kept(predicting, frames, tmp_path, capsys):
    _, words = predicting
    path = cut(write_avi(tmp_path / "broken.avi", frames), 0.6)
    assert main(["predict", str(path), *words, f"--out={tmp_path}"]) == 1
    facts = json.loads((tmp_path / "broken.json").read_text())
    assert facts["broke_off"] and 5 < facts["frames"] < 20 and facts["frames_in_file"] == 24
    assert len(read_all(tmp_path / "broken.overlay.mp4")[0]) == facts["frames"]
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith(f"{path} breaks off at frame {facts['frames']} of 24;")


def test_videos_stand_beside_images_and_bad_ones_are_named(predicting, frames, tmp_path, capsys):
    _, words = predicting
    inside = tmp_path / "in"
    (inside / "inner").mkdir(parents=True)
    Image.fromarray(frames[0]).save(inside / "a.png")
    write_mp4(inside / "a.mp4", frames[:2])
    cut(write_mp4(inside / "inner" / "cut.mp4", frames[:5]), 0.5)
    out = tmp_path / "out"
    assert main(["predict", str(inside), *words, f"--out={out}"]) == 1
    said = capsys.readouterr()
    assert said.out.split() == [str(out / "a.png.labels.png"), str(out / "a.mp4.overlay.mp4")]
    assert f"{inside / 'inner' / 'cut.mp4'} cannot be read as a video" in said.err
    assert said.err.rstrip().endswith("1 of 3 inputs were refused; they are named above.")
    assert not list(out.rglob("*.part")) and not (out / "inner").exists()
