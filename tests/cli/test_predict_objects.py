"""Objects through `lfp-tf predict`: drawn, as JSON, as COCO's results; videos; refusals."""

import json

import numpy as np
import pytest
from drawn_video import numbered_frames, write_mp4
from PIL import Image
from pycocotools.coco import COCO
from small_detector import EVALUATION, KnownDetector
from small_network import random_images
from small_objects import CLASSES

from lfp_tf.cli import predict
from lfp_tf.cli.main import main
from lfp_tf.images.decode import read_image
from lfp_tf.images.detections import draw_detections
from lfp_tf.tasks.detection.coco_results import pasted
from lfp_tf.tasks.detection.prediction import Protocol, array_function

SIZES = {"000000000139": (50, 70), "street": (60, 41)}
ROWS = [((5.0, 5.0, 45.0, 45.0), 1, 0.9), ((50.0, 10.0, 68.0, 40.0), 3, 0.3)]
VIDEO = (240, 168)


@pytest.fixture(scope="module")
def model():
    """Two objects in the first image, none in the second, one in a video's frames."""
    return KnownDetector({(50, 70): ROWS, VIDEO: [((20.0, 30.0, 120.0, 200.0), 2, 0.75)]})


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "images"
    place.mkdir()
    for name, image in zip(SIZES, random_images(*SIZES.values()), strict=True):
        Image.fromarray(image).save(place / f"{name}.png")
    return place


@pytest.fixture
def run(model, tmp_path, monkeypatch):
    """Runs the command; returns (exit status, folder of the results)."""
    monkeypatch.setattr(predict, "load", lambda arguments: model)

    def run(*words):
        out = tmp_path / "out"
        network = ["--experiment=maskrcnn_small_scenes", f"--checkpoint={tmp_path}"]
        return main(["predict", *map(str, words), *network, f"--out={out}"]), out

    return run


def test_every_image_has_an_overlay_and_its_objects(folder, model, run, capsys):
    status, out = run(folder)
    said = capsys.readouterr().out.splitlines()
    assert status == 0 and said == [
        f"{out / '000000000139.overlay.png'}\t1 cat",
        f"{out / 'street.overlay.png'}\tnothing",
        str(out / "coco_results.json"),
    ]
    names = [f"{name}{ending}" for name in SIZES for ending in (".json", ".overlay.png")]
    assert sorted(p.name for p in out.iterdir()) == sorted([*names, "coco_results.json"])
    facts = json.loads((out / "000000000139.json").read_text())
    assert (facts["height"], facts["width"]) == (50, 70)
    assert facts["protocol"] == {"name": "detection"} | EVALUATION
    assert [entry["class"] for entry in facts["objects"]] == ["cat", "cow"]
    assert json.loads((out / "street.json").read_text())["objects"] == []
    image = read_image(str(folder / "000000000139.png"))
    found = array_function(model, Protocol(**EVALUATION))(image)
    masks = list(pasted(found, (50, 70)))[:1]
    expected = draw_detections(image, [ROWS[0][0]], [0], CLASSES, scores=[0.9], masks=masks)
    np.testing.assert_array_equal(read_image(str(out / "000000000139.overlay.png")), expected)


def test_pycocotools_reads_the_results_of_all_images(folder, model, run):
    _, out = run(folder)
    truth = COCO()
    truth.dataset = {
        "images": [{"id": 139, "height": 50, "width": 70}],
        "annotations": [],
        "categories": [{"id": n, "name": name} for n, name in enumerate(CLASSES, 1)],
    }
    truth.createIndex()
    read = truth.loadRes(str(out / "coco_results.json"))
    rows = read.loadAnns(read.getAnnIds(imgIds=[139]))
    assert [(row["category_id"], row["bbox"]) for row in rows] == [
        (1, [5, 5, 40, 40]),
        (3, [50, 10, 18, 30]),
    ]
    found = array_function(model, Protocol(**EVALUATION))(np.zeros((50, 70, 3), np.uint8))
    for row, mask in zip(rows, pasted(found, (50, 70)), strict=True):
        np.testing.assert_array_equal(read.annToMask(row).astype(bool), mask)


def test_the_least_score_decides_what_is_drawn_and_counted(folder, run, capsys):
    status, out = run(folder, "--least_score=0.2")
    assert status == 0 and "\t1 cat, 1 cow" in capsys.readouterr().out
    assert json.loads((out / "street.json").read_text())["least_score"] == 0.2


def test_a_video_has_the_objects_of_every_frame(run, tmp_path, capsys):
    path = write_mp4(tmp_path / "walk.mp4", numbered_frames(4, size=VIDEO), rate=6)
    status, out = run(path, "--every=2", "--frames")
    assert status == 0 and str(out / "walk.overlay.mp4") in capsys.readouterr().out
    facts = json.loads((out / "walk.json").read_text())
    assert [entry["frame"] for entry in facts["objects_by_frame"]] == [0, 2]
    for entry in facts["objects_by_frame"]:
        (found,) = entry["objects"]
        assert (found["class"], found["bbox"]) == ("dog", [20, 30, 100, 170])
    frames = sorted((out / "walk.frames").iterdir())
    assert [p.name for p in frames] == ["000000.json", "000002.json"]


def test_results_of_earlier_images_are_overwritten_only_when_told(folder, run, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "coco_results.json").write_text("[{}]")
    assert run(folder / "street.png")[0] == 2
    assert "coco_results.json exists already; give another --out" in capsys.readouterr().err
    status, out = run(folder / "street.png", "--overwrite")
    assert status == 0 and (out / "coco_results.json").read_text() == "[]\n"


def test_mistakes_are_sentences(folder, run, capsys):
    for words, sentence in (
        (["--least_score=2"], "--least_score must lie in 0..1, not 2.0."),
        (["--short_side=0"], "--short_side must be at least 1, not 0."),
        (["--short_side=2000"], "The short side is 2000 pixels, but no side may exceed 96"),
        (["--people=a.json"], "--people is for pose"),
    ):
        status, out = run(folder, *words)
        assert status == 2 and sentence in capsys.readouterr().err and not out.exists()
