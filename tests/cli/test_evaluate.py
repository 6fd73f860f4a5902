"""`lfp-tf evaluate` writes what it prints; protocols and their options reach the numbers' page."""

import json

import numpy as np
import pytest
import small_objects
import tiny
from small_classifier import class_records, small_classifier
from small_detector import KnownDetector
from small_objects import source, square
from small_people import KnownNetwork, drawn_people, same_maps

from lfp_tf.cli import evaluate as command
from lfp_tf.cli.main import main
from lfp_tf.tasks.pose.evaluation import evaluate as evaluate_people
from lfp_tf.tasks.pose.prediction import Protocol as PoseProtocol
from lfp_tf.tasks.segmentation.evaluation import evaluate
from lfp_tf.tasks.segmentation.protocols import Protocol


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return tiny.make_records(tmp_path_factory.mktemp("records") / "scenes", train=1, val=3)


def test_it_prints_and_writes_the_same_numbers(network, records, tmp_path, capsys):
    model, folder = network
    (folder / "history.jsonl").write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "loss": 1.5}\n')
    words = ["evaluate", "--experiment=pspnet18_scenes", f"--checkpoint={folder}"]
    assert main([*words, f"--data_dir={records}"]) == 0
    said = capsys.readouterr()
    out = folder / "evaluation"
    assert said.out.splitlines()[-2:] == [str(out / "report.html"), str(out / "metrics.json")]
    facts = json.loads((out / "metrics.json").read_text())
    expected = evaluate(model, records, protocol=Protocol("whole"))
    np.testing.assert_array_equal(facts["confusion"], expected.confusion)
    assert facts["images"] == expected.images
    assert facts["protocol"] == {
        "name": "whole",
        "flip": "none",
        "scales": [1.0],
        "logits_resize": "align_corners",
    }
    assert facts["history"][1] == {"step": 2, "loss": 1.5}
    mean = f"mean IoU {100 * facts['scores']['all']['mIoU']:.2f}"
    assert f"{mean}, mean accuracy" in said.out and "(definition all, the experiment's)" in said.out
    page = (out / "report.html").read_text()
    assert "training loss" in page and f"{100 * facts['scores']['all']['mIoU']:.2f}" in page


def test_windows_scales_and_limit_reach_the_protocol(network, records, tmp_path):
    _, folder = network
    words = ["evaluate", "--experiment=pspnet18_scenes", f"--checkpoint={folder}", "--limit=1"]
    words += [f"--data_dir={records}", f"--out={tmp_path}", "--split=test", "--protocol=semseg"]
    assert main([*words, "--scales", "1", "1.5", "--window_batch=2"]) == 0
    facts = json.loads((tmp_path / "metrics.json").read_text())
    assert facts["protocol"] == {
        "name": "semseg", "flip": "softmax", "scales": [1.0, 1.5], "base_size": 41, "crop": [33, 41],
    }  # fmt: skip
    assert facts["split"] == "test" and len(facts["images"]) == 1


def test_mistakes_are_sentences(records, tmp_path, capsys):
    given = ["--experiment=pspnet18_scenes", f"--checkpoint={tmp_path}", f"--data_dir={records}"]
    for words, sentence in (
        (given[1:], "--experiment is missing"),
        ([*given, "--split=tst"], 'no split "tst"; it has test, train, val'),
        ([*given, "--limit=0"], "--limit must be at least 1, not 0."),
        ([*given, "--scales", "x"], "--scales x must be numbers above 0"),
        ([*given, "--protocol=wole"], 'No protocol "wole" here. Did you mean "whole"?'),
        ([*given[:2], f"--data_dir={tmp_path / 'no'}"], "There is no folder"),
    ):
        assert main(["evaluate", *words]) == 2
        assert sentence in capsys.readouterr().err, words


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    """Records of a classifier."""
    return class_records(tmp_path_factory.mktemp("classes"))[0]


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Records of people."""
    return drawn_people(tmp_path_factory.mktemp("people"))[0]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Function that scores a network of the test's own under an experiment's name."""

    def run(experiment, network, records, *words):
        monkeypatch.setattr(command, "load", lambda arguments: network)
        folder = tmp_path / "run"
        folder.mkdir(exist_ok=True)
        (folder / "history.jsonl").write_text('{"step": 1, "loss": 2.0, "learning_rate": 0.1}\n')
        given = [f"--experiment={experiment}", f"--checkpoint={folder}", f"--data_dir={records}"]
        assert main(["evaluate", *given, *words]) == 0
        return json.loads((folder / "evaluation" / "metrics.json").read_text())

    return run


def test_a_classifiers_table_tells_what_is_written(run, classes, tmp_path, capsys):
    facts = run("lfp_resnet50_small", small_classifier(), classes)
    said = capsys.readouterr()
    out = tmp_path / "run" / "evaluation"
    assert said.out.splitlines()[-2:] == [str(out / "report.html"), str(out / "metrics.json")]
    top1, top5 = (100 * facts["scores"][f"top{k}_accuracy"] for k in (1, 5))
    assert f"top-1 accuracy {top1:.2f} (error {100 - top1:.2f}), top-5 accuracy {top5:.2f}" in (
        said.out
    )
    assert said.out.splitlines()[0] == "class   top-1   top-5  images"
    assert facts["history"] == [{"step": 1, "loss": 2.0, "learning_rate": 0.1}]
    assert facts["checkpoint"] == str(tmp_path / "run") and len(facts["images"]) == 11
    assert "lfp_resnet50_small: 11 images of" in said.err
    assert "by the middle 65 x 65 of each with its shorter side at 74 pixels" in said.err
    assert "evaluate 11/11" in said.err and " images/s" in said.err


