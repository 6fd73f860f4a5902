"""`--protocol lfp` in evaluate and predict: published scales, the CRF in windows, the old defect."""

import json

import numpy as np
import pytest
import tiny
from PIL import Image

from lfp_tf.cli.main import main
from lfp_tf.tasks.segmentation.lfp_protocol import PUBLISHED_SCALES


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return tiny.make_records(tmp_path_factory.mktemp("records") / "scenes", train=1, val=1)


def evaluated(network, records, out, *words):
    given = ["evaluate", "--experiment=pspnet18_scenes", f"--checkpoint={network[1]}"]
    given += [f"--data_dir={records}", f"--out={out}", "--protocol=lfp", "--window_batch=4"]
    assert main([*given, *words]) == 0
    return json.loads((out / "metrics.json").read_text())


def test_the_published_scales_are_the_protocols_own(network, records, tmp_path):
    facts = evaluated(network, records, tmp_path)
    assert facts["protocol"]["name"] == "lfp" and facts["protocol"]["flip"] == "softmax"
    assert facts["protocol"]["scales"] == list(PUBLISHED_SCALES)
    assert "second_softmax" not in facts["protocol"] and "crf" not in facts["protocol"]


def test_the_crf_is_inside_and_the_defect_an_option(network, records, tmp_path, capsys):
    words = ["--crf", "--second_softmax", "--scales", "1"]
    facts = evaluated(network, records, tmp_path, *words)
    assert facts["protocol"]["second_softmax"] is True
    crf = facts["protocol"]["crf"]
    assert (crf["pos_w"], crf["bi_w"], crf["bi_xy_std"], crf["bi_rgb_std"]) == (4, 5, 49, 13)
    assert "without_crf" not in facts
    assert "then the dense CRF in every window" in capsys.readouterr().err


def test_predict_has_it_inside_too(network, tmp_path, capsys):
    random = np.random.RandomState(0)
    for name in ("a", "b"):
        image = random.randint(0, 256, (33, 41, 3), np.uint8)
        Image.fromarray(image).save(tmp_path / f"{name}.png")
    words = ["predict", "--experiment=pspnet18_scenes", f"--checkpoint={network[1]}", "--crf"]
    words += [str(tmp_path / "a.png"), str(tmp_path / "b.png"), f"--out={tmp_path / 'out'}"]
    assert main([*words, "--protocol=lfp", "--scales", "1"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_the_defect_is_of_this_protocol_alone(records, tmp_path, capsys):
    words = ["evaluate", "--experiment=pspnet18_scenes", f"--checkpoint={tmp_path}"]
    words += [f"--data_dir={records}", "--protocol=semseg", "--second_softmax"]
    assert main(words) == 2
    assert "--second_softmax is for --protocol lfp, not semseg." in capsys.readouterr().err
