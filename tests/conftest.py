"""What tests share: quiet TensorFlow on two threads, a small network."""

import gc
import os
import pathlib
import sys
import tracemalloc

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
sys.path.insert(0, str(pathlib.Path(__file__).parent))
# As many as two cores have: with other numbers oneDNN adds up in another order, and gradients of an
# hourglass on maps of a few pixels change by up to 6 % (without oneDNN they do not).
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "2")


@pytest.fixture(scope="session")
def network(tmp_path_factory):
    """(model, the folder of its checkpoint); tests only read both."""
    from small_network import small_checkpoint

    folder = tmp_path_factory.mktemp("network") / "converted"
    return small_checkpoint(folder), folder


@pytest.fixture
def peak_of():
    """A function that calls its argument and gives the most bytes Python held meanwhile."""

    def measure(function):
        tracemalloc.start()
        try:
            function()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    return measure


@pytest.fixture(autouse=True)
def environment_again():
    """A command in this process, as `parity`, sets what programs of later tests would inherit."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


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


def pytest_collection_finish():
    """Settings of the process that make no difference but in time."""
    # What is imported and collected stays; looking through it again and again is a part of all
    # time that grows with the suite.
    gc.collect()
    gc.freeze()
    gc.set_threshold(5000, 10, 10)
