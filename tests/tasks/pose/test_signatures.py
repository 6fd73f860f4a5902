"""An export for pose answers as the Python model does, with boxes and without."""

import types

import numpy as np
import pytest
import tensorflow as tf
from small_network import random_images
from small_people import NAMES, KnownNetwork, mixed_maps, same_maps, small_hourglass

from lfp_tf.errors import LfpError, graph_sentence
from lfp_tf.images.decode import encode_png
from lfp_tf.serving.limits import Limits
from lfp_tf.tasks.pose.prediction import Protocol, predictor
from lfp_tf.tasks.pose.results import of_export
from lfp_tf.tasks.pose.signatures import signature_functions, warmup_requests

SIZES = ((60, 41), (33, 80), (1, 1), (130, 9))
LIMITS = Limits(max_pixels=3000, max_batch=4)
BOX = [5.0, 10.0, 40.0, 30.0]


@pytest.fixture(scope="module")
def model():
    return small_hourglass()


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    """A SavedModel of the signatures."""
    folder = tmp_path_factory.mktemp("export") / "1"
    module = tf.Module()
    module.weights = model.variables
    functions = signature_functions(model, protocol=Protocol(flip=True), limits=LIMITS)
    signatures = {name: f.get_concrete_function() for name, f in functions.items()}
    tf.saved_model.save(module, str(folder), signatures=signatures)
    return folder


@pytest.fixture(scope="module")
def signatures(folder):
    loaded = tf.saved_model.load(str(folder))
    yield loaded.signatures
    del loaded


@pytest.fixture(scope="module")
def predict(model):
    return predictor(model, Protocol(flip=True))


def whole(image):
    return np.array([[0, 0, *image.shape[:2]]], np.float32)


def test_bytes_of_differing_sizes_give_the_python_models_joints(signatures, predict):
    images = list(random_images(*SIZES))
    data = tf.constant([encode_png(image) for image in images])
    answer = signatures["serving_default"](image_bytes=data)["keypoints"]
    assert answer.dtype == tf.float32 and answer.shape == (4, 14, 3)
    for image, joints in zip(images, answer, strict=True):
        np.testing.assert_array_equal(joints, predict(image, whole(image))[0])
    assert len(np.unique(answer[0, :, :2], axis=0)) > 3


def test_pixels_give_them_too(signatures, predict):
    (image,) = random_images(SIZES[0])
    batch = np.stack([image, image[:, ::-1]])
    answer = signatures["images"](images=tf.constant(batch))["keypoints"]
    for entry, joints in zip(batch, answer, strict=True):
        np.testing.assert_array_equal(joints, predict(np.array(entry), whole(entry))[0])


def test_boxes_choose_the_person(signatures, predict):
    (image,) = random_images(SIZES[0])
    boxes = np.float32([BOX, whole(image)[0]])
    expected = predict(image, boxes).numpy()
    assert np.abs(expected[0] - expected[1]).max() > 1
    answer = signatures["images_boxes"](images=np.stack([image, image]), boxes=boxes)["keypoints"]
    np.testing.assert_array_equal(answer, expected)
    data = tf.constant([encode_png(image)] * 2)
    answer = signatures["image_bytes_boxes"](image_bytes=data, boxes=boxes)["keypoints"]
    np.testing.assert_array_equal(answer, expected)


def test_the_export_runs_from_python(folder, predict):
    (image,) = random_images(SIZES[0])
    boxes = np.float32([BOX, whole(image)[0]])
    as_files = {"two": boxes[:, [1, 0, 3, 2]].tolist(), "none": [], "turned": [[10, 10, 30, 5]]}
    about, words = {"classes": NAMES, "protocol": {}}, types.SimpleNamespace(people="boxes.json")
    results = of_export(folder, about, words, as_files)
    np.testing.assert_array_equal(results.predict(image, "two")[1], predict(image, boxes))
    assert results.predict(image, "none")[1].shape == (0, 14, 3)
    with pytest.raises(LfpError, match="A box must be ymin, xmin, ymax, xmax"):
        results.predict(image, "turned")
    with pytest.raises(LfpError, match="cannot be loaded as a SavedModel of `lfp-tf export`"):
        of_export(folder.parent / "no", about, words, as_files)


def test_what_passes_the_limits_is_refused_in_a_sentence(signatures):
    def refusal(name, **inputs):
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            signatures[name](**inputs)
        return graph_sentence(caught.value)

    large = np.zeros((1, 60, 60, 3), np.uint8)
    box = tf.constant([BOX])
    expected = "The image has 60x60 pixels, but at most 3000 are served; send a smaller one."
    data = tf.constant([encode_png(large[0])])
    assert refusal("serving_default", image_bytes=data) == expected
    assert refusal("images", images=tf.constant(large)) == expected
    assert refusal("images_boxes", images=tf.constant(large), boxes=box) == expected
    assert refusal("image_bytes_boxes", image_bytes=data, boxes=box) == expected
    many = "The request has 5 images, at most 4 are served."
    assert refusal("images", images=tf.zeros([5, 2, 2, 3], tf.uint8)) == many
    small = tf.zeros([2, 50, 50, 3], tf.uint8)
    assert refusal("images_boxes", images=small, boxes=box) == (
        "The request has 1 boxes for 2 images; send one each, and an image twice for two people."
    )


@pytest.mark.parametrize(
    "box",
    [[5, 5, 5, 20], [5, 5, 20, 5], [5, np.nan, 20, 20], [-2e9, 0, 5, 5], [0, 0, np.inf, 5]],
)
def test_impossible_boxes_are_refused(signatures, box):
    with pytest.raises(tf.errors.InvalidArgumentError, match="A box must be ymin, xmin"):
        signatures["images_boxes"](
            images=tf.zeros([1, 30, 30, 3], tf.uint8), boxes=tf.constant([box], tf.float32)
        )


def test_a_box_that_reaches_far_out_is_served(signatures):
    box = tf.constant([[-500.0, -300.0, 90.0, 40.0]])
    answer = signatures["images_boxes"](images=tf.zeros([1, 30, 30, 3], tf.uint8), boxes=box)
    assert np.isfinite(answer["keypoints"]).all()


def test_warm_up_requests_run(signatures, model):
    for limits in (LIMITS, Limits()):
        asked = warmup_requests(model.recipe, limits)
        assert [name for name, _ in asked] == [
            *("serving_default", "serving_default", "images"),
            *("image_bytes_boxes", "image_bytes_boxes", "images_boxes"),
        ]
    for name, inputs in warmup_requests(model.recipe, LIMITS):
        inputs = {key: tf.constant(value) for key, value in inputs.items()}
        assert signatures[name](**inputs)["keypoints"].shape == (1, len(NAMES), 3)


def test_without_the_mirror_image_joints_differ():
    network = KnownNetwork(mixed_maps())
    (image,) = random_images(SIZES[0])
    plain, averaged = (
        signature_functions(network, protocol=Protocol(flip=flip), limits=LIMITS)["images"](
            image[None]
        )["keypoints"]
        for flip in (False, True)
    )
    expected = predictor(network, Protocol(flip=False))(image, whole(image))
    np.testing.assert_array_equal(plain, expected)
    assert np.abs(plain - averaged).max() > 1


def test_a_fixed_size_of_images_is_refused():
    network = KnownNetwork(same_maps()[0])
    with pytest.raises(LfpError, match="--input_size is for segmentation; .* people at 64 x 64"):
        signature_functions(
            network, protocol=Protocol(flip=False), limits=Limits(input_size=(64, 64))
        )
