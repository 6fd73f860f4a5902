"""Images through processes: the same labels, in order, few at a time, and failures by name."""

import os
import signal

import numpy as np
import pytest

from lfp_tf.errors import LfpError, WorkFailed
from lfp_tf.tasks.segmentation.crf import pool as pools
from lfp_tf.tasks.segmentation.crf.crf import CrfOptions, refine
from lfp_tf.tasks.segmentation.crf.pool import CrfPool

OPTIONS = CrfOptions(iterations=2)


def items(count, classes=3):
    for number in range(count):
        rng = np.random.default_rng(number)
        # The first is the largest: later ones are done before it.
        height, width = (60, 80) if number == 0 else (5 + number, 7)
        values = rng.random((height, width, classes), np.float32) + 0.01
        image = rng.integers(0, 256, (height, width, 3), np.uint8)
        yield f"p{number}", values / values.sum(axis=2, keepdims=True), image


@pytest.mark.parametrize("processes", [0, 1, 3])
def test_labels_are_those_of_refine_in_order(processes):
    with CrfPool(OPTIONS, processes=processes) as pool:
        for _ in range(2):  # The processes serve again.
            refined = list(pool.map(items(5)))
            assert [key for key, _ in refined] == [f"p{number}" for number in range(5)]
            for (_, labels), (_, probabilities, image) in zip(refined, items(5), strict=True):
                expected = refine(probabilities, image, OPTIONS).argmax(axis=2)
                np.testing.assert_array_equal(labels, expected)
                assert labels.dtype == np.uint8


def test_more_than_256_classes_have_wider_labels():
    with CrfPool(OPTIONS, processes=0) as pool:
        ((_, labels),) = pool.map(
            [("a", np.full((2, 2, 300), 1 / 300, np.float32), np.zeros((2, 2, 3), np.uint8))]
        )
    assert labels.dtype == np.int32


@pytest.mark.parametrize("processes", [0, 1, 2])
def test_few_images_are_under_way(processes):
    taken, given, most = 0, 0, 0

    def counted():
        nonlocal taken, most
        for item in items(8):
            taken += 1
            most = max(most, taken - given)
            yield item

    with CrfPool(OPTIONS, processes=processes) as pool:
        for _ in pool.map(counted()):
            given += 1
    # While the caller holds a result that it was given, the next is not read yet.
    assert given == 8 and most == processes + 1


@pytest.mark.parametrize("processes", [0, 2])
def test_an_image_that_is_refused_is_named_and_the_pool_goes_on(processes):
    bad = [*items(2), ("bad one", np.zeros((2, 2), np.float32), np.zeros((2, 2, 3), np.uint8))]
    with CrfPool(OPTIONS, processes=processes) as pool:
        with pytest.raises(LfpError, match="bad one: The CRF needs probabilities as floats"):
            list(pool.map(bad))
        assert len(list(pool.map(items(3)))) == 3


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("no such thing"), "its CRF failed with ValueError: no such thing."),
        (MemoryError(), "there is not enough memory for its CRF; fewer processes, or a class "),
    ],
)
def test_other_failures_are_named_with_their_kind(monkeypatch, error, sentence):
    def failing(*_):
        raise error

    monkeypatch.setattr(pools, "refine", failing)
    with CrfPool(OPTIONS, processes=0) as pool, pytest.raises(WorkFailed) as refused:
        list(pool.map(items(1)))
    assert str(refused.value).startswith(f"p0: {sentence}")


def test_a_process_that_dies_is_told_with_its_image():
    def killing(pool):
        yield from items(1)
        os.kill(pool._workers[0]._process.pid, signal.SIGKILL)
        yield from items(2)

    with CrfPool(OPTIONS, processes=1) as pool:
        with pytest.raises(WorkFailed, match="^p0: its process died, perhaps for want"):
            list(pool.map(killing(pool)))
        assert len(list(pool.map(items(2)))) == 2


def test_processes_end_with_the_block_and_with_a_caller_that_stops():
    with CrfPool(OPTIONS, processes=2) as pool:
        results = pool.map(items(6))
        next(results)
        processes = [worker._process for worker in pool._workers]
        pids = [process.pid for process in processes]
        results.close()
        assert not any(worker.is_busy for worker in pool._workers)
    assert pool._workers == [] and len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_the_environment_is_as_before(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    with CrfPool(OPTIONS, processes=1) as pool:
        list(pool.map(items(1)))
    assert os.environ["OMP_NUM_THREADS"] == "7" and "OPENBLAS_NUM_THREADS" not in os.environ


def test_a_negative_number_of_processes_is_refused():
    with pytest.raises(LfpError, match="CRF processes must be 0 or more, not -1"):
        CrfPool(OPTIONS, processes=-1)
