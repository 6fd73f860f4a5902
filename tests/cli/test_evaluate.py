"""`lfp-tf evaluate` writes what it prints; protocols and their options reach the numbers' page."""

import json

import numpy as np
import pytest
import tiny

from lfp_tf.cli.evaluate_segmentation import table
from lfp_tf.cli.main import main
from lfp_tf.cli.network_arguments import PROTOCOLS
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
    wanted = evaluate(model, records, protocol=Protocol("whole"))
    np.testing.assert_array_equal(facts["confusion"], wanted.confusion)
    assert facts["pictures"] == wanted.pictures
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
    assert facts["split"] == "test" and len(facts["pictures"]) == 1


def test_mistakes_are_sentences(records, tmp_path, capsys):
    given = ["--experiment=pspnet18_scenes", f"--checkpoint={tmp_path}", f"--data_dir={records}"]
    for words, wanted in (
        (given[1:], "--experiment is missing"),
        ([*given, "--split=tst"], 'no split "tst"; it has test, train, val'),
        ([*given, "--limit=0"], "--limit must be at least 1, not 0."),
        ([*given, "--scales", "x"], "--scales x must be numbers above 0"),
        ([*given, "--protocol=wole"], 'No protocol "wole" here. Did you mean "whole"?'),
        ([*given[:2], f"--data_dir={tmp_path / 'no'}"], "There is no folder"),
    ):
        assert main(["evaluate", *words]) == 2
        assert wanted in capsys.readouterr().err, words


def test_the_table_lines_up():
    facts = {
        "classes": [
            {"name": "a", "iou": 0.5, "accuracy": None, "pixels": 10},
            {"name": "long name", "iou": None, "accuracy": 1.0, "pixels": 200},
        ],
        "scores": {"all": {"mIoU": 0.25, "mAcc": 0.5, "allAcc": 1.0, "fwIoU": 0.75}},
        "mean_iou_definition": "present",
    }
    assert table(facts).splitlines() == [
        "class         IoU  accuracy        pixels",
        "a           50.00         -            10",
        "long name       -    100.00           200",
        "mean IoU 25.00, mean accuracy 50.00, pixel accuracy 100.00, weighted IoU 75.00 "
        "(definition all)",
    ]


def test_every_protocol_of_the_evaluation_may_be_asked_for():
    for name in PROTOCOLS:
        given = {"base_size": 8, "crop": (8, 8)} if name in ("semseg", "matlab") else {}
        given = {"crop": (8, 8)} if name == "lfp" else given
        Protocol(name, **given | ({"min_size": (8, 8)} if name == "tf1_whole" else {}))
