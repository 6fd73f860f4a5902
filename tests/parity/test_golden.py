"""Every golden case, through the runner that users call."""

import hashlib
import json
import pathlib
import shutil

import pytest

from lfp_tf.errors import LfpError
from lfp_tf.parity.runner import find_cases, run_case

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
# The originals' own numbers and words: a search and replace over the project must not reach them.
AS_GIVEN = {
    "lfp": "e92a37bab232022ae50f917fc45775fec5a1ed030cd26e645f71e80939e8ca15",
    "pspnet": "a5d759bf1d86b8cefa580ecac842a60153f65cb3d9338b1ae22f6bda329abfd2",
    "deeplabv2": "096a7222506ad36b2080d2b4ad8b01acb215408ead3e00c900e5b208351419e4",
}
# Deep networks of the same builders as shallower ones that stay: left out of the quick suite, as
# building one takes 3 to 12 seconds.
DEEP = {
    # Beside depth 50 of the same lineage; caffe101-eval-137 stays.
    "torch101-eval-145",
    "torch152-eval-73x89",
    "caffe101-voc-eval-89x185",
    "tf1-101-eval-96x128",
    # Beside the counts of depth 50, of 18 and 34, and of other numbers of classes.
    "parameters-101-c21",
    "parameters-152-c150",
    "count-v2-182",
    "count-pyramid101",
    "count-pyramid152",
    "count-plain152",
    "count-voc101",
    # Beside the body of depth 50, and detectors of it with a pyramid.
    "count-resnet101",
    "count-resnet152",
    "backbone-r50-gn-3x3",
    "detector-forward-r101-fpn",
    # Beside one and two stacks, and variants B and D; variant A has layers of its own here.
    "count-hourglass2-a",
    "count-hourglass8",
}
ALL = list(find_cases([GOLDEN], slow=True))
SLOW = [pair for pair in ALL if pair[1].entry.get("slow") or pair[1].id in DEEP]
QUICK = [pair for pair in ALL if pair not in SLOW]


@pytest.mark.parametrize(("system", "case"), QUICK, ids=[case.id for _, case in QUICK])
def test_case(system, case):
    outcome = run_case(system, case)
    if outcome.needs:
        pytest.skip(outcome.needs)
    assert outcome.problems == []


@pytest.mark.slow
@pytest.mark.parametrize(("system", "case"), SLOW, ids=[case.id for _, case in SLOW])
def test_slow_case(system, case):
    assert run_case(system, case).problems == []


def changed(tmp_path, change):
    """A golden folder with one case, changed."""
    folder = tmp_path / "pspnet"
    shutil.copytree(GOLDEN / "pspnet" / "arrays", folder / "arrays")
    shutil.copytree(GOLDEN / "pspnet" / "manifests", folder / "manifests")
    entries = json.loads((GOLDEN / "pspnet" / "cases.json").read_text())
    entry = next(e for e in entries if e["id"] == "schedule-torch-voc")
    change(entry)
    (folder / "cases.json").write_text(json.dumps([entry]))
    return run_case(*find_cases([folder])[0]).problems


@pytest.mark.parametrize("system", AS_GIVEN)
def test_cases_are_as_they_were_given(system):
    content = (GOLDEN / system / "cases.json").read_bytes()
    assert hashlib.sha256(content).hexdigest() == AS_GIVEN[system]


def test_a_wrong_number_fails(tmp_path):
    problems = changed(tmp_path, lambda entry: entry["config"].update(base_lr=0.011))
    assert "learning_rates: differs by" in problems[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: e["config"].update(warmup=3), 'unknown word "warmup"'),
        (lambda e: e["config"].update(schedule="step"), "schedule has the unknown value 'step'"),
        (lambda e: e.update(kind="backward"), 'unknown kind "backward"'),
    ],
)
def test_what_the_runner_does_not_know_is_a_failure_that_names_it(tmp_path, change, message):
    assert message in changed(tmp_path, change)[0]


def test_a_folder_of_another_system_is_refused(tmp_path):
    (tmp_path / "segnet").mkdir()
    (tmp_path / "segnet" / "cases.json").write_text("[]")
    with pytest.raises(LfpError, match="segnet is of no known system"):
        find_cases([tmp_path])
