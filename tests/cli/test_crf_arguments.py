"""The flags of the CRF: what they make, and what they refuse before TensorFlow is loaded."""

import argparse
import os
import subprocess
import sys

import pytest
import tiny

from lfp_tf.cli.crf_arguments import add_crf_arguments, check_crf, crf_options, crf_processes
from lfp_tf.errors import LfpError
from lfp_tf.tasks.segmentation.crf import pydensecrf
from lfp_tf.tasks.segmentation.crf.crf import CrfOptions


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_crf_arguments(parser)
    return parser.parse_args(words)


def test_without_the_flag_there_is_none():
    check_crf(parsed())
    assert crf_options(parsed()) is None


def test_flags_change_the_preset():
    check_crf(parsed("--crf"))
    assert crf_options(parsed("--crf")) == CrfOptions()
    words = ["--crf", "--crf_preset=seed", "--crf_guide=wrapped_mean_subtracted"]
    words += ["--crf_class_threshold=0.01", "--crf_backend=numpy", "--crf_processes=3"]
    check_crf(parsed(*words))
    assert crf_options(parsed(*words)) == CrfOptions(
        pos_xy_std=3,
        bi_xy_std=49,
        bi_rgb_std=5,
        guide="wrapped_mean_subtracted",
        class_threshold=0.01,
        backend="numpy",
    )
    assert crf_processes(parsed(*words)) == 3


def test_the_number_of_processes_is_that_of_the_cores():
    assert crf_processes(parsed("--crf")) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--crf_preset=seed"], "--crf_preset says how the CRF is done; add --crf"),
        (["--crf_processes=2"], "--crf_processes says how the CRF is done; add --crf"),
        (["--crf", "--crf_preset=newst"], 'No preset "newst" of the CRF. Did you mean "newest"?'),
        (["--crf", "--crf_guide=wrapped_mean"], 'Did you mean "wrapped_mean_subtracted"?'),
        (["--crf", "--crf_class_threshold=2"], "class_threshold must be a probability from 0"),
        (["--crf", "--crf_backend=numpi"], 'Did you mean "numpy"?'),
        (["--crf", "--crf_processes=-1"], "--crf_processes must be 0 or more, not -1."),
    ],
)
def test_mistakes_are_sentences(words, message):
    with pytest.raises(LfpError) as error:
        check_crf(parsed(*words))
    assert message in str(error.value)


def test_a_backend_that_is_missing_is_told(monkeypatch):
    monkeypatch.setattr(pydensecrf, "is_installed", lambda: False)
    with pytest.raises(LfpError, match="pydensecrf needs the package pydensecrf2"):
        check_crf(parsed("--crf", "--crf_backend=pydensecrf"))


def test_mistakes_are_told_without_tensorflow(tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('TensorFlow was imported')")
    done = subprocess.run(
        [sys.executable, "-m", "lfp_tf.cli", "evaluate", "--crf", "--crf_preset=sed"],
        env={"PYTHONPATH": f"{tmp_path}:{tiny.ROOT}", "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert (
        done.stderr
        == 'No preset "sed" of the CRF. Did you mean "seed"? There are newest, seed, lfp.\n'
    )
