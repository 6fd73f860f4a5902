"""Debris of killed processes, and what the system at hand lacks.

Full and read-only disks stand in tests/test_bad_input.py.
"""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from lfp_tf import files
from lfp_tf.errors import LfpError
from lfp_tf.serving import export
from lfp_tf.training import checkpoints


def test_a_folder_has_one_writer(tmp_path):
    refused = pytest.raises(LfpError, match="^busy$")
    with files.alone(tmp_path, "busy"), refused, files.alone(tmp_path, "busy"):
        pass
    with files.alone(tmp_path, "busy"):
        pass


WRITER = """
import sys, time
from lfp_tf.files import atomic_folder, atomic_path
with (atomic_folder if sys.argv[2] == "folder" else atomic_path)(sys.argv[1]) as path:
    (path / "half" if sys.argv[2] == "folder" else path).write_text("half of it")
    print("begun", flush=True)
    time.sleep(60)
"""


@pytest.fixture(params=["folder", "file"])
def writing(request, tmp_path):
    """A process in the middle of writing `tmp_path/out/new`."""
    command = [sys.executable, "-c", WRITER, str(tmp_path / "out" / "new"), request.param]
    root = str(pathlib.Path(files.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": root}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    assert process.stdout.readline() == b"begun\n"
    yield process
    process.kill()
    process.wait()


def parts(folder):
    """What lies there, old enough to be somebody's."""
    for path in folder.iterdir():
        os.utime(path, (time.time() - 60,) * 2)
    return sorted(path.name for path in folder.iterdir())


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_stays(
    writing, tmp_path
):
    (name,) = parts(tmp_path / "out")
    assert name.startswith(".new.") and name.endswith(".part")
    files.remove_debris(tmp_path / "out")
    assert parts(tmp_path / "out") == [name]
    writing.send_signal(signal.SIGKILL)
    writing.wait()
    files.remove_debris(tmp_path / "out")
    assert parts(tmp_path / "out") == []
    files.remove_debris(tmp_path / "not there")


def debris(folder, name):
    """A file of a killed process, and two that are none."""
    folder.mkdir(parents=True, exist_ok=True)
    for entry in (f".{name}.abcd_123.part", ".mine.part", "a.abcd_123.part"):
        (folder / entry).write_text("half")
    return parts(folder)


def test_a_run_removes_what_killed_writes_of_its_history_left(tmp_path):
    debris(tmp_path, "history.jsonl")
    debris(tmp_path / "best", "info.json")
    checkpoints.remove_debris(tmp_path)
    assert parts(tmp_path) == [".mine.part", "a.abcd_123.part", "best"]
    assert parts(tmp_path / "best") == [".mine.part", "a.abcd_123.part"]


def test_an_export_removes_what_killed_ones_left(tmp_path, network):
    from lfp_tf.tasks.segmentation import signatures
    from lfp_tf.tasks.segmentation.protocols import Protocol

    (tmp_path / ".1.abcd_123.part").mkdir()
    (tmp_path / ".1.abcd_123.part" / "saved_model.pb").write_text("half")
    parts(tmp_path)
    folder = export.export(network[0], tmp_path, signatures=signatures, protocol=Protocol())
    assert parts(tmp_path) == ["1"] and folder == tmp_path / "1"


def test_windows_which_flushes_no_folder_is_not_asked_to(tmp_path, monkeypatch):
    monkeypatch.setattr(files.os, "name", "nt")
    files._sync("no such folder")


def test_systems_without_locks_write_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "fcntl", None)
    files.write_text(tmp_path / "a", "x")
    files.remove_debris(tmp_path)
    assert (tmp_path / "a").read_text() == "x"
