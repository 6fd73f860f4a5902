"""Images smaller than the fixed windows of a pyramid are padded, in Python and in an export alike."""

import numpy as np
import pytest
import tensorflow as tf
from small_network import random_images, small_network

from lfp_tf.ops.preprocessing import preprocess
from lfp_tf.ops.resize import resize_aligned
from lfp_tf.serving.limits import Limits
from lfp_tf.tasks.segmentation.prediction import least_side, network_logits, predictor, protocol_of
from lfp_tf.tasks.segmentation.signatures import signature_functions

# A crop of 65 has a map of 9.
MODEL = {"width": 0.125, "depth": 18, "pool_windows": [9, 4, 3, 1]}


def network(preset, **model):
    changes = {"task": {"model": MODEL | model, "train_data": {"crop": [65, 65]}}}
    return small_network("pspnet50_ade20k", preset=preset, changes=changes)


@pytest.fixture(scope="module", params=["caffe", "tf1"])
def windowed(request):
    return network(request.param)


def test_the_least_side_is_that_of_the_crop(windowed):
    assert list(windowed.recipe.options["pool_windows"]) == [9, 4, 3, 1]
    assert least_side(windowed.recipe.options) == 65
    assert least_side({"pooling": "adaptive", "pool_windows": []}) == least_side({}) == 1


@pytest.mark.parametrize("size", [(33, 41), (1, 90), (64, 65)])
def test_small_images_are_padded_with_the_mean_colour_at_the_bottom_and_on_the_right(
    windowed, size
):
    (image,) = random_images(size)
    outputs = predictor(windowed, protocol_of(windowed.recipe, name="whole"))(tf.constant(image))
    inputs = np.zeros((1, max(size[0], 65), max(size[1], 65), 3), np.float32)
    inputs[0, : size[0], : size[1]] = preprocess(image, windowed.recipe.preprocess)
    logits = windowed(inputs, training=False)["logits"]
    expected = tf.nn.softmax(logits)[0, : size[0], : size[1]]
    # A graph rounds otherwise than single operations, and these logits reach 80.
    np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-4)
    assert outputs["labels"].shape == size


def test_a_map_at_an_eighth_is_enlarged_before_the_padding_is_cut_off():
    model = network("caffe", zoom_factor=1)
    inputs = np.random.default_rng(0).normal(size=(1, 33, 41, 3)).astype(np.float32)
    padded = np.pad(inputs, [(0, 0), (0, 32), (0, 24), (0, 0)])
    maps = model(padded, training=False)["logits"]
    assert maps.shape[1:3] == (9, 9)
    expected = resize_aligned(maps, (65, 65))[:, :33, :41]
    np.testing.assert_allclose(network_logits(model)(inputs), expected, atol=1e-5)


def test_images_as_large_as_the_windows_are_left_alone(windowed):
    inputs = np.random.default_rng(0).normal(size=(1, 70, 65, 3)).astype(np.float32)
    expected = windowed(inputs, training=False)["logits"]
    np.testing.assert_array_equal(network_logits(windowed)(tf.constant(inputs)), expected)


def test_an_export_pads_as_python_does(windowed):
    protocol = protocol_of(windowed.recipe, name="whole")
    functions = signature_functions(windowed, protocol=protocol, limits=Limits())
    predict = predictor(windowed, protocol)
    for image in random_images((20, 30), (80, 70)):
        found = functions["probabilities"](tf.constant(image[None]))
        expected = predict(tf.constant(image))["probabilities"]
        np.testing.assert_allclose(found["probabilities"][0], expected, atol=1e-5)


@pytest.mark.parametrize("name", ["semseg", "matlab", "tf1_whole"])
def test_every_protocol_takes_small_images(windowed, name):
    (image,) = random_images((9, 14))
    outputs = predictor(windowed, protocol_of(windowed.recipe, name=name))(tf.constant(image))
    assert outputs["labels"].shape == (9, 14)
    assert np.isfinite(outputs.get("probabilities", outputs.get("scores"))).all()
