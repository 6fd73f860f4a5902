"""What tests share: quiet TensorFlow, Keras 2, their own folder importable, a small network."""

import os
import pathlib
import sys

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
sys.path.insert(0, str(pathlib.Path(__file__).parent))


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """(model, the folder of its checkpoint)."""
    from small_network import small_checkpoint

    folder = tmp_path_factory.mktemp("network") / "converted"
    return small_checkpoint(folder), folder


@pytest.fixture(autouse=True)
def float32_again():
    """Precision is a setting of the process: no test leaves it changed for the next."""
    yield
    if "tensorflow" in sys.modules:
        import tensorflow as tf

        if tf.config.optimizer.get_experimental_options().get(
            "auto_mixed_precision_onednn_bfloat16"
        ):
            tf.config.optimizer.set_experimental_options(
                {"auto_mixed_precision_onednn_bfloat16": False}
            )