def test_a_limit_is_kept(run, classes, capsys):
    facts = run("lfp_resnet50_small", small_classifier(), classes, "--limit=3", "--split=train")
    assert len(facts["images"]) == 3 and facts["split"] == "train"
    assert "over 3 images" in capsys.readouterr().out


def test_the_table_tells_every_joint_and_chance(run, people, tmp_path, capsys):
    network = KnownNetwork(same_maps()[0])
    facts = run("hourglass_small", network, people)
    said = capsys.readouterr()
    assert "hourglass_small: 4 people of" in said.err
    assert "by pck (flip True, scales [1.0])" in said.err
    assert "evaluate 4/4" in said.err and " people/s" in said.err
    lines, out = said.out.splitlines(), tmp_path / "run" / "evaluation"
    assert lines[-2:] == [str(out / name) for name in ("report.html", "metrics.json")]
    assert lines[0].split() == ["joint", "PCK", "chance", "annotated"]
    for line, entry in zip(lines[1:15], facts["joints"], strict=True):
        rates = [f"{100 * entry[key]:.2f}" for key in ("pck", "chance")]
        assert line.split() == [entry["name"], *rates, str(entry["annotated"])]
    assert lines[15].startswith("head, group")
    mean, count = f"{100 * facts['scores']['mean']:.2f}", facts["scores"]["people"]
    assert lines[-3] == "compared: points as the records have them"
    assert lines[-4].startswith(f"PCK@0.2 {mean} over {count} people, chance ")
    protocol = PoseProtocol(flip=True, score="pck")
    scores = evaluate_people(network, people, protocol=protocol)
    assert facts["people"][0]["pck"] == scores.right[0]


def test_a_detectors_table_tells_sets_of_classes_and_masks_in_true_boxes(run, tmp_path, capsys):
    size = (90, 120)
    objects = [square(10, 20, 40.0), square(60, 30, 50.0, label=2)]
    images = [source(tmp_path / "images", "one", size, objects)]
    small_objects.write(tmp_path / "records", images, "val")
    network = KnownDetector({size: [((10, 20, 50, 60), 1, 0.9)]})
    words = ["--subset", "dog", "3", "--true_boxes"]
    facts = run("maskrcnn_small_scenes", network, tmp_path / "records", *words)
    assert facts["sets"]["A"]["name"] == "dog, 3" and facts["sets"]["B"]["classes"] == ["cat"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        *("class", "box", "AP", "box", "AP50", "mask", "AP", "mask", "AP50"),
        *("mask", "IoU", "objects", "set"),
    ]
    assert lines[2].split()[-2:] == ["1", "A"]
    assert "box: AP 50.00, AP50 50.00," in lines[4]
    assert "box, set A: AP 0.00," in lines[6] and "box, set B: AP 100.00," in lines[8]
    assert "set A is dog, 3 (2 of 3 classes), set B the other 1" in lines


def test_what_the_user_says_wins_over_the_recipe(run, people, capsys):
    words = ["--scales", "0.9,1.1", "--limit", "2", "--split", "train"]
    facts = run("hourglass_small", KnownNetwork(same_maps()[0]), people, *words)
    assert "2 people" in capsys.readouterr().err
    assert facts["protocol"] == {"name": "person", "flip": True, "scales": [0.9, 1.1]}
    assert facts["split"] == "train" and len(facts["people"]) == 2


@pytest.mark.parametrize(
    ("experiment", "words", "owners"),
    [
        ("lfp_resnet50_small", ["--protocol=whole"], "segmentation"),
        ("lfp_resnet50_small", ["--flip"], "segmentation and pose"),
        ("lfp_resnet50_small", ["--scales", "1"], "segmentation and pose"),
        ("lfp_resnet50_small", ["--second_softmax"], "segmentation"),
        ("lfp_resnet50_small", ["--window_batch=2"], "segmentation"),
        ("lfp_resnet50_small", ["--crf"], "segmentation"),
        ("lfp_resnet50_small", ["--crf_preset=seed"], "segmentation"),
        ("lfp_resnet50_small", ["--crf_processes=0"], "segmentation"),
        ("hourglass_small", ["--protocol", "whole"], "segmentation"),
        ("hourglass_small", ["--crf"], "segmentation"),
        ("hourglass_small", ["--crf_preset", "newest"], "segmentation"),
        ("hourglass_small", ["--second_softmax"], "segmentation"),
        ("hourglass_small", ["--window_batch", "2"], "segmentation"),
        ("hourglass_small", ["--subset", "voc"], "detection"),
        ("lfp_resnet50_small", ["--true_boxes"], "detection"),
    ],
)
def test_options_of_another_task_are_refused(experiment, words, owners, tmp_path, capsys):
    name, task = words[0].partition("=")[0], "pose" if "hour" in experiment else "classification"
    given = [f"--experiment={experiment}", f"--checkpoint={tmp_path}", f"--out={tmp_path / 'out'}"]
    assert main(["evaluate", *given, *words]) == 2
    sentence = f"{name} is for {owners}, but this network is for {task}."
    assert capsys.readouterr().err.strip() == sentence
    assert not (tmp_path / "out").exists()
