"""What `export` writes, `predict --saved_model` answers as the network does: people and classes."""

import json

import numpy as np
import pytest
import tf_keras
from PIL import Image
from small_network import random_images, stirred

from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.cli.main import main
from lfp_tf.recipes.networks import build


@pytest.fixture
def place(tmp_path):
    (tmp_path / "in").mkdir()
    for name, image in zip("ab", random_images((70, 90), (120, 80)), strict=True):
        Image.fromarray(image).save(tmp_path / "in" / f"{name}.png")
    return tmp_path


def numbers(value):
    """All numbers of a JSON value, in order."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return [number for one in inner for number in numbers(one)]
    return [value] if isinstance(value, int | float) else []


@pytest.mark.parametrize("name", ["hourglass_small", "resnet50_small"])
def test_an_export_answers_as_the_network_it_is_of(name, place):
    tf_keras.utils.set_random_seed(0)
    model = stirred(build(name))
    weights = place / "weights.npz"
    np.savez(weights, **{key: v.numpy() for key, v in variables_by_name(model).items()})
    network = [f"--experiment={name}", f"--checkpoint={weights}"]
    assert main(["export", *network, f"--export_dir={place / 'export'}"]) == 0
    inputs = str(place / "in")
    assert main(["predict", inputs, *network, f"--out={place / 'x'}"]) == 0
    served = f"--saved_model={place / 'export'}"
    assert main(["predict", inputs, served, f"--out={place / 'y'}"]) == 0
    for image in "ab":
        one, other = (json.loads((place / n / f"{image}.json").read_text()) for n in "xy")
        kind = "people" if "people" in one else "classes"
        assert one["height"] == other["height"] and len(one[kind]) == len(other[kind]) > 0
        np.testing.assert_allclose(numbers(one[kind]), numbers(other[kind]), rtol=1e-5, atol=1e-5)
