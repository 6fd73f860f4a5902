"""The equalities a training keeps: replicas, pieces, stops."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
import tiny


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return tiny.make_records(tmp_path_factory.mktemp("records") / "scenes")


@pytest.fixture(scope="module")
def reference(records, tmp_path_factory):
    """An undisturbed run."""
    folder = tmp_path_factory.mktemp("reference")
    done = tiny.train(records, folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_two_replicas_are_one_with_the_whole_batch(records, reference, tmp_path):
    # A validation on two replicas is in test_deeplab_training.py.
    words = ["--mode=train", "--cpu_replicas=2"]
    done = tiny.run(*tiny.train_arguments(records, tmp_path / "run", *words))
    assert done.returncode == 0, done.stderr
    # Later steps multiply the rounding of the first by the rate; the first two show the equality.
    whole, shared = tiny.losses(reference), tiny.losses(tmp_path / "run")
    tiny.assert_close({s: whole[s] for s in (1, 2)}, {s: shared[s] for s in (1, 2)}, 1e-6)


def test_pieces_are_the_whole_batch_where_batch_norm_is_frozen(records, tmp_path):
    runs = {}
    for pieces in (1, 2):
        done = tiny.train(
            records,
            tmp_path / str(pieces),
            "--mode=train",
            task__model__bn_frozen="true",
            trainer__accumulation_steps=pieces,
            trainer__train_steps=4,
        )
        assert done.returncode == 0, done.stderr
        runs[pieces] = tiny.losses(tmp_path / str(pieces))
    tiny.assert_close(runs[1], runs[2], 1e-6)


def test_a_run_stopped_by_a_signal_goes_on_bit_for_bit(records, reference, tmp_path):
    arguments = tiny.train_arguments(records, tmp_path / "run")
    process = start(arguments)
    wait_for_step(tmp_path / "run", 3)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 143, error
    assert "the same command goes on from there" in error
    done = tiny.command("train", *arguments[1:])
    assert done.returncode == 0, done.stderr
    assert "going on from step" in done.stderr
    assert tiny.losses(tmp_path / "run") == tiny.losses(reference)


def test_a_run_killed_again_and_again_goes_on_bit_for_bit(records, reference, tmp_path):
    folder = tmp_path / "run"
    words = tiny.train_arguments(records, folder, "--mode=train", trainer__checkpoint_interval=1)
    for step in (1, 4):
        process = start(words)
        wait_for_step(folder, step)
        # The loss of a step is written just before its checkpoint: the kill falls inside it.
        process.kill()
        process.communicate()
    done = tiny.command("train", *words[1:])
    assert done.returncode == 0, done.stderr
    assert tiny.losses(folder) == tiny.losses(reference)


def test_a_loss_that_is_not_a_number_stops_the_run_with_its_images(records, tmp_path):
    done = tiny.train(
        records,
        tmp_path / "run",
        "--mode=train",
        trainer__optimizer_config__learning_rate__polynomial__initial_learning_rate="1e30",
        trainer__checkpoint_interval=1,
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "The loss became" in last and "step " in last
    assert "with the images train" in last or "with the images scene" in last
    assert "the last good checkpoint is" in last


@pytest.mark.parametrize(
    "changes", [{"runtime__enable_xla": "true"}, {"runtime__mixed_precision_dtype": "bfloat16"}]
)
def test_xla_and_bfloat16_train_to_nearly_the_same_losses(records, reference, tmp_path, changes):
    done = tiny.train(records, tmp_path / "run", "--mode=train", trainer__train_steps=6, **changes)
    assert done.returncode == 0, done.stderr
    plain, changed = tiny.losses(reference), tiny.losses(tmp_path / "run")
    # bfloat16 keeps 8 bits of a number; XLA fuses and so rounds elsewhere.
    assert abs(plain[1] - changed[1]) < 0.02 * plain[1]
    assert abs(plain[6] - changed[6]) < 0.1 * plain[6]


def start(arguments, **environment):
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(tiny.ROOT)} | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_step(folder, step, seconds=180):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (folder / "history.jsonl").exists() and step in tiny.losses(folder):
            return
        time.sleep(0.02)
    raise AssertionError(f"step {step} did not come in {seconds} s")


def test_two_workers_are_one_with_the_whole_batch(records, reference, tmp_path):
    ports = free_ports(2)
    workers = []
    for index in range(2):
        cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
        config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
        arguments = tiny.train_arguments(records, tmp_path / "run", trainer__train_steps=6)
        workers.append(start(arguments, TF_CONFIG=config))
    errors = [worker.communicate(timeout=300)[1] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], "\n".join(errors)
    whole, shared = tiny.losses(reference), tiny.losses(tmp_path / "run")
    tiny.assert_close({s: whole[s] for s in (1, 2)}, {s: shared[s] for s in (1, 2)}, 1e-6)
    assert (tmp_path / "run" / "report.html").exists()


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
