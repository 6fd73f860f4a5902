"""Joints of people through `lfp-tf predict`: drawn, as JSON, and what is refused by name."""

import argparse
import json

import numpy as np
import pytest
from PIL import Image
from small_network import pictures
from small_people import NAMES, KnownNetwork, mixed_maps

from lfp_tf.cli import predict as command
from lfp_tf.cli import predict_people
from lfp_tf.cli.items import find_items
from lfp_tf.errors import LfpError, WorkFailed
from lfp_tf.images.decode import read_picture
from lfp_tf.images.skeleton import draw_skeletons
from lfp_tf.tasks.pose.prediction import people_predictor


@pytest.fixture(scope="module")
def model():
    return KnownNetwork(mixed_maps())


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "pictures"
    place.mkdir()
    for name, image in zip("ab", pictures((60, 41), (50, 90)), strict=True):
        Image.fromarray(image).save(place / f"{name}.png")
    return place


@pytest.fixture
def predict(model, tmp_path, monkeypatch):
    """Runs the command's part for people; returns the folder of the results."""
    monkeypatch.setattr(predict_people, "load", lambda arguments: model)

    def run(*words):
        out = tmp_path / "out"
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        words = [*map(str, words), "--experiment=small_pose", f"--out={out}"]
        arguments = parser.parse_args(words)
        predict_people.predict(find_items(arguments.inputs, out), arguments)
        return out

    return run


def points(entry):
    return [[p["x"], p["y"], p["score"]] for p in entry["keypoints"].values()]


def boxes_file(tmp_path, content):
    path = tmp_path / "people.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_picture_is_one_person(folder, model, predict, capsys):
    out = predict(folder)
    assert capsys.readouterr().out.split() == [str(out / "a.json"), str(out / "b.json")]
    assert sorted(p.name for p in out.iterdir()) == [
        *("a.json", "a.overlay.png", "b.json", "b.overlay.png"),
    ]
    facts = json.loads((out / "a.json").read_text())
    assert (facts["height"], facts["width"], facts["experiment"]) == (60, 41, "small_pose")
    assert facts["protocol"] == {"name": "person", "flip": True, "scales": [1.0]}
    (person,) = facts["people"]
    assert person["box"] == [0, 0, 41, 60] and list(person["keypoints"]) == list(NAMES)
    picture = read_picture(str(folder / "a.png"))
    joints = people_predictor(model, flip=True)(picture, np.float32([[0, 0, 60, 41]])).numpy()
    np.testing.assert_allclose(points(person), joints[0], atol=1e-6)
    np.testing.assert_array_equal(
        read_picture(str(out / "a.overlay.png")), draw_skeletons(picture, list(joints), NAMES)
    )


def test_people_by_their_boxes(folder, model, predict, tmp_path):
    people = boxes_file(tmp_path, {"a.png": [[10, 5, 30, 40], [0, 0, 41, 60]], "b.png": []})
    out = predict(folder, "--people", people, "--scales", "0.9")
    facts = json.loads((out / "a.json").read_text())
    assert [person["box"] for person in facts["people"]] == [[10, 5, 30, 40], [0, 0, 41, 60]]
    rows = np.float32([[5, 10, 40, 30], [0, 0, 60, 41]])
    find = people_predictor(model, flip=True, factors=(0.9,))
    joints = find(read_picture(str(folder / "a.png")), rows)
    np.testing.assert_allclose([points(p) for p in facts["people"]], joints, atol=1e-6)
    assert json.loads((out / "b.json").read_text())["people"] == []
    np.testing.assert_array_equal(
        read_picture(str(out / "b.overlay.png")), read_picture(str(folder / "b.png"))
    )


def test_bad_pictures_are_named_and_the_rest_goes_on(folder, predict, capsys):
    (folder / "empty.jpg").write_bytes(b"")
    with pytest.raises(WorkFailed, match="1 of 3 pictures were refused; they are named above"):
        predict(folder)
    said = capsys.readouterr()
    assert f"{folder / 'empty.jpg'} is empty." in said.err and len(said.out.split()) == 2


def test_a_box_beside_its_picture_is_named(folder, predict, tmp_path, capsys):
    people = boxes_file(tmp_path, {"a.png": [[50, 5, 60, 40]], "b.png": [[0, 0, 50, 50]]})
    with pytest.raises(WorkFailed, match="1 of 2"):
        predict(folder, "--people", people)
    assert f"{folder / 'a.png'}: --people {people} has the box [50, 5, 60, 40] beside the " in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is no JSON"),
        ([], "must hold {file name: "),
        ({"a.png": []}, "does not name b.png; give"),
        ({"aa.png": [], "b.png": []}, 'does not name a.png.* Did you mean "aa.png"'),
        ({"a.png": [[1, 2, 3]], "b.png": []}, "the boxes of a.png must be"),
        ({"a.png": [[1, 2, 1, 9]], "b.png": []}, "the boxes of a.png must be"),
        ({"a.png": [[1, 2, "3", 9]], "b.png": []}, "the boxes of a.png must be"),
        ('{"a.png": [[1, 2, NaN, 9]], "b.png": []}', "the boxes of a.png must be"),
    ],
)
def test_files_of_boxes_of_another_form_are_refused(folder, predict, tmp_path, content, sentence):
    people = boxes_file(tmp_path, content)
    with pytest.raises(LfpError, match=sentence):
        predict(folder, "--people", people)
    assert not (tmp_path / "out").exists()


def test_a_file_of_boxes_that_is_not_there_is_refused(folder, predict, tmp_path):
    with pytest.raises(LfpError, match="no.json cannot be read: No such file"):
        predict(folder, "--people", tmp_path / "no.json")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--crf",), "--crf is for segmentation; a network for pose takes --flip and"),
        (("--protocol", "whole"), "--protocol is for segmentation"),
        (("--long_side", "100"), "--long_side is for segmentation"),
        (("--scales", "0"), "--scales 0 must be numbers above 0"),
    ],
)
def test_flags_of_other_kinds_are_refused(folder, predict, words, sentence):
    with pytest.raises(LfpError, match=sentence):
        predict(folder, *words)


def test_results_are_overwritten_only_when_told(folder, predict, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.overlay.png").write_text("mine")
    with pytest.raises(LfpError, match="b.overlay.png exists already; give another --out, or"):
        predict(folder)
    out = predict(folder, "--overwrite")
    assert (out / "b.overlay.png").stat().st_size > 4
