"""Processes: results as they are done, pieces counted, failures told, and no process left."""

import os
import signal
import subprocess
import sys
import time

import pytest

from lfp_tf.errors import LfpError, WorkFailed
from lfp_tf.workers import WorkerError, WorkerPool, in_processes

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODULE = '''
import os, pathlib, signal, sys, time
from lfp_tf.errors import LfpError
from lfp_tf.files import atomic_path
from lfp_tf.workers import WorkerPool, in_processes

def work(item, count):
    """Sleeps, counts, and does what the item says."""
    if item == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if item == "refuse":
        raise LfpError("bad.png is no image.")
    if item == "bug":
        raise {}["no such key"]
    if item == "memory":
        raise MemoryError
    time.sleep(item)
    count()
    return item

def write(path, count):
    """Writes for ever into a file that never gets its name."""
    with atomic_path(path):
        while True:
            time.sleep(0.01)

def interrupted(out):
    """A pool that hears Ctrl-C while both its processes write."""
    paths = [pathlib.Path(out) / str(number) for number in range(2)]
    for _ in in_processes(write, paths, workers=2, name_of=str):
        pass

if __name__ == "__main__":
    interrupted(sys.argv[1])
'''


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    """A module of functions that processes can import."""
    folder = tmp_path_factory.mktemp("module")
    (folder / "works_in_processes.py").write_text(MODULE)
    sys.path.insert(0, str(folder))
    yield __import__("works_in_processes")
    sys.path.remove(str(folder))


def pool_of(module, processes=2, **more):
    return WorkerPool(
        module.work,
        processes=processes,
        name_of=lambda item: f"item {item}",
        advice="rest.",
        **more,
    )


@pytest.mark.parametrize("processes", [0, 2])
def test_results_come_in_order_or_as_they_are_done_and_pieces_are_counted(module, processes):
    counted = []
    with pool_of(module, processes, count=lambda: counted.append(1)) as pool:
        assert list(pool.map([0, 0])) == [0, 0]  # Both processes are there now.
        assert list(pool.map([0.5, 0, 0.1])) == [0.5, 0, 0.1]
        in_time = list(pool.as_completed([0.5, 0, 0.1]))
    assert in_time == ([0, 0.1, 0.5] if processes else [0.5, 0, 0.1])
    assert len(counted) == 8


def test_errors_of_ours_come_as_they_are_and_others_with_their_traceback(module):
    with pool_of(module, 1) as pool:
        with pytest.raises(LfpError, match=r"^bad.png is no image\.$"):
            list(pool.map(["refuse"]))
        with pytest.raises(WorkerError, match="(?s)^item bug:.*in work\n.*KeyError: 'no such key'"):
            list(pool.map(["bug"]))
        with pytest.raises(WorkFailed, match=r"^item memory: there is not enough memory; rest\.$"):
            list(pool.map(["memory"]))
        assert list(pool.map([0])) == [0]


def test_a_process_that_dies_is_told_with_its_item(module):
    with pool_of(module) as pool:
        with pytest.raises(WorkFailed, match="^item die: its process died, perhaps for want of"):
            list(pool.as_completed([0, "die", 0]))
        assert sorted(pool.as_completed([0, 0.1])) == [0, 0.1]


def test_one_task_needs_no_process(module):
    (pid,) = in_processes(lambda task, count: os.getpid(), [1], workers=8, name_of=str)
    assert pid == os.getpid()


def test_ctrl_c_ends_all_processes_and_leaves_no_half_a_file(module, tmp_path):
    process = subprocess.Popen(
        [sys.executable, module.__file__, tmp_path],
        env=os.environ | {"PYTHONPATH": ROOT},
        stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(list(tmp_path.iterdir())) == 2
    os.killpg(process.pid, signal.SIGINT)  # As a terminal does.
    _, said = process.communicate(timeout=20)
    assert said.count("KeyboardInterrupt") == 1 and process.returncode == -signal.SIGINT
    assert not list(tmp_path.iterdir())
    with pytest.raises(ProcessLookupError):  # Python's own helper process ends a little later.
        while time.monotonic() < deadline:
            os.killpg(process.pid, 0)
            time.sleep(0.05)
