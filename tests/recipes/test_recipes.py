"""Every recipe trains for two steps, narrow and at a small crop, on records of its own classes."""

import json
import math
import re

import numpy as np
import pytest
from small_recipes import run_of, small

from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.recipes import experiments, networks
from lfp_tf.training import devices

QUICK = (
    "pspnet101_kitti",
    "pspnet_mobilenetv2_camvid",
    "pspnet50_voc",
    "pspnet_folder",
    "deeplabv2_resnet101_cocostuff10k",
)
# Where small, MaskX R-CNN's studies of both depths are one, and sets of classes change no network.
ALL = [
    name
    for name in sorted(experiments.paths())
    if not re.search(r"^maskx_(resnet101|.*_nonvoc_|.*_split_(?!E1_A20B60))", name)
]


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in ALL]
)
def test_two_steps(name, tmp_path):
    params = small(name, tmp_path / "records")
    devices.set_precision(params.runtime)
    run = run_of(params, tmp_path / "run", "train_and_eval")
    logs = run.execute()
    assert run.step == 2 and 0.0 <= logs[params.trainer.best_checkpoint_eval_metric] <= 1.0
    lines = (tmp_path / "run" / "history.jsonl").read_text().splitlines()
    losses = [json.loads(line)["loss"] for line in lines if '"loss"' in line]
    assert len(losses) == 2 and all(math.isfinite(loss) for loss in losses)
    # What was trained is what another process loads; Keras lists frozen variables elsewhere.
    model, _ = networks.load(name, tmp_path / "run")
    loaded, trained = (variables_by_name(m) for m in (model, run.trainer.model))
    assert loaded.keys() == trained.keys()
    for key, variable in loaded.items():
        np.testing.assert_array_equal(variable, trained[key], err_msg=key)
