import functools
import pathlib

import cv2
import numpy as np
import pytest
import tensorflow as tf
from golden_cases import cases, fill

from lfp_tf.data import transforms
from lfp_tf.errors import LfpError

CASES = {
    case.id: case
    for case in cases(pathlib.Path(__file__).parents[1] / "golden" / "pspnet")
    if case.kind == "transform"
}
MEAN = (123.675, 116.28, 103.53)


def function_of(words, lineage):
    """The transform that a case's words describe."""
    words = {k: v for k, v in words.items() if k not in ("transform", "lineage", "type")} | {
        "name": words["transform"]
    }
    name = words.pop("name")
    if name == "compose":
        steps = [function_of(step, lineage) for step in words["steps"]]
        return functools.partial(transforms.compose, steps=steps)
    if lineage == "tf1":
        name = {"rand_scale": "legacy_scale"}.get(name, name)
        if name == "crop":
            words["at_end"] = True
    return functools.partial(getattr(transforms, {"resize": "resize_to"}.get(name, name)), **words)


@pytest.mark.parametrize("name", CASES)
def test_golden_case(name):
    case = CASES[name]
    inputs = case.inputs()
    transform = function_of(case.config, case.config["lineage"])
    image, labels = transform(tf.constant(inputs["image"]), tf.constant(inputs["labels"]))
    assert case.problems({"image": image.numpy(), "labels": labels.numpy()}) == []
