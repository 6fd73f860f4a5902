"""Every command that a page, a help or a recipe tells runs as it stands, on small stand-ins.

Lines that need a camera, a screen, a network or a server are only parsed, by test_docs.py.
"""

import importlib
import pathlib
import re

import pytest
import stand_ins
from dataset_trees import IMAGE, save
from page_commands import PAGES, ROOT, command, fenced, lines_of, name_of

from lfp_tf.cli.main import SUB_COMMANDS
from lfp_tf.recipes import experiments

QUICK_PAGES = ("README.md",)
# Of a camera or a screen, which a test has not.
LIVE = ("--camera", "--live")


def sources():
    """(where, its lines, whether they run in the quick suite) of every place that has commands."""
    for page in PAGES:
        yield name_of(page), fenced(page), name_of(page) in QUICK_PAGES
    for verb in SUB_COMMANDS:
        text = importlib.import_module(f"lfp_tf.cli.{verb}").EXAMPLE
        yield f"{verb} --help", lines_of(text), True
    for path in sorted((ROOT / "experiments").glob("*/*.yaml")):
        head = "\n".join(re.findall(r"^# (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE))
        yield path.name, lines_of(head), False


def cases():
    """A case for each command, which is quick if one of its places is."""
    places = {}
    for where, lines, is_quick in sources():
        for line in lines:
            if command(line) and not any(word in line.split() for word in LIVE):
                places.setdefault(line, []).append((where, is_quick))
    for line, found in places.items():
        marks = [] if any(is_quick for _, is_quick in found) else [pytest.mark.slow]
        yield pytest.param(line, id=f"{found[0][0]}: {line}", marks=marks)


@pytest.fixture(autouse=True)
def small(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stand_ins.use_small(monkeypatch)


@pytest.mark.parametrize("line", list(cases()))
def test_documented_commands_run(line):
    assert stand_ins.run_line(line) == 0


def test_commands_of_every_kind_of_place_are_found():
    verbs = {
        where: {command(line)[0] for line in lines if command(line)}
        for where, lines, _ in sources()
    }
    assert {verb for verb in SUB_COMMANDS if verb in verbs[f"{verb} --help"]} == set(SUB_COMMANDS)
    headed = {path.name for path in experiments.paths().values()}
    assert headed <= {where for where, found in verbs.items() if "train" in found}
    assert verbs["README.md"] >= {"data", "train", "predict", "export"}


def printed(text):
    """The commands behind `next:` in what a command said, as a reader would paste them."""
    (block,) = re.findall(r"^next: (.*(?:\n      .*)*)", text, re.MULTILINE)
    return [line.strip() for line in block.splitlines()]


def runs(line, capfd):
    """Runs a line in the words of a shell; gives the commands that it printed."""
    capfd.readouterr()
    assert stand_ins.run(*command(line)) == 0, line
    return printed(capfd.readouterr().err)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("scenes", "data/NAME"),
        ("folder", "my data"),
        pytest.param("scenes", "my data", marks=pytest.mark.slow),
        pytest.param("folder", "data/NAME", marks=pytest.mark.slow),
    ],
)
def test_what_is_printed_as_next_runs_to_the_end(name, place, capfd):
    stand_ins.own_images(pathlib.Path("mine"))
    out = place.replace("NAME", name)
    source = " --source mine" if name == "folder" else ""
    training, listing = runs(f"lfp-tf data {name}{source} --out '{out}'", capfd)
    assert listing == "lfp-tf experiments"
    other_run = "" if place.startswith("data") else " --model_dir 'my run'"
    scoring, exporting = runs(training + other_run, capfd)
    assert ("--data_dir" in scoring) == bool(other_run)
    assert ("'my run'" in scoring) == ("'my run'" in exporting) == bool(other_run)
    assert stand_ins.run(*command(scoring)) == 0
    (prediction,) = runs(exporting, capfd)
    save(pathlib.Path("street.png"), IMAGE)
    prediction = prediction.replace("IMAGE...", "street.png")
    assert stand_ins.run(*command(prediction)) == 0
    assert pathlib.Path("predictions/street.labels.png").exists()


def test_what_convert_prints_as_next_runs(capfd):
    line = "lfp-tf convert old.pth --experiment deeplabv2_resnet101_cocostuff10k --out 'my net'"
    stand_ins.provide(*command(line))
    (scoring,) = runs(line, capfd)
    # Its data set has no val.
    assert "--checkpoint 'my net' --split test" in scoring
    stand_ins.provide(*command(scoring))
    assert stand_ins.run(*command(scoring)) == 0


@pytest.mark.slow
def test_what_training_with_a_preset_prints_keeps_it(capfd):
    line = "lfp-tf train --experiment pspnet50_voc --preset caffe"
    stand_ins.provide(*command(line))
    scoring, exporting = runs(line, capfd)
    assert "--preset caffe" in scoring and "--preset caffe" in exporting
    assert stand_ins.run(*command(scoring)) == 0
