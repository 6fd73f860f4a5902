"""Batch norm folded into convolutions gives what the network gives, whatever the network."""

import numpy as np
import pytest
import tensorflow as tf
from small_network import stirred

from lfp_tf.checkpoints.variables import variables_by_name
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


@pytest.mark.parametrize("source", ["cls", "cls+box", "random"])
def test_predicted_masks_are_served_as_a_plain_network(source):
    """T is evaluated once: the served network has a kernel a class, and no layer of T."""
    options = {
        "classes": 5, "depth": 18, "width": 0.125, "pyramid_dim": 8, "box_dim": 16, "mask_dim": 4,
        "mask_convolutions": 1, "test_pre_nms": 50, "test_post_nms": 12, "detections": 5,
        "score_threshold": 0.0, "canonical_scale": 40.0, "transfer_input": source,
        "embedding_dim": 6, "mask_mlp": "1_layer",
    }  # fmt: skip
    model = build_network("rcnn", **options)
    rng = np.random.RandomState(0)
    for name, variable in variables_by_name(model).items():
        if name.startswith(("rpn", "box", "mask", "transfer", "class")):
            variable.assign(rng.normal(0, 0.3, variable.shape))
    model.recipe = Recipe(
        *("none", "none", "rcnn", options, "none", None, list("abcde"), [], {}, "none"),
    )
    served = served_network(model)
    names = variables_by_name(served)
    assert names["mask_logits/kernel"].shape == (1, 1, 4, 6)
    assert not any(name.startswith(("transfer", "class_embedding")) for name in names)
    inputs = {
        "images": tf.random.stateless_normal([1, 64, 96, 3], [1, 2]),
        "info": tf.constant([[64, 96, 1.0, 64, 96]], tf.float32),
    }
    expected, found = model(inputs, training=False), served(inputs, training=False)
    assert float(tf.math.reduce_std(expected["masks"])) > 1e-3
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-6, rtol=1e-5, err_msg=name)


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
