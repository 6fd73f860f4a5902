"""A classifier sees the middle of an image, as large as its recipe says."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from small_classifier import CROP, random_image, small_classifier

from lfp_tf.data.classification.augmentations import centre
from lfp_tf.errors import LfpError
from lfp_tf.ops.preprocessing import preprocess
from lfp_tf.tasks.classification.prediction import (
    Protocol,
    classifier,
    is_strip,
    middle,
    predictor,
    protocol_of,
)


@pytest.fixture(scope="module")
def model():
    return small_classifier()


def with_shortest(recipe, shortest):
    return dataclasses.replace(recipe, evaluation={"shortest": shortest})


def test_the_shorter_side_is_the_recipes(model):
    # 74 to 65 is what 256 is to 224.
    assert protocol_of(model.recipe) == Protocol(crop=65, shortest=74)
    assert protocol_of(with_shortest(model.recipe, 90)) == Protocol(crop=65, shortest=90)
    with pytest.raises(LfpError, match="shortest is 64, but the crop has 65 pixels per side"):
        protocol_of(with_shortest(model.recipe, 64))


def test_a_protocol_is_told_as_plain_values():
    assert Protocol(crop=65, shortest=74).describe() == {
        "name": "middle", "shortest": 74, "crop": [65, 65],
    }  # fmt: skip


@pytest.mark.parametrize("shortest", [74, 90])
def test_probabilities_are_those_of_the_middle(model, shortest):
    protocol, image = Protocol(crop=65, shortest=shortest), tf.constant(random_image(3))
    shown = centre(image, shortest=shortest, size=CROP)
    np.testing.assert_array_equal(middle(protocol, image), shown)
    logits = model(preprocess(shown[None], "imagenet_bgr"), training=False)["logits"]
    expected = tf.nn.softmax(logits)[0]
    np.testing.assert_allclose(predictor(model, protocol)(image), expected, atol=1e-5)
    np.testing.assert_allclose(classifier(model)(shown[None])[0], expected, atol=1e-5)


def test_strips_are_those_of_more_than_fifty_to_one():
    assert [is_strip(*size) for size in ((1, 50), (50, 1), (1, 51), (51, 1))] == [
        *(False, False),
        *(True, True),
    ]
