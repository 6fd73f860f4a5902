"""The list of experiments needs no TensorFlow; one in full tells size and cost."""

import tiny

from lfp_tf.cli.experiments import table
from lfp_tf.cli.main import main
from lfp_tf.recipes import experiments


def test_the_list_has_every_experiment():
    lines = table().splitlines()
    assert lines[0].split() == [
        "experiment", "network", "dataset", "protocol", "published", "batch",
    ]  # fmt: skip
    assert [line.split()[0] for line in lines[1:]] == list(experiments.paths())
    line = next(line for line in lines if line.startswith("pspnet101_cityscapes"))
    assert "mIoU 78.63 single scale" in line and line.endswith("16")


def test_the_list_does_not_load_tensorflow():
    code = (
        "import sys; from lfp_tf.cli.main import main; main(['experiments']); "
        "assert not {'tensorflow', 'tf_keras', 'official'} & set(sys.modules)"
    )
    done = tiny.run("-c", code)
    assert done.returncode == 0, done.stderr


def test_one_in_full_tells_what_it_costs(capsys):
    assert main(["experiments", "pspnet18_scenes"]) == 0
    text = capsys.readouterr().out
    for line in (
        "PSPNet-18",
        "scenes, 8 classes",
        "73x257",
        "multiply-adds",
        "memory",
        "depth: 18",
    ):
        assert line in text, line
    assert "G per crop" in text and "A small PSPNet on drawn street scenes" in text


def test_a_misspelt_name_gets_its_nearest(capsys):
    assert main(["experiments", "pspnet18_scene"]) == 2
    assert 'Did you mean "pspnet18_scenes"?' in capsys.readouterr().err


def test_one_for_pose_tells_its_joints(capsys):
    assert main(["experiments", "hourglass_small"]) == 0
    text = capsys.readouterr().out
    assert "lsp, 14 joints" in text and "128x128" in text


def test_one_for_detection_tells_its_classes_and_its_usual_size(capsys):
    assert main(["experiments", "maskrcnn_small_scenes"]) == 0
    text = capsys.readouterr().out
    for line in ("Mask R-CNN, ResNet-18", "scenes, 3 classes", "128x512", "multiply-adds"):
        assert line in text, line
