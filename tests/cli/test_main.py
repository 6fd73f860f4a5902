"""What a newcomer mistypes: one sentence, status 2, and TensorFlow never loaded."""

import subprocess
import sys

import pytest
import tiny

VERBS = (
    "experiments", "data", "train", "evaluate", "predict", "export", "convert", "inspect",
    "parity", "info",
)  # fmt: skip


def without_tensorflow(tmp_path, *words, program="lfp-tf"):
    """Runs a command where importing TensorFlow fails at once, as proof that nobody does."""
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('TensorFlow was imported')")
    entry = "run_command('train', None, program='train.py')" if program == "train.py" else "main()"
    code = f"import sys; sys.argv[0] = 'x'; from lfp_tf.cli.main import main, run_command; sys.exit({entry})"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        env={"PYTHONPATH": f"{tmp_path}:{tiny.ROOT}", "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_import_loads_no_tensorflow_and_is_quick():
    code = "import sys, time; t = time.process_time(); import lfp_tf; dir(lfp_tf); assert 'tensorflow' not in sys.modules; print(time.process_time() - t)"
    assert float(tiny.run("-c", code).stdout) < 0.3


@pytest.mark.parametrize("words", [["--help"], *[[verb, "--help"] for verb in VERBS]])
def test_help_comes_without_tensorflow(tmp_path, words):
    done = without_tensorflow(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout and (len(words) == 1 or "example" in done.stdout)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["evalute"], 'No sub-command "evalute". Did you mean "evaluate"?'),
        (["train", "--experiment=pspnet101_cityscape"], 'Did you mean "pspnet101_cityscapes"?'),
        (["train"], "--experiment is missing"),
        (["train", "--experiment=pspnet18_scenes", "--mode=trian"], 'No mode "trian". Did you mean "train"?'),
        (["train", "--experiment=pspnet18_scenes", "--preset=cafe"], 'No preset "cafe". Did you mean "caffe"?'),
        (["train", "--experiment=pspnet18_scenes", "--data_dir=none"], "There is no folder none"),
        (["train", "--experiment=pspnet18_scenes", "--init=none.pth"], "--init none.pth does not exist"),
        (["train", "--experiment=pspnet18_scenes", "--config_file=none.yaml"], "--config_file none.yaml does not exist"),
        (["train", "--experimnt=x"], 'lfp-tf train has no flag --experimnt. Did you mean "--experiment"? `lfp-tf train --help` lists them.'),
        (["export", "--export-dir", "o"], 'lfp-tf export has no flag --export-dir. Did you mean "--export_dir"? `'),
        (["data", "folder", "--zzzzzz"], "lfp-tf data has no flag --zzzzzz. `lfp-tf data --help` lists them."),
        (["predict", "x.png", "--out"], "lfp-tf predict: argument --out: expected one argument. See `lfp-tf predict --help`."),
        (["data", "cityscape", "--source", "."], "cityscapes"),
        (["data", "camvid", "--source", "none"], "none"),
        (["evaluate", "--experiment=pspnet18_scene", "--checkpoint=x"], 'Did you mean "pspnet18_scenes"?'),
        (["predict", "--experiment=pspnet18_scenes", "--checkpoint=none", "x.png", "--out=o"], "none"),
        (["convert", "none.pth", "--experiment=pspnet50_voc", "--out=o"], "none.pth"),
        (["inspect", "none.pth"], "none.pth"),
        (["parity", "none"], "none is no folder"),
        (["info", "--experiment=pspnet18_scene"], 'Did you mean "pspnet18_scenes"?'),
        (["export", "--experiment=pspnet18_scenes", "--checkpoint=none", "--export_dir=o"], "none"),
    ],
)  # fmt: skip
def test_a_wrong_word_is_answered_in_one_sentence(tmp_path, words, message):
    done = without_tensorflow(tmp_path, *words)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert "TensorFlow was imported" not in done.stderr


def test_the_merged_config_is_yaml_that_reads_back(tmp_path):
    import yaml

    done = tiny.run(
        tiny.ROOT / "train.py", "--experiment=pspnet101_voc", "--print_config",
        "--params_override=trainer.train_steps=7",
    )  # fmt: skip
    content = yaml.safe_load(done.stdout)
    assert content["trainer"]["train_steps"] == 7 and content["task"]["model"]["depth"] == 101


def test_tensorflows_chatter_is_filtered_and_the_rest_is_not():
    code = (
        "import os, sys; from lfp_tf.cli.quiet import filter_native_chatter as f; f();"
        "os.write(2, b'I0000 00:00:1.2 3 x.cc:1] chatter\\nE0000 00:00:1.2 3 x.cc:1] real\\nplain\\n');"
        "print('ours', file=sys.stderr)"
    )
    error = tiny.run("-c", code).stderr
    assert "chatter" not in error and "real" in error and "plain" in error and "ours" in error
