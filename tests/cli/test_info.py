"""`lfp-tf info` prints a network's layers and sums, as tables or as JSON."""

import json

from lfp_tf.cli.main import main


def test_the_command_prints_tables_and_json(capsys):
    words = ["info", "--experiment", "pspnet18_scenes", "--input_size", "65,65"]
    assert main(words) == 0
    text = capsys.readouterr().out
    assert text.startswith("at 65x65") and "stage4_block2_conv2" in text
    assert main([*words, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert f"{facts['parameters']:,}" in text and f"{facts['multiply_adds']:,}" in text
    assert sum(part["parameters"] for part in facts["parts"].values()) == facts["parameters"]


def test_a_detector_is_told_by_its_parts(capsys):
    words = ["info", "--experiment", "maskrcnn_small_scenes", "--input_size", "64,64", "--json"]
    assert main(words) == 0
    facts = json.loads(capsys.readouterr().out)
    assert sum(part["parameters"] for part in facts["parts"].values()) == facts["parameters"]
    assert sum(p["multiply_adds"] for p in facts["parts"].values()) == facts["multiply_adds"]


def test_mistakes_are_sentences(capsys):
    assert main(["info"]) == 2
    assert "--experiment is missing" in capsys.readouterr().err
    assert main(["info", "--experiment", "pspnet18_scenes", "--input_size", "65"]) == 2
    assert "--input_size 65 must be HEIGHT,WIDTH" in capsys.readouterr().err
