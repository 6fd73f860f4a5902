"""What others wrote as JSON or YAML: plain values come out, or one reason why not."""

import json
import math
import pathlib

import pytest

from lfp_tf.cli.main import main
from lfp_tf.data.description import FORMAT, read_dataset
from lfp_tf.documents import load_json, parse_yaml
from lfp_tf.errors import LfpError
from lfp_tf.training.best import best_info
from lfp_tf.training.own_checkpoints import task_fields

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 2001-12-14", "2001-12-14 is read as date; quote it if it is meant as a text"),
        ("? 2001-12-14\n: 1", "2001-12-14 is read as date; quote it if it is meant as a text"),
        ("a: 2001-99-99", "a value is not what it is read as (ValueError: month must be in 1..12)"),
        (
            "a: !!int ''",
            "a value is not what it is read as (IndexError: string index out of range)",
        ),
        ("a: !!bool maybe", "a value is not what it is read as (KeyError: 'maybe'); quote a text"),
        ("a: !!timestamp x", "a value is not what it is read as (AttributeError: "),
        ("a: !!omap [b: 1]", "('b', 1) is read as tuple; quote it if it is meant as a text"),
        ("a: !!set {b}", "{'b'} is read as set; quote it if it is meant as a text"),
        ("a: !!python/name:os.system b", "line 1: could not determine a constructor for the tag"),
        ("a: " + "[" * 3000, "it nests too deep"),
        ("a: &b [*b]", "a value holds itself"),
        (BOMB, "it holds more than 100000 values"),
        ("a: \x01", "unacceptable character #x0001: special characters are not allowed"),
        ("a: *b", "line 1: found undefined alias 'b'"),
        ("a: 1\n---\nb: 2", "line 2: but found another document"),
    ],
)
def test_what_is_no_yaml_of_plain_values_is_told(text, reason):
    with pytest.raises(ValueError) as caught:
        parse_yaml(text)
    assert str(caught.value).startswith(reason) and "\n" not in str(caught.value)


def test_json_that_nests_too_deep_and_huge_numbers(tmp_path):
    (tmp_path / "a.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="it nests too deep"):
        load_json(tmp_path / "a.json")
    (tmp_path / "a.json").write_text(f"[12, -7, {'9' * 6000}]")
    assert load_json(tmp_path / "a.json") == [12, -7, math.inf]


@pytest.mark.parametrize("text", ["a: 2001-12-14", "a: !!int ''", "a: " + "[" * 3000, BOMB])
def test_a_command_answers_with_the_files_name(tmp_path, capsys, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    words = ["--experiment=pspnet18_scenes", "--mode=train", f"--model_dir={tmp_path / 'run'}"]
    assert main(["train", *words, f"--config_file={path}"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"--config_file {path} is not YAML of plain values: ")


def test_a_yaml_that_failed(tmp_path, capsys):
    path = pathlib.Path("/work/shared/faults/date.yaml")
    if not path.exists():
        pytest.skip("the shared faults are not here")
    assert main(["train", "--experiment=pspnet18_scenes", f"--config_file={path}"]) == 2
    assert capsys.readouterr().err.startswith(f"--config_file {path} is not YAML of plain values: ")


DATASET = {
    "format": FORMAT,
    "format_version": 2,
    "name": "letters",
    "classes": ["a", "b"],
    "colors": [[0, 0, 0], [1, 1, 1]],
    "ignore_label": 255,
    "tasks": ["segmentation"],
    "splits": {"train": {"count": 1, "same_size": True, "label_pixels": [1, 2]}},
}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"format_version": None}, "format_version"),
        ({"name": 3}, "name"),
        ({"classes": None}, "classes"),
        ({"classes": [1, 2]}, "classes"),
        ({"colors": [[0, 0], [1, 1]]}, "colors"),
        ({"colors": {}}, "colors"),
        ({"ignore_label": "x"}, "ignore_label"),
        ({"tasks": [1]}, "tasks"),
        ({"splits": {"train": {}}}, "splits"),
        ({"splits": []}, "splits"),
    ],
)
def test_a_changed_dataset_json_is_told_by_its_field(tmp_path, change, field):
    (tmp_path / "dataset.json").write_text(json.dumps(DATASET))
    assert read_dataset(tmp_path)["classes"] == ["a", "b"]
    (tmp_path / "dataset.json").write_text(json.dumps(DATASET | change))
    with pytest.raises(LfpError, match=rf"dataset\.json does not tell {field} as lfp-tf writes it"):
        read_dataset(tmp_path)


@pytest.mark.parametrize("field", sorted(DATASET.keys() - {"format", "tasks"}))
def test_a_missing_field_of_dataset_json_is_told(tmp_path, field):
    left = {key: value for key, value in DATASET.items() if key != field}
    (tmp_path / "dataset.json").write_text(json.dumps(left))
    with pytest.raises(LfpError, match=rf"does not tell {field} as lfp-tf writes it"):
        read_dataset(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "[1]", "task: 3", "task: {model: {}}", "a: 2001-99-99", "[" * 999]
)
def test_changed_fields_of_a_run_are_told(tmp_path, text):
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(LfpError, match=r"params\.yaml does not tell its network: it is damaged or"):
        task_fields(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"step": 1, "metric": "m", "value": []}'])
def test_a_changed_note_of_the_best_checkpoint_is_told(tmp_path, text):
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "info.json").write_text(text)
    with pytest.raises(LfpError, match=r"info\.json does not tell the best checkpoint \("):
        best_info(tmp_path)
