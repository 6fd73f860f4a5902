"""Scores of a classifier: against the network image by image, and what is refused."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf
import tiny
from small_classifier import CROP, NAMES, class_records, random_image, small_classifier

from lfp_tf.data.classification.augmentations import centre
from lfp_tf.data.records import read_dataset
from lfp_tf.errors import LfpError, WorkFailed
from lfp_tf.files import write_json
from lfp_tf.ops.preprocessing import preprocess
from lfp_tf.tasks.classification.evaluation import evaluate, report
from lfp_tf.tasks.classification.prediction import Protocol

# 74 to 65 is what 256 is to 224.
MIDDLE = Protocol(crop=CROP, shortest=74)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return class_records(tmp_path_factory.mktemp("records"))


@pytest.fixture(scope="module")
def model():
    return small_classifier()


@pytest.fixture(scope="module")
def evaluated(model, records):
    return evaluate(model, records[0], protocol=MIDDLE, batch=4)


def middles(numbers):
    shown = [centre(tf.constant(random_image(n)), shortest=74, size=CROP) for n in numbers]
    return preprocess(tf.stack(shown), "imagenet_bgr")


def test_every_image_counts_once(model, records, evaluated):
    numbers = records[1]
    expected = tf.nn.softmax(model(middles(numbers), training=False)["logits"]).numpy()
    truths = np.array(numbers) % 6
    assert [entry["source"] for entry in evaluated.images] == [
        f"{NAMES[number % 6]}/{number:02}.png" for number in numbers
    ]
    assert [entry["truth"] for entry in evaluated.images] == truths.tolist()
    assert [entry["prediction"] for entry in evaluated.images] == expected.argmax(1).tolist()
    assert len(set(expected.argmax(1))) > 1
    own = expected[np.arange(11), truths]
    # The cubic resize of records and that of arrays round alike; batches of another size do not.
    np.testing.assert_allclose([entry["probability"] for entry in evaluated.images], own, atol=1e-5)
    np.testing.assert_allclose(
        [entry["confidence"] for entry in evaluated.images], expected.max(1), atol=1e-5
    )
    assert [entry["rank"] for entry in evaluated.images] == (expected > own[:, None]).sum(
        1
    ).tolist()
    confusion = np.zeros((6, 6), int)
    np.add.at(confusion, (truths, expected.argmax(1)), 1)
    np.testing.assert_array_equal(evaluated.confusion, confusion)
    assert evaluated.names == NAMES


def test_the_most_certain_mistakes_are_kept(model, records, evaluated):
    wrong = [entry for entry in evaluated.images if entry["rank"]]
    wrong.sort(key=lambda entry: -entry["confidence"])
    assert [m.source for m in evaluated.mistakes] == [entry["source"] for entry in wrong]
    first = evaluate(model, records[0], protocol=MIDDLE, kept=1).mistakes
    assert [m.source for m in first] == [wrong[0]["source"]]
    number = int(wrong[0]["source"][-6:-4])
    expected = centre(tf.constant(random_image(number)), shortest=74, size=CROP)
    np.testing.assert_array_equal(first[0].image, expected)


@pytest.mark.parametrize("limit", [1, 4, 6, 50])
def test_a_limit_takes_the_first_images(model, records, evaluated, limit):
    part = evaluate(model, records[0], protocol=MIDDLE, batch=4, limit=limit)
    assert [entry["source"] for entry in part.images] == [
        entry["source"] for entry in evaluated.images[:limit]
    ]
    assert part.confusion.sum() == min(limit, 11)


def test_metrics_and_page_hold_the_numbers(model, records, evaluated, tmp_path):
    history = [{"step": 3, "accuracy": 0.5, "top5_accuracy": 1.0}]
    path, facts = report(
        tmp_path, model, evaluated, records=records[0], split="val", checkpoint="x", history=history
    )
    written = json.loads((tmp_path / "metrics.json").read_text())
    accuracy = np.mean([item["rank"] == 0 for item in evaluated.images])
    assert written["scores"]["top1_accuracy"] == facts["scores"]["top1_accuracy"] == accuracy
    assert written["protocol"] == {"name": "middle", "shortest": 74, "crop": [65, 65]}
    assert written["images"] == evaluated.images and written["seen_in_training"] is None
    assert sum(entry["images"] for entry in written["classes"]) == 11
    page = path.read_text()
    assert f"{100 * accuracy:.2f}" in page and "The most confident mistakes" in page
    assert "accuracy on validation" in page


def test_records_that_do_not_fit_are_refused(model, records, tmp_path, monkeypatch):
    with pytest.raises(LfpError, match='no split "test"; it has train, val'):
        evaluate(model, records[0], protocol=MIDDLE, split="test")
    scenes = tiny.make_records(tmp_path / "scenes", train=1, val=1)
    with pytest.raises(
        LfpError, match="scenes for segmentation and detection, but this is classification"
    ):
        evaluate(model, scenes, protocol=MIDDLE)
    for names, sentence in (
        (NAMES[:5], "has the 6 classes of imagenet, but the network has 5 of [a-z0-9]*; give its"),
        (NAMES[::-1], 'network has 6 of .*first that differ: "'),
    ):
        other = dataclasses.replace(model.recipe, classes=names)
        monkeypatch.setattr(model, "recipe", other)
        with pytest.raises(LfpError, match=sentence):
            evaluate(model, records[0], protocol=MIDDLE)


def test_classes_that_are_only_numbered_take_the_records_names(model, records, monkeypatch):
    numbered = [f"class {number}" for number in range(6)]
    monkeypatch.setattr(model, "recipe", dataclasses.replace(model.recipe, classes=numbered))
    assert evaluate(model, records[0], protocol=MIDDLE, limit=1).names == NAMES


def test_an_impossible_class_is_a_sentence(model, tmp_path, monkeypatch):
    folder, _ = class_records(tmp_path, count=6)
    write_json(folder / "dataset.json", read_dataset(folder) | {"classes": NAMES[:5]})
    monkeypatch.setattr(model, "recipe", dataclasses.replace(model.recipe, classes=NAMES[:5]))
    with pytest.raises(WorkFailed, match=r"^fox/05.png has the class 5, but 5 classes need 0-4\.$"):
        evaluate(model, folder, protocol=MIDDLE)
