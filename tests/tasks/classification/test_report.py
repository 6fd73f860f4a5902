"""The page of a classifier says what its numbers are; of many classes it shows the ends."""

import json

import numpy as np

from lfp_tf.tasks.classification.report import (
    Mistake,
    score_facts,
    short_name,
    write_report,
)

ABOUT = {
    "experiment": "lfp_resnet50_imagenet",
    "dataset": "imagenet",
    "split": "val",
    "protocol": {"name": "middle", "shortest": 256, "crop": [224, 224]},
    "seconds": 2.0,
    "checkpoint": "here",
}


def written(folder, truths, guesses, names, **more):
    confusion = np.zeros((len(names), len(names)), int)
    np.add.at(confusion, (truths, guesses), 1)
    ranks = (np.asarray(truths) != guesses).astype(int)
    facts = ABOUT | score_facts(truths, ranks, confusion, names=names)
    path = write_report(folder, facts | {"images": [{}] * len(truths)}, **more)
    return json.loads((folder / "metrics.json").read_text()), path.read_text()


def test_scores_matrix_pairs_and_mistakes_are_there(tmp_path):
    image = np.zeros((8, 8, 3), np.uint8)
    mistakes = [Mistake("<b>.png", 1, 2, 0.875, image)]
    names = ["a & b", "c", "d"]
    facts, page = written(tmp_path, [0, 1, 1, 1], [0, 1, 2, 2], names, mistakes=mistakes)
    assert facts["scores"]["top1_accuracy"] == 0.5
    assert facts["confusion"] == [[1, 0, 0], [0, 1, 2], [0, 0, 0]]
    assert facts["most_confused"] == [{"truth": "c", "prediction": "d", "images": 2}]
    assert facts["classes"][2] == {"id": 2, "name": "d", "top1": None, "top5": None, "images": 0}
    assert facts["mistakes"] == [
        {"source": "<b>.png", "truth": "c", "prediction": "d", "probability": 0.875}
    ]
    assert '<span class="big">50.00</span> top-1 accuracy over 4 images' in page
    assert "top-1, mean over classes</td><td>66.67</td><td>33.33" in page
    assert "&lt;b&gt;.png<br>truth: c<br>prediction: d, 87.5 %" in page and "<b>.png" not in page
    assert "a &amp; b" in page and "Confusion matrix" in page and "not present" in page
    assert page.count("data:image/jpeg;base64,") == 1
    assert "http" not in page.replace("http://www.w3.org", "")


def test_of_many_classes_the_ends_and_the_pairs_are_shown(tmp_path):
    names = [f"name {number}" for number in range(60)]
    truths = [*range(60), 59]
    facts, page = written(tmp_path, truths, [*range(30), *range(1, 31), 59], names)
    assert "confusion" not in facts and len(facts["most_confused"]) == 20
    assert "Confusion matrix" not in page and "Most confused" in page
    assert "The 20 best classes" in page and "The 20 worst classes" in page
    best, worst = page.split("<h2>")[1:3]
    assert [f">name {n}<" in best for n in (0, 19, 20)] == [True, True, False]
    assert [f">name {n}<" in worst for n in (29, 30, 49, 50)] == [False, True, True, False]


def test_the_training_is_drawn(tmp_path):
    history = [
        {"step": 1, "loss": 2.0, "learning_rate": 0.1},
        {"step": 2, "loss": 1.0, "learning_rate": 0.1},
        {"step": 2, "accuracy": 0.25, "top5_accuracy": 0.75},
    ]
    facts = ABOUT | score_facts([0], [0], np.ones((1, 1), int), names=["a"])
    path = write_report(tmp_path, facts | {"images": [{}], "history": history})
    page = path.read_text()
    assert "training loss" in page and "accuracy on validation, per cent" in page
    assert json.loads((tmp_path / "metrics.json").read_text())["history"] == history


def test_charts_have_room_for_the_first_synonym():
    assert short_name("tabby, tabby cat") == "tabby"
    assert short_name("a name of twenty-one l") == "a name of twenty-on\u2026"
    assert len(short_name("x" * 21)) == 20 and short_name("x" * 20) == "x" * 20
