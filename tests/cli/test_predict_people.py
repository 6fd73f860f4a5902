"""Joints of people through `lfp-tf predict`: drawn, as JSON; videos; what is refused by name."""

import json

import numpy as np
import pytest
from drawn_video import numbered_frames, write_mp4
from PIL import Image
from small_network import random_images
from small_people import NAMES, KnownNetwork, mixed_maps, same_maps

from lfp_tf.cli import predict
from lfp_tf.cli.main import main
from lfp_tf.images.decode import read_image
from lfp_tf.images.skeleton import draw_skeletons
from lfp_tf.images.video import open_video
from lfp_tf.tasks.pose.prediction import Protocol, predictor


@pytest.fixture(scope="module")
def model():
    return KnownNetwork(mixed_maps())


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "images"
    place.mkdir()
    for name, image in zip("ab", random_images((60, 41), (50, 90)), strict=True):
        Image.fromarray(image).save(place / f"{name}.png")
    return place


@pytest.fixture
def run(model, tmp_path, monkeypatch):
    """Runs the command; returns (exit status, folder of the results)."""
    monkeypatch.setattr(predict, "load", lambda arguments: model)

    def run(*words):
        out = tmp_path / "out"
        network = ["--experiment=hourglass_small", f"--checkpoint={tmp_path}", f"--out={out}"]
        return main(["predict", *map(str, words), *network]), out

    return run


def joints_of(model, image, rows, **protocol):
    find = predictor(model, Protocol(flip=True, **protocol))
    return find(image, np.float32(rows)).numpy()


def points(entry):
    return [[p["x"], p["y"], p["score"]] for p in entry["keypoints"].values()]


def boxes_file(tmp_path, content):
    path = tmp_path / "people.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_an_image_is_one_person(folder, model, run, capsys):
    status, out = run(folder)
    said = capsys.readouterr()
    assert status == 0 and said.out.split() == [str(out / "a.json"), str(out / "b.json")]
    assert "predict 2/2" in said.err and " images/s" in said.err
    assert sorted(p.name for p in out.iterdir()) == [
        *("a.json", "a.overlay.png", "b.json", "b.overlay.png"),
    ]
    facts = json.loads((out / "a.json").read_text())
    assert (facts["height"], facts["width"], facts["experiment"]) == (60, 41, "hourglass_small")
    assert facts["protocol"] == {"name": "person", "flip": True, "scales": [1.0]}
    (person,) = facts["people"]
    assert person["box"] == [0, 0, 41, 60] and list(person["keypoints"]) == list(NAMES)
    image = read_image(str(folder / "a.png"))
    joints = joints_of(model, image, [[0, 0, 60, 41]])
    np.testing.assert_allclose(points(person), joints[0], atol=1e-6)
    np.testing.assert_array_equal(
        read_image(str(out / "a.overlay.png")), draw_skeletons(image, list(joints), NAMES)
    )


def test_people_by_their_boxes(folder, model, run, tmp_path):
    people = boxes_file(tmp_path, {"a.png": [[10, 5, 30, 40], [0, 0, 41, 60]], "b.png": []})
    status, out = run(folder, "--people", people, "--scales", "0.9")
    facts = json.loads((out / "a.json").read_text())
    assert status == 0
    assert [person["box"] for person in facts["people"]] == [[10, 5, 30, 40], [0, 0, 41, 60]]
    rows = [[5, 10, 40, 30], [0, 0, 60, 41]]
    joints = joints_of(model, read_image(str(folder / "a.png")), rows, scales=(0.9,))
    np.testing.assert_allclose([points(p) for p in facts["people"]], joints, atol=1e-6)
    assert json.loads((out / "b.json").read_text())["people"] == []
    np.testing.assert_array_equal(
        read_image(str(out / "b.overlay.png")), read_image(str(folder / "b.png"))
    )


def test_bad_images_are_named_and_the_rest_goes_on(folder, run, capsys):
    (folder / "empty.jpg").write_bytes(b"")
    assert run(folder)[0] == 1
    said = capsys.readouterr()
    assert f"{folder / 'empty.jpg'} is empty." in said.err and len(said.out.split()) == 2
    assert said.err.splitlines()[-1] == "1 of 3 images were refused; they are named above."


