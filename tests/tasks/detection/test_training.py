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


def test_two_replicas_are_one_with_the_whole_batch(records, tmp_path):
    runs = {}
    for replicas in (1, 2):
        words = ["--mode=train", f"--cpu_replicas={replicas}"]
        done = tiny.run(
            *small_detector.train_arguments(
                records,
                tmp_path / str(replicas),
                *words,
                task__losses__normalization="global",
                trainer__train_steps=2,
            )
        )
        assert done.returncode == 0, done.stderr
        runs[replicas] = tiny.losses(tmp_path / str(replicas))
    tiny.assert_close(runs[1], runs[2], 1e-6)


def test_pieces_are_the_whole_batch_where_norms_are_fixed(records, tmp_path):
    runs = {}
    for pieces in (1, 2):
        done = small_detector.train(
            records,
            tmp_path / str(pieces),
            "--mode=train",
            task__losses__normalization="global",
            task__model__norm="affine",
            trainer__accumulation_steps=pieces,
            trainer__train_steps=2,
        )
        assert done.returncode == 0, done.stderr
        runs[pieces] = tiny.losses(tmp_path / str(pieces))
    tiny.assert_close(runs[1], runs[2], 1e-6)
