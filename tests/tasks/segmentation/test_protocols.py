import functools
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from golden_cases import cases

from lfp_tf.errors import LfpError
from lfp_tf.tasks.segmentation.protocols import Protocol, probabilities

CASES = {
    case.id: case
    for case in cases(pathlib.Path(__file__).parents[2] / "golden" / "pspnet")
    if case.kind in ("evaluate_sliding", "evaluate_whole")
}


def stub(case):
    """The case's network: one 3x3 convolution."""
    weights, words = case.weights(), case.config["stub"]
    if words["padding"] == "same":
        kernel, bias, padding = weights["stub/weights"], weights["stub/biases"], "SAME"
    else:
        kernel = weights["stub.weight"].transpose(2, 3, 1, 0)
        bias, padding = weights["stub.bias"], [[0, 0], [1, 1], [1, 1], [0, 0]]
    return lambda x: tf.nn.conv2d(x, kernel, words["stride"], padding) + bias


def protocol_of(case, **more):
    words = case.config
    fields = ("flip", "scales", "base_size", "crop", "min_size")
    return Protocol(words["protocol"], **{f: words[f] for f in fields if f in words}, **more)


@pytest.mark.parametrize("name", CASES)
def test_golden_case_in_a_graph_of_unknown_size(name):
    case = CASES[name]
    run = functools.partial(
        probabilities,
        protocol_of(case, window_batch=3),
        stub(case),
        preprocess_name=case.config["preprocess"],
        classes=case.config["classes"],
    )
    graph = tf.function(run, input_signature=[tf.TensorSpec([None, None, 3], tf.float32)])
    got = graph(case.inputs()["image"][0])
    assert case.problems({key: value.numpy()[None] for key, value in got.items()}) == []


def linear_network(classes=3):
    """One pixel decides its own logits, so that windows and the whole image agree."""
    kernel = np.random.RandomState(5).normal(0, 0.02, (1, 1, 3, classes)).astype(np.float32)
    return lambda x: tf.nn.conv2d(x, kernel, 1, "VALID")


def random_image(height, width):
    return np.random.RandomState(height + width).uniform(0, 255, (height, width, 3)).astype("f")


def run(protocol, image, network=None):
    return probabilities(
        protocol, network or linear_network(), image, preprocess_name="caffe", classes=3
    )


@pytest.mark.parametrize("size", [(1, 1), (7, 30), (30, 7), (30, 30)])
def test_windows_of_a_pixelwise_network_equal_the_whole_image(size):
    image = random_image(*size)
    windows = run(Protocol("semseg", base_size=max(size), crop=(11, 13)), image)
    whole = run(Protocol("whole", flip="softmax"), image)
    np.testing.assert_allclose(windows["probabilities"], whole["probabilities"], atol=1e-5)


@pytest.mark.parametrize("name, flip", [("whole", "softmax"), ("semseg", None), ("matlab", None)])
def test_a_mirrored_image_gives_the_mirrored_answer(name, flip):
    # Matlab's 19 + 1 is the image's own size: resizing would round ties by the last bit.
    base_size = 19 if name == "matlab" else 20
    sliding = {} if name == "whole" else {"base_size": base_size, "crop": (24, 24)}
    protocol = Protocol(name, flip=flip, **sliding)
    kernel = np.random.RandomState(2).normal(0, 0.01, (3, 3, 3, 3)).astype("f")
    if name != "whole":
        # Padding stands at the right, so only what sees one pixel is mirrored exactly.
        kernel = kernel[1:2, 1:2]

    def network(x):
        return tf.nn.conv2d(x, kernel, 1, "SAME")

    image = np.round(random_image(20, 20))
    first, mirrored = run(protocol, image, network), run(protocol, image[:, ::-1], network)
    np.testing.assert_allclose(
        mirrored["probabilities"].numpy()[:, ::-1], first["probabilities"], atol=1e-4
    )


@pytest.mark.parametrize(
    "protocol",
    [
        Protocol("whole", flip="logit_sum", scales=(0.5, 1.0, 1.7)),
        Protocol("semseg", scales=(0.5, 1.75), base_size=19, crop=(9, 11)),
        Protocol("matlab", scales=(0.5, 1.25), base_size=19, crop=(9, 11)),
    ],
    ids=lambda p: p.name,
)
@pytest.mark.parametrize("size", [(1, 1), (13, 19)])
def test_probabilities_sum_to_one(protocol, size):
    got = run(protocol, random_image(*size))
    assert got["labels"].shape == size
    np.testing.assert_allclose(tf.reduce_sum(got["probabilities"], -1), np.ones(size), atol=1e-5)


def test_batched_windows_change_nothing():
    image, words = random_image(30, 41), {"base_size": 41, "crop": (11, 13)}
    entry, many = (run(Protocol("semseg", window_batch=n, **words), image) for n in (1, 5))
    np.testing.assert_allclose(entry["probabilities"], many["probabilities"], atol=1e-6)


def test_equal_scores_give_the_first_class():
    got = run(Protocol("whole"), random_image(2, 2), lambda x: tf.zeros([*x.shape[:3], 3]))
    assert (got["labels"].numpy() == 0).all()


@pytest.mark.parametrize(
    "words, text",
    [
        ({"name": "semsg"}, 'No protocol "semsg". Did you mean "semseg"'),
        ({"name": "semseg", "crop": (9, 9)}, "Protocol semseg needs base_size"),
        ({"name": "whole", "crop": (9, 9)}, "Protocol whole has no crop"),
        ({"name": "matlab", "flip": "softmax"}, 'Protocol matlab has no flip "softmax"'),
        ({"scales": ()}, "scales must be numbers above 0"),
        ({"window_batch": 0}, "window_batch must be 1 or more, not 0"),
        ({"name": "tf1_whole", "min_size": (9,)}, "min_size must be"),
        ({"name": "tf1_whole", "min_size": (9, 9), "scales": (2.0,)}, "has one scale"),
    ],
)
def test_mistakes_are_told(words, text):
    with pytest.raises(LfpError) as caught:
        Protocol(**words)
    assert text in str(caught.value)