def test_a_box_beside_its_image_is_named(folder, run, tmp_path, capsys):
    people = boxes_file(tmp_path, {"a.png": [[50, 5, 60, 40]], "b.png": [[0, 0, 50, 50]]})
    assert run(folder, "--people", people)[0] == 1
    said = capsys.readouterr().err
    assert f"{folder / 'a.png'}: --people {people} has the box [50, 5, 60, 40] beside the " in said
    assert "1 of 2 images were refused" in said


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("{", "is no JSON"), ({"a.png": []}, "does not name b.png; give [] where nobody is.")],
)
def test_files_of_boxes_of_another_form_are_refused(
    folder, run, tmp_path, content, sentence, capsys
):
    status, out = run(folder, "--people", boxes_file(tmp_path, content))
    assert status == 2 and sentence in capsys.readouterr().err
    assert not out.exists()


def test_scales_that_are_none_are_refused(folder, run, capsys):
    assert run(folder, "--scales", "0")[0] == 2
    assert "--scales 0 must be numbers above 0" in capsys.readouterr().err


def test_results_are_overwritten_only_when_told(folder, run, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.overlay.png").write_text("mine")
    assert run(folder)[0] == 2
    assert "b.overlay.png exists already; give another --out, or --overwrite." in (
        capsys.readouterr().err
    )
    status, out = run(folder, "--overwrite")
    assert status == 0 and (out / "b.overlay.png").stat().st_size > 4


def read_all(path):
    with open_video(path) as source:
        return [frame for _, frame in source.frames()]


def test_a_video_gets_skeletons_and_the_people_of_every_frame(run, tmp_path, monkeypatch, capsys):
    model = KnownNetwork(same_maps()[0])
    monkeypatch.setattr(predict, "load", lambda arguments: model)
    path = write_mp4(tmp_path / "walk.mp4", numbered_frames(6, size=(240, 168)), rate=6)
    status, out = run(path, "--every=2", "--frames")
    assert status == 0 and capsys.readouterr().out.split() == [str(out / "walk.overlay.mp4")]
    frames = read_all(path)[::2]
    facts = json.loads((out / "walk.json").read_text())
    assert (facts["height"], facts["width"], facts["frames"], facts["every"]) == (240, 168, 3, 2)
    assert facts["protocol"]["name"] == "person" and "people" not in facts
    assert [entry["frame"] for entry in facts["people_by_frame"]] == [0, 2, 4]
    drawn = read_all(out / "walk.overlay.mp4")
    for entry, frame, written in zip(facts["people_by_frame"], frames, drawn, strict=True):
        joints = joints_of(model, frame, [[0, 0, 240, 168]])
        (person,) = entry["people"]
        assert person["box"] == [0, 0, 168, 240]
        np.testing.assert_allclose(points(person), joints[0], atol=1e-5)
        expected = draw_skeletons(frame, list(joints), NAMES)
        lines = (expected != frame).any(axis=-1)
        away, plain = (np.abs(written.astype(int) - x)[lines].mean() for x in (expected, frame))
        assert lines.sum() > 1000 and away < 30 < 80 < plain  # Coding blurs thin lines.
    inside = sorted((out / "walk.frames").iterdir())
    assert [p.name for p in inside] == [f"{number:06}.json" for number in (0, 2, 4)]
    assert json.loads(inside[1].read_text()) == {"people": facts["people_by_frame"][1]["people"]}


def test_boxes_are_not_for_videos_and_live_views(run, tmp_path, capsys):
    path = write_mp4(tmp_path / "walk.mp4", list(random_images((60, 42))))
    people = boxes_file(tmp_path, {"walk.mp4": []})
    assert run(path, "--people", people)[0] == 2
    assert f"--people names people in images, but {path} is a video." in capsys.readouterr().err
    assert run(path, "--people", people, "--live")[0] == 2
    assert "a live view sees one in each frame." in capsys.readouterr().err
