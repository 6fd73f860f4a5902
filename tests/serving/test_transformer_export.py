"""Exports with the Feature Pyramid Transformer: `evaluate`'s answers, in bounded memory."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from small_detector import EVALUATION, small_detector
from small_network import random_images, small_network

from lfp_tf.images.decode import encode_png, read_labels
from lfp_tf.serving import export as serving
from lfp_tf.serving.export import ServedForm
from lfp_tf.serving.limits import Limits
from lfp_tf.tasks.detection import prediction as detection
from lfp_tf.tasks.detection import signatures as of_objects
from lfp_tf.tasks.segmentation import prediction as segmentation
from lfp_tf.tasks.segmentation import signatures as of_labels

SIZES = ((60, 41), (33, 80))
DETECTOR = {
    "decoder": "bfp", "transformer": "paper", "box_head": "all_levels_4conv1fc",
    "mask_head": "all_levels_fc", "head_norm": "group_norm",
}  # fmt: skip
SEGMENTER = {
    "model": {
        "depth": 50, "blocks": [1, 1, 1, 1], "width": 0.125, "pyramid_dim": 16,
        "head_channels": 16, "aux_channels": 8,
    },
    "train_data": {"crop": [41, 41]},
}  # fmt: skip
PROTOCOL = detection.Protocol(**EVALUATION)
# Loads an export without this library and prints the bytes that one image of a size adds.
PROGRAM = """
import resource, sys
import numpy as np, tensorflow as tf

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

loaded = tf.saved_model.load(sys.argv[1])
image = np.random.RandomState(0).randint(0, 256, [1, *map(int, sys.argv[2:]), 3], np.uint8)
before = peak()
loaded.signatures["images"](images=tf.constant(image))
print(peak() - before)
"""


@pytest.fixture(
    scope="module",
    params=["paper", pytest.param("released_code", marks=pytest.mark.slow)],
)
def detector(request):
    return small_detector(**DETECTOR | {"transformer": request.param})


@pytest.fixture(
    scope="module",
    params=["ufp", *(pytest.param(n, marks=pytest.mark.slow) for n in ("ppm", "aspp"))],
)
def segmenter(request):
    return small_network(f"fpt_seg_{request.param}_resnet101_voc", changes={"task": SEGMENTER})


def exported(model, folder, signatures, protocol, *, optimize=True):
    return serving.export(
        model,
        folder,
        signatures=signatures,
        protocol=protocol,
        limits=Limits(),
        form=ServedForm(optimize=optimize),
    )


def served(place):
    graph = (place / "saved_model.pb").read_bytes()
    assert b"PyFunc" not in graph
    return tf.saved_model.load(str(place))


def test_a_detectors_export_gives_the_objects_of_evaluate(detector, tmp_path):
    detect = detection.array_function(detector, PROTOCOL)
    loaded = served(exported(detector, tmp_path, of_objects, PROTOCOL, optimize=False))
    for image in random_images(*SIZES):
        expected = detect(image)
        assert expected["count"] > 0
        answer = loaded.signatures["images"](images=image[None])
        for ours, name in (("scores", "scores"), ("masks", "masks"), ("count", "num_detections")):
            np.testing.assert_array_equal(answer[name][0], expected[ours], err_msg=name)
        np.testing.assert_array_equal(answer["boxes"][0], expected["boxes"][:, [1, 0, 3, 2]])
    data = tf.constant([encode_png(image) for image in random_images(*SIZES)])
    together = loaded.signatures["serving_default"](image_bytes=data)
    for number, image in enumerate(random_images(*SIZES)):
        np.testing.assert_array_equal(together["scores"][number], detect(image)["scores"])


@pytest.mark.slow
def test_folded_norms_of_a_detectors_export_change_roundings_alone(detector, tmp_path):
    detect = detection.array_function(detector, PROTOCOL)
    loaded = served(exported(detector, tmp_path, of_objects, PROTOCOL))
    for image in random_images(*SIZES):
        expected = detect(image)
        answer = loaded.signatures["images"](images=image[None])
        np.testing.assert_array_equal(answer["classes"][0], np.maximum(expected["labels"] - 1, 0))
        np.testing.assert_allclose(answer["scores"][0], expected["scores"], atol=1e-5)
        np.testing.assert_allclose(
            answer["boxes"][0], expected["boxes"][:, [1, 0, 3, 2]], atol=1e-3
        )  # of 80 pixels


def test_a_segmenters_export_gives_the_labels_of_evaluate(segmenter, tmp_path):
    protocol = segmentation.protocol_of(segmenter.recipe, name="whole")
    predict = segmentation.predictor(segmenter, protocol)
    loaded = served(exported(segmenter, tmp_path, of_labels, protocol))
    images = list(random_images(*SIZES))
    data = tf.constant([encode_png(image) for image in images])
    files = loaded.signatures["serving_default"](image_bytes=data)["labels_png"]
    for image, png in zip(images, files.numpy(), strict=True):
        expected = predict(tf.constant(image))
        answer = loaded.signatures["probabilities"](images=tf.constant(image[None]))
        np.testing.assert_allclose(answer["probabilities"][0], expected["probabilities"], atol=1e-5)
        np.testing.assert_array_equal(answer["labels"][0], expected["labels"])
        np.testing.assert_array_equal(read_labels(png), expected["labels"])


def added_bytes(place, size):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, place, *map(str, size)],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return int(done.stdout)


@pytest.mark.slow
def test_a_detectors_export_never_makes_a_matrix_of_cells_by_cells(tmp_path):
    protocol = detection.Protocol(**EVALUATION | {"short_side": 448, "max_size": 640})
    place = exported(small_detector(**DETECTOR), tmp_path, of_objects, protocol)
    # P2 has 17,920 cells, P3 4,480: four parts of a mixture are 1.3 GB, and there are several.
    assert added_bytes(place, (448, 640)) < 600e6


@pytest.mark.slow
def test_a_segmenters_export_never_makes_a_matrix_of_cells_by_cells(tmp_path):
    model = small_network("fpt_seg_ufp_resnet101_voc", changes={"task": SEGMENTER})
    protocol = segmentation.protocol_of(model.recipe, name="whole")
    place = exported(model, tmp_path, of_labels, protocol)
    # Each of the four levels has 10,000 cells and 2,500 keys: 400 MB for two matrices of two parts.
    assert added_bytes(place, (800, 800)) < 600e6
