"""Labels as Cityscapes' server takes them."""

import argparse

import numpy as np
import pytest
from PIL import Image

from lfp_tf.cli.items import find_items
from lfp_tf.cli.main import main
from lfp_tf.cli.predict_images import predict_images
from lfp_tf.data.datasets.label_maps import cityscapes_label_ids, cityscapes_to_label_ids
from lfp_tf.errors import LfpError
from lfp_tf.images.decode import read_labels
from lfp_tf.images.palette import class_table
from lfp_tf.tasks.segmentation.results import Results

# cityscapesScripts helpers/labels.py, in the order of the train ids.
LABEL_IDS = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]


def results_of(table):
    arguments = argparse.Namespace(
        long_side=None, crf=False, crf_processes=0, protocol=None, label_ids=True
    )
    labels = np.arange(20).reshape(4, 5) % 19
    return Results(lambda image: labels, lambda image: image, table, {}, arguments)


def test_every_train_id_becomes_its_label_id():
    assert cityscapes_to_label_ids(np.arange(19)).tolist() == LABEL_IDS
    assert cityscapes_to_label_ids(np.array([255])).tolist() == [0]
    np.testing.assert_array_equal(
        cityscapes_label_ids(cityscapes_to_label_ids(np.arange(19))), np.arange(19)
    )


def test_label_files_hold_label_ids(tmp_path):
    Image.new("RGB", (5, 4)).save(tmp_path / "a.png")
    items = find_items([str(tmp_path / "a.png")], tmp_path / "out")
    results = results_of(class_table("cityscapes"))
    assert predict_images(items, results, max_pixels=100) == 0
    labels = read_labels(str(tmp_path / "out/a.labels.png"))
    assert labels.ravel().tolist() == [*LABEL_IDS, 7]


def test_other_classes_are_refused(network, tmp_path, capsys):
    with pytest.raises(LfpError, match="the label ids of Cityscapes' 19 classes, which are not"):
        results_of(class_table("camvid"))
    _, folder = network
    Image.new("RGB", (41, 33)).save(tmp_path / "a.png")
    words = ["predict", str(tmp_path / "a.png"), "--experiment=pspnet18_scenes", "--label_ids"]
    assert main([*words, f"--checkpoint={folder}", f"--out={tmp_path / 'out'}"]) == 2
    assert "of this network; leave it out." in capsys.readouterr().err
    assert not (tmp_path / "out/a.labels.png").exists()
