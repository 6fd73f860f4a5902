"""The equalities that a detector's training keeps: stops, replicas, pieces, the step itself."""

import pytest
import small_detector
import tiny


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return tiny.make_records(tmp_path_factory.mktemp("records") / "scenes")


@pytest.fixture(scope="module")
def reference(records, tmp_path_factory):
    """An undisturbed run."""
    folder = tmp_path_factory.mktemp("reference")
    done = small_detector.train(records, folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_a_run_trains_scores_and_writes_its_page(reference):
    assert len(tiny.losses(reference)) == 4
    assert (reference / "report.html").exists() and (reference / "metrics.json").exists()


def test_a_run_that_goes_on_is_the_uninterrupted_one_bit_for_bit(records, reference, tmp_path):
    for steps in (2, 4):
        done = small_detector.train(
            records, tmp_path / "run", "--mode=train", trainer__train_steps=steps
        )
        assert done.returncode == 0, done.stderr
    assert tiny.losses(tmp_path / "run") == tiny.losses(reference)


GLOBAL = {
    "task__losses__normalization": "global",
    # Of pieces a batch norm would see other images than of the whole batch.
    "task__model__norm": "affine",
    "trainer__train_steps": 2,
}


@pytest.fixture(scope="module")
def whole(records, tmp_path_factory):
    """The losses of one replica that takes the batch at once."""
    folder = tmp_path_factory.mktemp("whole")
    done = small_detector.train(records, folder, "--mode=train", **GLOBAL)
    assert done.returncode == 0, done.stderr
    return tiny.losses(folder)


def test_two_replicas_are_one_with_the_whole_batch(records, whole, tmp_path):
    # Devices are made once in a process.
    words = ["--mode=train", "--cpu_replicas=2"]
    done = tiny.run(*small_detector.train_arguments(records, tmp_path / "run", *words, **GLOBAL))
    assert done.returncode == 0, done.stderr
    tiny.assert_close(tiny.losses(tmp_path / "run"), whole, 1e-6)


def test_pieces_are_the_whole_batch_where_norms_are_fixed(records, whole, tmp_path):
    changes = GLOBAL | {"trainer__accumulation_steps": 2}
    done = small_detector.train(records, tmp_path / "run", "--mode=train", **changes)
    assert done.returncode == 0, done.stderr
    tiny.assert_close(tiny.losses(tmp_path / "run"), whole, 1e-6)
