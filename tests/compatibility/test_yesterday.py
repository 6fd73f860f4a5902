"""What release 0.1.0 wrote, before rooms were laid out by task, works: a run, records, an export
and a converted network of each task, a saved Keras model, and the command lines of its pages."""

import importlib
import json
import pathlib
import shlex
import shutil

import numpy as np
import pytest
import tiny
from PIL import Image

HERE = pathlib.Path(__file__).parent / "v0_1_0"
RUNS = {run["task"]: run for run in json.loads((HERE / "runs.json").read_text())}


@pytest.fixture
def copy(tmp_path, request):
    """The folder of a task, in the place where its relative paths lead."""
    shutil.copytree(HERE / request.param, tmp_path / request.param)
    return tmp_path, RUNS[request.param]


@pytest.mark.parametrize("copy", RUNS, indirect=True)
def test_a_stopped_run_goes_on_to_the_same_numbers(copy):
    folder, run = copy
    task = run["task"]
    done = tiny.command(
        "train",
        f"--experiment={run['experiment']}",
        f"--data_dir={task}/records",
        f"--model_dir={task}/run",
        f"--params_override={run['params_override']}",
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    assert "going on from step 2 of 6" in done.stderr
    lines = (folder / task / "run" / "history.jsonl").read_text().splitlines()
    ours = [json.loads(line) for line in lines]
    assert [entry["step"] for entry in ours] == [entry["step"] for entry in run["whole"]]
    for mine, theirs in zip(ours, run["whole"], strict=True):
        for name, value in theirs.items():
            if name != "seconds":
                # Another processor adds up in another order.
                np.testing.assert_allclose(mine[name], value, rtol=2e-4, err_msg=name)


@pytest.mark.parametrize("copy", RUNS, indirect=True)
def test_its_params_are_a_config_file(copy):
    folder, run = copy
    done = tiny.command(
        "train",
        f"--experiment={run['experiment']}",
        f"--config_file={run['task']}/run/params.yaml",
        "--print_config",
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    assert "train_steps: 6" in done.stdout


@pytest.mark.parametrize("copy", RUNS, indirect=True)
def test_an_export_predicts(copy):
    folder, run = copy
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    Image.fromarray(image).save(folder / "street.png")
    done = tiny.command(
        *("predict", "--saved_model", f"{run['task']}/export", "street.png", "--out", "seen"),
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads((folder / "seen" / "street.json").read_text())
    assert facts["height"] == 48 and "protocol" in facts


def test_a_converted_network_evaluates_on_old_records(tmp_path):
    done = tiny.command(
        *("evaluate", "--experiment", "pspnet18_scenes", "--out", tmp_path),
        *("--checkpoint", HERE / "segmentation" / "converted"),
        *("--data_dir", HERE / "segmentation" / "records"),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "metrics.json").read_text())["scores"]["all"]["mIoU"] > 0


def test_a_saved_keras_model_loads_and_gives_its_numbers():
    import tf_keras

    # As its owner does, who imports what it was built from.
    importlib.import_module("lfp_tf.models.pspnet")
    model = tf_keras.models.load_model(HERE / "segmentation" / "model.keras")
    kept = np.load(HERE / "segmentation" / "model_logits.npz")
    np.testing.assert_allclose(model(kept["images"])["logits"], kept["logits"], atol=2e-5)


@pytest.mark.parametrize("line", (HERE / "commands.txt").read_text().splitlines())
def test_a_command_line_is_understood(line):
    import argparse

    words = shlex.split(line)
    verb = {"train.py": "train", "export/export_saved_model.py": "export"}.get(words[1], words[1])
    parser = argparse.ArgumentParser(allow_abbrev=False, exit_on_error=False)
    importlib.import_module(f"lfp_tf.cli.{verb}").add_arguments(parser)
    parser.parse_args(words[2:])
