"""From images to objects: images of any size, scaled and filled up as told; edges in the image."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from small_detector import EVALUATION, KnownDetector, recipe, small_detector
from small_network import random_images

from lfp_tf.ops.preprocessing import preprocess
from lfp_tf.tasks.detection.prediction import (
    Protocol,
    array_function,
    detector,
    masks_in_boxes,
    network_input,
    predictor,
    protocol_of,
)

PROTOCOL = Protocol(**EVALUATION)


@pytest.fixture(scope="module")
def model():
    return small_detector()


@pytest.fixture(scope="module")
def detect(model):
    return array_function(model, PROTOCOL)


def test_the_recipe_says_how_images_are_scaled_and_the_user_wins():
    assert protocol_of(recipe()) == PROTOCOL
    own = protocol_of(recipe(), short_side=48, max_size=None)
    assert own == dataclasses.replace(PROTOCOL, short_side=48)
    assert own.describe() == {"name": "detection"} | EVALUATION | {"short_side": 48}


def test_only_what_decides_detections_goes_to_the_network():
    inference = Protocol(nms=0.3, limit=7, score_threshold=0.2, pre_nms=5).inference
    assert (inference.nms, inference.limit) == (0.3, 7)
    assert (inference.score_threshold, inference.pre_nms) == (0.2, 5)
    assert not hasattr(inference, "short_side")


@pytest.mark.parametrize(
    ("size", "scale", "scaled", "padded"),
    [
        ((33, 41), 64 / 33, (64, 80), (64, 96)),
        # 47 * 64 / 31 = 97.03, so the long side decides.
        ((47, 31), 96 / 47, (96, 63), (96, 64)),
        ((1, 1), 64, (64, 64), (64, 64)),
        ((64, 96), 1, (64, 96), (64, 96)),
        ((700, 640), 0.1, (70, 64), (96, 64)),
        # A strip keeps a pixel.
        ((1, 300), 96 / 300, (1, 96), (32, 96)),
    ],
)
def test_images_are_scaled_and_filled_up_as_told(size, scale, scaled, padded):
    image = tf.fill([*size, 3], tf.constant(90, tf.uint8))
    inputs = network_input(image, PROTOCOL, KnownDetector({}), "none")
    images, info = inputs["images"], inputs["info"]
    assert images.shape == (1, *padded, 3)
    assert inputs["sizes"].numpy().tolist() == [list(scaled)]
    np.testing.assert_allclose(info[0], [*scaled, scale, *size], rtol=1e-6)
    np.testing.assert_allclose(images[0, : scaled[0], : scaled[1]], 90, rtol=1e-5)
    assert not images[0, scaled[0] :].numpy().any() and not images[0, :, scaled[1] :].numpy().any()


def test_what_fills_up_may_hold_proposals_where_the_conventions_say_so():
    network = KnownDetector({})
    network.conventions.clips_to_padding = True
    info = network_input(tf.zeros([33, 41, 3], tf.uint8), PROTOCOL, network, "none")["info"]
    assert info[0, :2].numpy().tolist() == [64, 96]


def test_the_preprocessing_comes_before_the_filling():
    """Zeros of the network's input are the mean colour, not black."""
    (image,) = random_images((64, 65))
    images = network_input(tf.constant(image), PROTOCOL, KnownDetector({}), "torch")["images"]
    expected = preprocess(tf.cast(image, tf.float32)[None], "torch")
    np.testing.assert_allclose(images[:, :64, :65], expected, atol=1e-5)
    assert not images[:, :, 65:].numpy().any()


@pytest.mark.parametrize("pixel", [0.0, 1.0])
def test_boxes_are_edges_whatever_the_network_counts(pixel):
    answers = {(20, 30): [((2.0, 3.0, 12.0, 9.0), 1, 0.9), ((0.0, 0.0, 30.0, 20.0), 3, 0.5)]}
    network = KnownDetector(answers, pixel=pixel)
    found = array_function(network, PROTOCOL)(np.zeros((20, 30, 3), np.uint8))
    assert found["count"] == 2 and found["labels"][:3].tolist() == [1, 3, 0]
    np.testing.assert_array_equal(found["boxes"][:2], [[2, 3, 12, 9], [0, 0, 30, 20]])
    # What fills up is zero, with edges too.
    assert not found["boxes"][2:].any() and not found["masks"][2:].any()


def test_it_is_the_network_called_by_hand(model, detect):
    (image,) = random_images((50, 71))
    inputs = network_input(tf.constant(image), PROTOCOL, model, model.recipe.preprocess)
    outputs = model.objects(inputs, PROTOCOL.inference, training=False)
    found = detect(image)
    assert found["count"] == outputs["counts"][0] > 3
    for name in ("scores", "boxes", "masks"):
        # Without a graph sums are rounded otherwise.
        np.testing.assert_allclose(found[name], outputs[name][0], atol=1e-4)
    np.testing.assert_array_equal(found["labels"], outputs["labels"][0])


@pytest.mark.parametrize(
    "size", [(33, 41), (1, 1), (2, 2), (1, 90), (90, 1), (1, 300), (7, 200), (130, 129)]
)
def test_images_of_any_size_have_their_objects_inside(detect, size):
    (image,) = random_images(size)
    found = detect(image)
    count, (height, width) = int(found["count"]), size
    boxes = found["boxes"][:count]
    assert found["boxes"].shape == (10, 4) and found["masks"].shape == (10, 28, 28)
    assert (boxes >= 0).all() and (boxes[:, 2:] <= np.float32([width, height]) + 1e-4).all()
    assert (boxes[:, 2:] >= boxes[:, :2]).all()
    assert (np.diff(found["scores"][:count]) <= 0).all() and (found["scores"][:count] > 0.05).all()
    assert set(found["labels"][:count]) <= {1, 2, 3}
    assert ((found["masks"] >= 0) & (found["masks"] <= 1)).all()
    for values in (found["boxes"], found["scores"], found["labels"], found["masks"]):
        assert np.isfinite(values).all() and not values[count:].any()


def test_one_trace_serves_every_size_and_every_kind_of_numbers(model):
    function = predictor(model, PROTOCOL)
    for image in random_images((33, 41), (60, 20)):
        found = function(image)
        exact = detector(model, PROTOCOL, model.recipe.preprocess)(tf.cast(image, tf.float32))
        np.testing.assert_allclose(found["scores"], exact["scores"], atol=1e-5)
    assert function.experimental_get_tracing_count() == 1


def test_a_score_and_a_number_of_objects_bound_what_is_found(model, detect):
    (image,) = random_images((50, 71))
    found = detect(image)
    count = int(found["count"])
    threshold = float(found["scores"][:count].mean())
    strict = dataclasses.replace(PROTOCOL, score_threshold=threshold)
    fewer = array_function(model, strict)(image)
    assert fewer["count"] == (found["scores"] > threshold).sum() < count
    two = array_function(model, dataclasses.replace(PROTOCOL, limit=2))(image)
    assert two["count"] == 2 and two["boxes"].shape == (2, 4)
    np.testing.assert_array_equal(two["scores"], found["scores"][:2])


def test_masks_of_given_boxes_are_those_of_the_detections(model, detect):
    (image,) = random_images((50, 71))
    found = detect(image)
    count = int(found["count"])
    masks = masks_in_boxes(model, PROTOCOL)(
        tf.constant(image),
        tf.constant(found["boxes"][:count]),
        tf.constant(found["labels"][:count]),
    )
    # Called by hand, without a graph, sums are rounded otherwise.
    np.testing.assert_allclose(masks, found["masks"][:count], atol=1e-4)
