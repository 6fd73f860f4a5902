"""`lfp-tf evaluate` of a classifier prints what it writes, and refuses what is for others."""

import argparse
import json
import types

import pytest
from small_classifier import class_records, small_classifier

from lfp_tf.cli import evaluate as command
from lfp_tf.cli import evaluate_classification
from lfp_tf.cli.evaluate_classification import class_table, evaluate
from lfp_tf.errors import LfpError

EXPERIMENT = types.SimpleNamespace(name="lfp_resnet50_imagenet", kind="classification")


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return class_records(tmp_path_factory.mktemp("records"))[0]


@pytest.fixture(autouse=True)
def model(monkeypatch):
    monkeypatch.setattr(evaluate_classification, "load", lambda arguments: small_classifier())


def parsed(*words):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args([f"--experiment={EXPERIMENT.name}", *words])


def test_it_prints_and_writes_the_same_numbers(records, tmp_path, capsys):
    run = tmp_path / "run"
    run.mkdir()
    (run / "history.jsonl").write_text('{"step": 1, "loss": 2.0, "learning_rate": 0.1}\n')
    evaluate(EXPERIMENT, records, run / "evaluation", parsed(f"--checkpoint={run}"))
    said = capsys.readouterr()
    facts = json.loads((run / "evaluation" / "metrics.json").read_text())
    assert said.out.splitlines()[-2:] == [
        str(run / "evaluation" / "report.html"),
        str(run / "evaluation" / "metrics.json"),
    ]
    top1, top5 = (100 * facts["scores"][f"top{k}_accuracy"] for k in (1, 5))
    assert f"top-1 accuracy {top1:.2f} (error {100 - top1:.2f}), top-5 accuracy {top5:.2f}" in (
        said.out
    )
    assert said.out.splitlines()[0] == "class   top-1   top-5  pictures"
    assert facts["history"] == [{"step": 1, "loss": 2.0, "learning_rate": 0.1}]
    assert facts["checkpoint"] == str(run) and len(facts["pictures"]) == 11
    assert "11 pictures of" in said.err and "middle 65 x 65 of each" in said.err


def test_a_limit_is_kept(records, tmp_path, capsys):
    evaluate(EXPERIMENT, records, tmp_path, parsed("--limit=3", "--split=train"))
    facts = json.loads((tmp_path / "metrics.json").read_text())
    assert len(facts["pictures"]) == 3 and facts["split"] == "train"
    assert "over 3 pictures" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["--protocol=whole"],
        ["--flip"],
        ["--scales", "1"],
        ["--second_softmax"],
        ["--window_batch=2"],
        ["--crf"],
        ["--crf_preset=seed"],
        ["--crf_processes=0"],
    ],
)
def test_flags_of_segmentation_are_refused(words, records, tmp_path):
    name = words[0].partition("=")[0]
    wanted = f"^{name} is for segmentation; lfp_resnet50_imagenet names one class for each whole"
    with pytest.raises(LfpError, match=wanted):
        evaluate(EXPERIMENT, records, tmp_path / "out", parsed(*words))
    assert not (tmp_path / "out").exists()


def test_the_table_lines_up():
    facts = {
        "classes": [
            {"name": "ant", "top1": 0.5, "top5": 1.0, "pictures": 2},
            {"name": "long name", "top1": None, "top5": None, "pictures": 0},
        ],
        "scores": {
            "top1_accuracy": 0.5,
            "top1_error": 0.5,
            "top5_accuracy": 1.0,
            "top5_error": 0.0,
            "mean_class_accuracy": 0.5,
        },
        "pictures": [{}, {}],
    }
    assert class_table(facts).splitlines() == [
        "class       top-1   top-5  pictures",
        "ant         50.00  100.00         2",
        "long name       -       -         0",
        "top-1 accuracy 50.00 (error 50.00), top-5 accuracy 100.00 (error 0.00), mean of the "
        "classes' top-1 50.00, over 2 pictures",
    ]
