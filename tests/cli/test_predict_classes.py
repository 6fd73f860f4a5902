"""`lfp-tf predict` of a classifier: a line, a JSON and bars an image; videos; exports."""

import json

import numpy as np
import pytest
import tensorflow as tf
from drawn_video import write_mp4
from PIL import Image
from small_classifier import NAMES, random_image, small_classifier

from lfp_tf.cli import export, predict
from lfp_tf.cli.main import main
from lfp_tf.images.decode import read_image
from lfp_tf.images.overlay import under_bars, with_bars
from lfp_tf.images.video import open_video
from lfp_tf.tasks.classification.prediction import Protocol, predictor
from lfp_tf.tasks.classification.results import best_classes


@pytest.fixture(scope="module")
def model():
    return small_classifier()


@pytest.fixture(scope="module")
def classify(model):
    """Function of an image to the probabilities of its classes."""
    function = predictor(model, Protocol(crop=65, shortest=74))
    return lambda image: function(tf.constant(image)).numpy()


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Three images, one of which is grey."""
    folder = tmp_path_factory.mktemp("images")
    for number, name in enumerate(("a.png", "b.png", "inner/c.png")):
        (folder / name).parent.mkdir(exist_ok=True)
        Image.fromarray(random_image(number)).convert("L" if number == 1 else "RGB").save(
            folder / name
        )
    return folder


@pytest.fixture(autouse=True)
def network(model, tmp_path, monkeypatch):
    """Words that name the network."""
    for command in (predict, export):
        monkeypatch.setattr(command, "load", lambda arguments: model)
    return ["--experiment=lfp_resnet50_small", f"--checkpoint={tmp_path}"]


def bars(probabilities):
    return [(e["name"], e["probability"]) for e in best_classes(probabilities, NAMES)]


def test_lines_and_files_tell_the_networks_classes(classify, network, images, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["predict", str(images), *network, f"--out={out}"]) == 0
    said = capsys.readouterr()
    assert "predict 3/3" in said.err and " images/s" in said.err
    for line, name in zip(said.out.splitlines(), ("a", "b", "inner/c"), strict=True):
        source = str(images / f"{name}.png")
        image = read_image(source)
        expected = classify(image)
        best = int(expected.argmax())
        assert line == f"{source}\t{NAMES[best]}\t{expected[best]:.4f}"
        facts = json.loads((out / f"{name}.json").read_text())
        order = np.argsort(-expected)[:5].tolist()
        assert [entry["id"] for entry in facts["classes"]] == order
        assert [entry["name"] for entry in facts["classes"]] == [NAMES[n] for n in order]
        values = [entry["probability"] for entry in facts["classes"]]
        np.testing.assert_allclose(values, expected[order], atol=1e-6)
        assert facts["file"] == source and facts["seconds"] >= 0
        assert facts["protocol"] == {"name": "middle", "shortest": 74, "crop": [65, 65]}
        assert facts["experiment"] == "lfp_resnet50_small"
        drawn = read_image(str(out / f"{name}.overlay.png"))
        np.testing.assert_array_equal(drawn, with_bars(image, bars(expected)))
    assert (facts["height"], facts["width"]) == random_image(2).shape[:2]
    written = sorted(p.name for p in out.rglob("*") if p.is_file())
    assert written == [f"{name}{end}" for name in "abc" for end in (".json", ".overlay.png")]


def test_bad_images_are_named_and_the_rest_goes_on(network, images, tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "cut.png").write_bytes((images / "a.png").read_bytes()[:100])
    (folder / "good.png").write_bytes((images / "a.png").read_bytes())
    Image.new("RGB", (102, 2)).save(folder / "strip.png")
    assert main(["predict", str(folder), *network, f"--out={tmp_path / 'out'}"]) == 1
    said = capsys.readouterr()
    assert f"{folder / 'cut.png'} cannot be read: it is cut short." in said.err
    assert (
        f"{folder / 'strip.png'}: The image has 102x2 pixels; no side may be more than 50 times "
        "the other." in said.err
    )
    assert said.err.splitlines()[-1] == "2 of 3 images were refused; they are named above."
    assert said.out.startswith(f"{folder / 'good.png'}\t") and len(said.out.splitlines()) == 1
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == ["good.json", "good.overlay.png"]


def test_an_export_tells_what_its_network_does(network, images, tmp_path, capsys):
    place = tmp_path / "export"
    assert main(["export", *network, f"--export_dir={place}", "--max_pixels=12000"]) == 0
    capsys.readouterr()
    served = f"--saved_model={place}"
    assert main(["predict", str(images / "a.png"), served, f"--out={tmp_path / 'x'}"]) == 0
    assert main(["predict", str(images / "a.png"), *network, f"--out={tmp_path / 'y'}"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.split("\t")[:2] == second.split("\t")[:2]
    one, other = (json.loads((tmp_path / n / "a.json").read_text()) for n in "xy")
    assert [e["id"] for e in one["classes"]] == [e["id"] for e in other["classes"]]
    np.testing.assert_allclose(
        *([e["probability"] for e in facts["classes"]] for facts in (one, other)), atol=1e-5
    )
    assert one["saved_model"] == str(place / "1") and one["protocol"] == other["protocol"]
    Image.new("RGB", (200, 100)).save(tmp_path / "large.png")
    assert main(["predict", str(tmp_path / "large.png"), served, f"--out={tmp_path / 'z'}"]) == 1
    said = capsys.readouterr().err
    assert (
        f"{tmp_path / 'large.png'}: The image has 200x100 pixels, but at most 12000 are served"
        in said
    )
    assert "1 of 1 images were refused" in said


@pytest.mark.parametrize("ending", [".json", ".overlay.png"])
def test_results_are_overwritten_only_when_told(network, images, tmp_path, capsys, ending):
    (tmp_path / f"a{ending}").write_text("mine")
    words = ["predict", str(images / "a.png"), *network, f"--out={tmp_path}"]
    assert main(words) == 2
    assert f"a{ending} exists already; give another --out, or --overwrite." in (
        capsys.readouterr().err
    )
    assert (tmp_path / f"a{ending}").read_text() == "mine"
    assert main([*words, "--overwrite"]) == 0
    assert json.loads((tmp_path / "a.json").read_text())["file"] == str(images / "a.png")


def read_all(path):
    with open_video(path) as source:
        return [frame for _, frame in source.frames()]


def test_a_video_gets_bars_and_the_mean_of_its_frames(classify, network, tmp_path, capsys):
    rng = np.random.default_rng(0)
    blobs = rng.integers(0, 256, (4, 6, 8, 3), np.uint8).repeat(16, 1).repeat(16, 2)
    path, out = write_mp4(tmp_path / "drive.mp4", list(blobs), rate=5), tmp_path / "out"
    assert main(["predict", str(path), *network, f"--out={out}", "--frames"]) == 0
    assert capsys.readouterr().out.split() == [str(out / "drive.overlay.mp4")]
    frames = read_all(path)
    probabilities = np.stack([classify(frame) for frame in frames])
    for drawn, frame, one_frame in zip(
        read_all(out / "drive.overlay.mp4"), frames, probabilities, strict=True
    ):
        # Coding loses the edges of letters; the bare frame is 70 away.
        assert np.abs(drawn.astype(int) - under_bars(frame, bars(one_frame))).mean() < 12
    facts = json.loads((out / "drive.json").read_text())
    assert (facts["height"], facts["width"], facts["frames"]) == (96, 128, 4)
    assert facts["protocol"]["name"] == "middle" and facts["broke_off"] is False
    expected = best_classes(probabilities.mean(axis=0), NAMES)
    assert [entry["name"] for entry in facts["classes"]] == [entry["name"] for entry in expected]
    np.testing.assert_allclose(
        *([entry["probability"] for entry in entries] for entries in (facts["classes"], expected)),
        rtol=1e-5,
    )
    inside = sorted((out / "drive.frames").iterdir())
    assert [p.name for p in inside] == [f"{number:06}.json" for number in range(4)]
    one = json.loads(inside[2].read_text())
    assert one["classes"][0]["name"] == NAMES[int(probabilities[2].argmax())]


def test_a_live_view_sees_the_networks_classes(classify, network, tmp_path, monkeypatch):
    path = write_mp4(tmp_path / "a.mp4", [np.full((96, 128, 3), 90, np.uint8)])
    opened = []
    monkeypatch.setattr(predict, "live", lambda results, arguments: opened.append(results()))
    assert main(["predict", str(path), *network, "--live", "--every=2"]) == 0
    image = random_image(0)
    np.testing.assert_allclose(opened[0].predict(image), classify(image), atol=1e-6)
