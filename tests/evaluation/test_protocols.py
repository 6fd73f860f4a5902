import functools
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from golden_cases import cases

from lfp_tf.errors import LfpError
from lfp_tf.evaluation.protocols import Protocol, probabilities

CASES = {
    case.id: case
    for case in cases(pathlib.Path(__file__).parents[1] / "golden" / "pspnet")
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
