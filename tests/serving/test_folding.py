"""Batch norm folded into convolutions gives what the network gives, whatever the network."""

import numpy as np
import pytest
import tensorflow as tf
from small_network import stirred

from lfp_tf.models.catalog import build_network
from lfp_tf.recipes.recipe import Recipe
from lfp_tf.serving.network import convolutions_with_norms, served_network, served_variables

SMALL = {"blocks": [1, 1, 1, 1], "width": 0.125}
HOURGLASS = {"classes": 3, "features": 16, "base_width": 4, "cardinality": 2}
NETWORKS = {
    "pspnet": ("pspnet", {"classes": 3, "depth": 18, "width": 0.125, "aux_head": False}, 33),
    "mobilenet": (
        "pspnet",
        {"classes": 3, "backbone": "mobilenet_v2", "width": 0.35, "aux_head": False},
        33,
    ),
    "dilated convolutions with biases": (
        "lfp_segmentation",
        SMALL | {"classes": 3, "scales": [0.5]},
        65,
    ),
    "pyramid PSPNet": (
        "pspnet",
        {"classes": 3, "backbone": "pyramid_resnet", "width": 0.125, "aux_head": False},
        65,
    ),
    "hourglass without pyramids": ("hourglass", HOURGLASS | {"stacks": 2, "pyramid": False}, 64),
    **{
        f"hourglass {variant}": ("hourglass", HOURGLASS | {"stacks": 1, "variant": variant}, 64)
        for variant in "ABCD"
    },
}


def drawn(name, options, side):
    """A network whose norms have seen something; one for a known size builds in half the time."""
    options = options | {"input_shape": (side, side, 3)}
    model = stirred(build_network(name, **options))
    model.recipe = Recipe(
        *("none", "none", name, options, "none", (64, 64), ["a", "b", "c"], [], {}, "none"),
    )
    return model


@pytest.mark.parametrize("case", NETWORKS)
def test_the_served_network_is_the_network(case):
    name, options, side = NETWORKS[case]
    model = drawn(name, options, side)
    images = tf.random.stateless_normal([1, side, side, 3], [1, 2])
    expected = model(images, training=False)
    folded = served_network(model, optimize=True)
    assert any(getattr(norm, "is_folded", False) for _, norm in convolutions_with_norms(folded))
    assert len(served_variables(folded)) < len(folded.variables)
    for served in (folded, served_network(model, optimize=False)):
        outputs = served(images, training=False)
        for output in outputs:
            largest = float(tf.reduce_max(tf.abs(expected[output])))
            np.testing.assert_allclose(outputs[output], expected[output], atol=1e-5 * largest)


def test_a_convolution_that_others_read_too_is_left_alone():
    import tf_keras

    from lfp_tf.layers.batch_norm import BatchNorm

    images = tf_keras.Input((8, 8, 3))
    x = tf_keras.layers.Conv2D(4, 1)(images)
    y = BatchNorm()(x) + x
    assert convolutions_with_norms(tf_keras.Model(images, y)) == []
