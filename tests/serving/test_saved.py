"""An export in Python: its signatures as functions, its refusals as sentences."""

import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.errors import LfpError
from lfp_tf.serving.saved import SavedExport


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A saved graph that doubles numbers, but none above 9."""
    module = tf.Module()
    module.factor = tf.Variable(2.0)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "numbers")], autograph=False)
    def images(numbers):
        text = ["A number must be at most 9."]
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_max(numbers) <= 9, text)]):
            return {"doubled": module.factor * numbers}

    place = tmp_path_factory.mktemp("export")
    tf.saved_model.save(module, str(place), signatures={"images": images})
    return place


def test_a_signature_is_a_function_of_arrays(folder):
    export = SavedExport(folder, ("images",))
    outputs = export("images", numbers=np.float32([1, 2.5]))
    assert list(outputs) == ["doubled"] and isinstance(outputs["doubled"], np.ndarray)
    np.testing.assert_array_equal(outputs["doubled"], [2, 5])


def test_what_the_graph_refuses_is_its_sentence(folder):
    with pytest.raises(LfpError, match=r"^A number must be at most 9\.$"):
        SavedExport(folder, ("images",))("images", numbers=np.float32([10]))


def test_a_signature_that_is_not_there_is_told_before_anything_is_asked(folder):
    with pytest.raises(LfpError, match="cannot be loaded as a SavedModel of `lfp-tf export`."):
        SavedExport(folder, ("images", "images_boxes"))


def test_what_is_no_saved_model_is_refused(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"nothing")
    for place in (tmp_path, tmp_path / "none"):
        with pytest.raises(LfpError, match="cannot be loaded as a SavedModel of `lfp-tf export`."):
            SavedExport(place)
