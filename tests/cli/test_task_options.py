"""The options of tasks in a command: each once, refused for other tasks and for exports."""

import argparse

import pytest
from words import parsed

from lfp_tf.cli.task_options import add_task_options, check_fixed_options, check_task_options
from lfp_tf.errors import LfpError
from lfp_tf.tasks.catalog import CLASSIFICATION, POSE, SEGMENTATION, TASKS, part

COMMANDS = ("evaluate", "predict", "export")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_every_option_of_every_task_once(command):
    parser = argparse.ArgumentParser()
    add_task_options(parser, command)
    values = vars(parser.parse_args([]))
    expected = {
        option.name: option.default
        for task in TASKS
        for option in part(task, "arguments").OPTIONS
        if command in option.commands
    }
    assert values == expected


@pytest.mark.parametrize("command", COMMANDS)
def test_defaults_are_taken_by_every_task(command):
    for task in TASKS:
        check_task_options(parsed(command), command, task)


@pytest.mark.parametrize("command", COMMANDS)
def test_an_option_says_what_it_is_and_its_default(command):
    parser = argparse.ArgumentParser()
    add_task_options(parser, command)
    for action in parser._actions[1:]:
        assert action.help and not action.help.endswith(".")


@pytest.mark.parametrize(
    ("command", "words", "task", "sentence"),
    [
        ("evaluate", ["--crf"], CLASSIFICATION, "--crf is for segmentation, but this network is for classification."),
        ("evaluate", ["--flip"], CLASSIFICATION, "--flip is for segmentation and pose, but this network is for classification."),
        ("evaluate", ["--window_batch=2"], POSE, "--window_batch is for segmentation, but this network is for pose."),
        ("predict", ["--people=a.json"], SEGMENTATION, "--people is for pose, but this network is for segmentation."),
        ("export", ["--flip"], POSE, "--flip is for segmentation, but this network is for pose."),
        ("export", ["--scales", "1"], POSE, "--scales is for segmentation, but this network is for pose."),
        ("export", ["--input_size=33,41"], CLASSIFICATION, "--input_size is for segmentation, but this network is for classification."),
    ],
)  # fmt: skip
def test_options_of_another_task_are_refused(command, words, task, sentence):
    with pytest.raises(LfpError) as caught:
        check_task_options(parsed(command, *words), command, task)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("words", [["--flip"], ["--crf"], ["--window_batch=2"], ["--scales", "1"]])
def test_the_tasks_own_options_pass(words):
    check_task_options(parsed("evaluate", *words), "evaluate", SEGMENTATION)


@pytest.mark.parametrize(
    "words", [["--protocol=whole"], ["--flip"], ["--scales", "1"], ["--second_softmax"]]
)
def test_what_an_export_has_fixed_is_refused(words):
    name = words[0].partition("=")[0]
    with pytest.raises(
        LfpError, match=f"^{name} is fixed in a SavedModel; leave it out with --sav"
    ):
        check_fixed_options(parsed("predict", *words), "predict")


def test_what_an_export_leaves_open_may_be_said():
    check_fixed_options(parsed("predict", "--long_side=9", "--crf", "--people=a"), "predict")
