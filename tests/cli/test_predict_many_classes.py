"""`lfp-tf predict` with as many classes as Visual Genome has: names, colours, masks of a slice."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from small_detector import small_detector
from small_network import random_images

from lfp_tf.cli import predict
from lfp_tf.cli.main import main
from lfp_tf.images.decode import read_image
from lfp_tf.images.detections import draw_detections
from lfp_tf.images.palette import voc_colors

NUM_CLASSES = 3001
NAMES = [f"thing{number}.n.01" for number in range(NUM_CLASSES)]
# Classes, from 0, that the network is sure of.
SURE = (7, 255, 256, 3000)


@pytest.fixture(scope="module")
def model():
    """A small detector of 3001 classes whose masks are predicted from its boxes' weights."""
    model = small_detector(classes=NUM_CLASSES, transfer_input="cls+box")
    model.recipe.classes = NAMES
    layer = model.boxes.get_layer("box_classes")
    bias = np.zeros(NUM_CLASSES + 1, np.float32)
    bias[[label + 1 for label in SURE]] = 12.0
    layer.bias.assign(bias)
    return model


@pytest.fixture
def out(model, tmp_path, monkeypatch):
    """The folder of a prediction."""
    monkeypatch.setattr(predict, "load", lambda arguments: model)
    Image.fromarray(next(random_images((50, 70)))).save(tmp_path / "a.png")
    words = ["predict", str(tmp_path / "a.png"), "--experiment=maskrcnn_small_scenes"]
    words += [f"--checkpoint={tmp_path}", f"--out={tmp_path / 'out'}", "--least_score=0.05"]
    assert main(words) == 0
    return tmp_path / "out"


def test_objects_are_named_and_drawn(out, model, tmp_path):
    objects = json.loads((out / "a.json").read_text())["objects"]
    assert len(objects) == 10 and {one["label"] for one in objects} <= set(SURE)
    assert all(one["class"] == NAMES[one["label"]] for one in objects)
    assert all(one["segmentation"]["size"] == [50, 70] for one in objects)
    drawn = read_image(str(out / "a.overlay.png"))
    assert np.any(drawn != read_image(str(tmp_path / "a.png")))
    results = json.loads((out / "coco_results.json").read_text())
    assert {row["category_id"] for row in results} == {one["label"] + 1 for one in objects}


def test_every_class_can_be_drawn():
    image = np.full((20, 30, 3), 200, np.uint8)
    colors = voc_colors(NUM_CLASSES + 1)[1:]
    for label in (0, 255, 511, NUM_CLASSES - 1):
        drawn = draw_detections(image, [[2, 2, 25, 18]], [label], NAMES)
        assert np.any(np.all(drawn == colors[label], axis=-1))


def test_masks_are_those_of_the_kernels_of_all_classes(model):
    """Only classes that occur are predicted; each mask is that of its class's row of all rows."""
    features = tf.random.stateless_normal([4, 28, 28, 8], [0, 0])
    labels = tf.constant([3001, 8, 3001, 257])
    kernels = model.mask_kernels(tf.range(NUM_CLASSES + 1))
    expected = tf.einsum("rhwd,rd->rhw", features, tf.gather(kernels, labels))
    np.testing.assert_allclose(model.mask_logits(features, labels), expected, rtol=1e-4, atol=1e-5)
