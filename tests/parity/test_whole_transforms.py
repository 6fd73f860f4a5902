"""PSPNet's transforms on whole images: the golden cases, and laws."""

import functools
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from golden_cases import cases, fill

from lfp_tf.errors import LfpError
from lfp_tf.parity import whole_transforms

CASES = {
    case.id: case
    for case in cases(pathlib.Path(__file__).parents[1] / "golden" / "pspnet")
    if case.kind == "transform"
}


def function_of(words, lineage):
    """The transform that a case's words describe."""
    words = {k: v for k, v in words.items() if k not in ("transform", "lineage", "type")} | {
        "name": words["transform"]
    }
    name = words.pop("name")
    if name == "compose":
        steps = [function_of(step, lineage) for step in words["steps"]]
        return functools.partial(whole_transforms.compose, steps=steps)
    if lineage == "tf1":
        name = {"rand_scale": "legacy_scale"}.get(name, name)
        if name == "crop":
            words["at_end"] = True
    return functools.partial(
        getattr(whole_transforms, {"resize": "resize_to"}.get(name, name)), **words
    )


@pytest.mark.parametrize("name", CASES)
def test_golden_case(name):
    case = CASES[name]
    inputs = case.inputs()
    transform = function_of(case.config, case.config["lineage"])
    image, labels = transform(tf.constant(inputs["image"]), tf.constant(inputs["labels"]))
    assert case.problems({"image": image.numpy(), "labels": labels.numpy()}) == []


def test_flipping_twice_is_nothing():
    image = fill(["image_u8"], "0", "image", (1, 9, 12, 3), "uint8")
    labels = fill(["labels", 19, 255, 0.1], "0", "labels", (1, 9, 12), "uint8")
    for flip in (whole_transforms.horizontal_flip, whole_transforms.vertical_flip):
        np.testing.assert_array_equal(
            flip(*flip(tf.constant(image), tf.constant(labels)))[0], image
        )


def test_another_blur_is_refused():
    with pytest.raises(LfpError, match="5x5 pixels, not 7x7"):
        whole_transforms.gaussian_blur(None, None, radius=7)
