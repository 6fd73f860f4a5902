"""The studies' configurations: words that are not known, and that what an experiment says counts."""

import pathlib

import pytest
from golden_cases import cases, changed

from lfp_tf.parity.maskx.experiments import resolved
from lfp_tf.parity.words import UnknownWord
from lfp_tf.recipes import experiments

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "maskx"
CASE = next(case for case in cases(GOLDEN) if case.kind == "experiments")
FILE = "bbox2mask_coco/nonvoc2voc/eval_sw/clsbox_2_layer.yaml"


def test_words_and_files_of_nobody_are_refused():
    with pytest.raises(UnknownWord, match='unknown word "file"'):
        resolved(changed(CASE, file=FILE))
    with pytest.raises(UnknownWord, match="files has eval_sw/no.yaml, which no experiment names"):
        resolved(changed(CASE, files=["eval_sw/no.yaml"]))


def test_each_configuration_is_of_one_experiment():
    originals = [experiments.read(name).about.get("original") for name in experiments.paths()]
    named = [file for file in originals if file and "/SET_" not in file]
    assert len(named) == len(set(named)) == 45
    # The two that are for tests alone have no training to compare.
    others = set(named) - set(CASE.config["files"])
    assert len(others) == 2 and all("/runtest_" in file for file in others)


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"transfer_layers": 3}},
        {"model": {"transfer_input": "glove"}},
        {"model": {"class_specific_masks": False}},
        {"trainable": "all"},
        {"mask_classes": ["voc"]},
        {"losses": {"weight_decay": 0.0}},
        {"train_data": {"max_size": 1000}},
    ],
)
def test_another_field_is_another_configuration(change, monkeypatch):
    read = experiments.read

    def changed_read(name):
        experiment = read(name)
        for key, value in change.items():
            task = experiment.config["task"]
            task[key] = task.get(key, {}) | value if isinstance(value, dict) else value
        return experiment

    case = changed(CASE, files=[FILE])
    expected = CASE.expected()[FILE]
    assert resolved(case)[FILE] == expected
    monkeypatch.setattr(experiments, "read", changed_read)
    assert resolved(case)[FILE] != expected
