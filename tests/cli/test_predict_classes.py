"""`lfp-tf predict` of a classifier: a line and a JSON a picture, from a network and an export."""

import argparse
import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from small_classifier import NAMES, picture, small_classifier

from lfp_tf.cli import predict as command
from lfp_tf.cli import predict_classes
from lfp_tf.cli.items import find_items
from lfp_tf.cli.predict_classes import best_classes, check_arguments, predict
from lfp_tf.errors import LfpError, WorkFailed
from lfp_tf.files import write_json
from lfp_tf.images.decode import read_picture
from lfp_tf.serving.limits import Limits
from lfp_tf.serving.network import served_network, served_variables
from lfp_tf.tasks.classification.prediction import picture_classifier
from lfp_tf.tasks.classification.signatures import signature_functions


@pytest.fixture(scope="module")
def model():
    return small_classifier()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Three pictures, one of which is grey."""
    folder = tmp_path_factory.mktemp("pictures")
    for number, name in enumerate(("a.png", "b.png", "inner/c.png")):
        (folder / name).parent.mkdir(exist_ok=True)
        Image.fromarray(picture(number)).convert("L" if number == 1 else "RGB").save(folder / name)
    return folder


@pytest.fixture(autouse=True)
def loaded(model, monkeypatch):
    monkeypatch.setattr(predict_classes, "load", lambda arguments: model)


def parsed(*words):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(list(map(str, words)))


def run(folder, out, *words):
    arguments = parsed(folder, f"--out={out}", *words)
    predict(find_items(arguments.inputs, out), arguments)


def test_lines_and_files_tell_the_networks_classes(model, pictures, tmp_path, capsys):
    run(pictures, tmp_path, "--experiment=lfp_resnet50_imagenet", "--checkpoint=here")
    classify, lines = picture_classifier(model), capsys.readouterr().out.splitlines()
    for line, name in zip(lines, ("a", "b", "inner/c"), strict=True):
        source = str(pictures / f"{name}.png")
        wanted = classify(tf.constant(read_picture(source))).numpy()
        best = int(wanted.argmax())
        assert line == f"{source}\t{NAMES[best]}\t{wanted[best]:.4f}"
        facts = json.loads((tmp_path / f"{name}.json").read_text())
        order = np.argsort(-wanted)[:5].tolist()
        assert [entry["id"] for entry in facts["classes"]] == order
        assert [entry["name"] for entry in facts["classes"]] == [NAMES[n] for n in order]
        found = [entry["probability"] for entry in facts["classes"]]
        np.testing.assert_allclose(found, wanted[order], atol=1e-6)
        assert facts["file"] == source and facts["seconds"] >= 0
        assert facts["protocol"] == {"name": "middle", "shortest": 74, "crop": [65, 65]}
    assert (facts["height"], facts["width"]) == picture(2).shape[:2]
    written = sorted(p.name for p in tmp_path.rglob("*") if p.is_file())
    assert written == ["a.json", "b.json", "c.json"]


def test_bad_pictures_are_named_and_the_rest_goes_on(pictures, tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "cut.png").write_bytes((pictures / "a.png").read_bytes()[:100])
    (folder / "good.png").write_bytes((pictures / "a.png").read_bytes())
    Image.new("RGB", (102, 2)).save(folder / "strip.png")
    with pytest.raises(WorkFailed, match="^2 of 3 pictures were refused; they are named above.$"):
        run(folder, tmp_path / "out", "--experiment=lfp_resnet50_imagenet")
    said = capsys.readouterr()
    assert f"{folder / 'cut.png'} cannot be read: it is cut short." in said.err
    assert (
        f"{folder / 'strip.png'}: The picture has 102x2 pixels; no side may be more than 50 times "
        "the other." in said.err
    )
    assert said.out.startswith(f"{folder / 'good.png'}\t") and len(said.out.splitlines()) == 1
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["good.json"]


def test_an_export_tells_what_its_network_does(model, pictures, tmp_path, capsys):
    place = tmp_path / "export" / "1"
    served, module = served_network(model), tf.Module()
    functions = signature_functions(served, limits=Limits(max_pixels=12000))
    module.weights = served_variables(served)
    signatures = {name: f.get_concrete_function() for name, f in functions.items()}
    tf.saved_model.save(module, str(place), signatures=signatures)
    facts = {"classes": NAMES, "colors": [], "limits": {"max_pixels": 12000}, "protocol": {"a": 1}}
    write_json(place / "export.json", facts)
    run(pictures / "a.png", tmp_path / "x", f"--saved_model={tmp_path / 'export'}")
    run(pictures / "a.png", tmp_path / "y", "--experiment=lfp_resnet50_imagenet")
    first, second = capsys.readouterr().out.splitlines()
    assert first.split("\t")[:2] == second.split("\t")[:2]
    one, other = (json.loads((tmp_path / n / "a.json").read_text()) for n in "xy")
    assert [e["id"] for e in one["classes"]] == [e["id"] for e in other["classes"]]
    np.testing.assert_allclose(
        *([e["probability"] for e in facts["classes"]] for facts in (one, other)), atol=1e-5
    )
    assert one["saved_model"] == str(place) and one["protocol"] == {"a": 1}
    Image.new("RGB", (200, 100)).save(tmp_path / "large.png")
    with pytest.raises(WorkFailed, match="1 of 1 pictures were refused"):
        run(tmp_path / "large.png", tmp_path / "z", f"--saved_model={tmp_path / 'export'}")
    assert (
        f"{tmp_path / 'large.png'}: The picture has 200x100 pixels, but at most 12000 are served"
        in capsys.readouterr().err
    )


def test_results_are_overwritten_only_when_told(pictures, tmp_path):
    (tmp_path / "a.json").write_text("mine")
    words = (pictures / "a.png", tmp_path)
    with pytest.raises(LfpError, match="a.json exists already; give another --out, or --overwr"):
        run(*words)
    assert (tmp_path / "a.json").read_text() == "mine"
    run(*words, "--overwrite")
    assert json.loads((tmp_path / "a.json").read_text())["file"] == str(pictures / "a.png")


@pytest.mark.parametrize(
    "word, what",
    [
        ("--protocol=whole", "segmentation"),
        ("--crf", "segmentation"),
        ("--long_side=65", "segmentation"),
        ("--people=boxes.json", "pose"),
    ],
)
def test_flags_for_others_are_refused(word, what):
    with pytest.raises(LfpError, match=f"^{word.partition('=')[0]} is for {what}"):
        check_arguments(parsed("a.png", word))


def test_the_first_of_equal_classes_comes_first():
    found = best_classes(np.array([0.1, 0.4, 0.1, 0.4]), list("abcd"))
    assert [(entry["id"], entry["name"]) for entry in found] == [
        (1, "b"), (3, "d"), (0, "a"), (2, "c"),
    ]  # fmt: skip
