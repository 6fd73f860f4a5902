"""`lfp-tf evaluate` for people: the table by joint, the two files, flags that are refused."""

import argparse
import json
import types

import pytest
from small_people import KnownNetwork, drawn_people, same_maps

from lfp_tf.cli import evaluate as command
from lfp_tf.cli import evaluate_pose
from lfp_tf.errors import LfpError
from lfp_tf.tasks.pose.evaluation import evaluate

EXPERIMENT = types.SimpleNamespace(name="small_pose", kind="pose")


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return drawn_people(tmp_path_factory.mktemp("people"))[0]


@pytest.fixture
def run(records, tmp_path, monkeypatch):
    """Runs the command's part for people with a network of known maps; returns it."""
    network = KnownNetwork(same_maps()[0])
    monkeypatch.setattr(evaluate_pose, "load", lambda arguments: network)

    def run(*words):
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        arguments = parser.parse_args([*words, "--experiment=small_pose"])
        evaluate_pose.evaluate(EXPERIMENT, records, tmp_path / "out", arguments)
        return network

    return run


def test_the_table_tells_every_joint_and_chance(run, records, tmp_path, capsys):
    network = run()
    said = capsys.readouterr()
    assert "small_pose: 4 people of" in said.err and "by pck (flip True, scales [1.0])" in said.err
    facts = json.loads((tmp_path / "out" / "metrics.json").read_text())
    lines = said.out.splitlines()
    assert lines[-2:] == [str(tmp_path / "out" / name) for name in ("report.html", "metrics.json")]
    assert lines[0].split() == ["joint", "right", "chance", "annotated"]
    for line, entry in zip(lines[1:15], facts["joints"], strict=True):
        rates = [f"{100 * entry[key]:.2f}" for key in ("rate", "chance")]
        assert line.split() == [entry["name"], *rates, str(entry["annotated"])]
    assert lines[15].startswith("head, group")
    mean = f"{100 * facts['scores']['mean']:.2f}"
    people = facts["scores"]["people"]
    assert lines[-3].startswith(f"PCK@0.2 {mean} over {people} people, chance ")
    found = evaluate(network, records, flip=True, score="pck")
    assert facts["people"][0]["right"] == found.right[0]


def test_what_the_user_says_wins_over_the_recipe(run, tmp_path, capsys):
    run("--scales", "0.9,1.1", "--limit", "2", "--split", "train")
    assert "2 people" in capsys.readouterr().err
    facts = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert facts["protocol"] == {"name": "person", "flip": True, "scales": [0.9, 1.1]}
    assert facts["split"] == "train" and len(facts["people"]) == 2


@pytest.mark.parametrize(
    "words",
    [
        ("--protocol", "whole"),
        ("--crf",),
        ("--crf_preset", "newest"),
        ("--second_softmax",),
        ("--window_batch", "2"),
    ],
)
def test_flags_of_segmentation_are_refused(run, words):
    with pytest.raises(LfpError, match=f"^{words[0]} is for segmentation; a network for pose"):
        run(*words)
