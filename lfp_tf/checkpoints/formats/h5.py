"""Keras' `.h5` weights, read by h5py in a process of its own that may crash, stall or grow alone.

The process is `h5_child.py`. What it sends is trusted no more than the file is.
"""

import importlib.util
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np

from lfp_tf.checkpoints.formats.keras_weights import LAYER_BYTES, name_weights
from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.checkpoints.formats.numpy_pickle import ARRAY_BYTES, num_elements
from lfp_tf.errors import printable

MAGIC = b"\x89HDF\r\n\x1a\n"
CHILD = pathlib.Path(__file__).with_name("h5_child.py")
LEAST_SECONDS, BYTES_PER_SECOND = 20, 10_000_000
LONGEST_LINE = 1 << 16
# Elsewhere the system does not heed a process' limit of its memory, so the child is watched.
LIMITS_ITSELF = sys.platform == "linux"
CHILD_BYTES = 512 << 20  # What Python, numpy and HDF5 take for themselves.
WATCH_SECONDS = 0.1
_TYPE = re.compile(r"[<|]?([fiu][1248]|b1)")


def is_h5(file: MappedFile) -> bool:
    """Tells whether the file has HDF5's signature: at the start or behind a user's block."""
    return any(bytes(file.view[at : at + 8]) == MAGIC for at in (0, 512, 1024, 2048))


def read_h5(file: MappedFile) -> dict[str, np.ndarray]:
    """Reads the weights of an `.h5` by the names that its `weight_names` list.

    Keras' layers stand at the top or under `model_weights`; the description of the model
    and the optimizer are left alone. Where two layers have a weight of one name (`kernel:0`), all
    names get their layer in front (`LAYER/kernel:0`). A `.weights.h5` gives `LAYER/LEAF` where it
    tells the names of its layers (Keras 3 does). Any other file gives all its data sets by path.

    Args:
        file: the `.h5`.

    Raises:
        LfpError: links to other files, a file on which HDF5 fails, crashes or stalls, or a system
            that cannot limit a process.
    """
    return name_weights(*receive(file, file.path, num_bytes=file.size))


def receive(
    file: MappedFile, path: str | os.PathLike, *, num_bytes: int
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Gets ({name or path: array}, {path of a layer: its name}) from a process of its own.

    Args:
        file: refuses and counts.
        path: of the HDF5 file, which may be a copy of what lies inside `file`.
        num_bytes: its size.

    Raises:
        LfpError: as `read_h5`.
    """
    if importlib.util.find_spec("resource") is None:
        raise file.refusal(
            "is read on Linux and macOS only, where HDF5 can be kept within bounds; convert it "
            "there (`lfp-tf convert`), or use WSL on Windows."
        )
    seconds = LEAST_SECONDS + num_bytes // BYTES_PER_SECOND
    # HDF5 loads no filters from elsewhere ("::"); one thread, for memory's sake.
    environment = os.environ | {"HDF5_PLUGIN_PRELOAD": "::", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-P", str(CHILD), str(path), str(file.left), str(seconds)]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as child:
        # Waiting takes no CPU time, so the child's own limit does not end it.
        clock = threading.Timer(2 * seconds, child.kill)
        clock.start()
        if not LIMITS_ITSELF:
            watch = threading.Thread(target=_watch, args=(child, file.left + CHILD_BYTES))
            watch.start()
        try:
            arrays, layers, is_whole = _receive(file, child.stdout)
            child.wait()
        finally:
            clock.cancel()
            child.kill()
    if not is_whole:
        raise _broken_off(file, child.returncode, seconds)
    if not arrays:
        raise file.refusal("holds no arrays of numbers.")
    return arrays, layers


def _watch(child, most_bytes):
    """Ends the child as soon as it has taken more memory than `most_bytes`."""
    command = ["ps", "-o", "rss=", "-p", str(child.pid)]
    while child.poll() is None:
        kibibytes = subprocess.run(command, capture_output=True, text=True).stdout.strip()
        if kibibytes and int(kibibytes) * 1024 > most_bytes:
            child.kill()
        time.sleep(WATCH_SECONDS)


def _receive(file, stream):
    """Receives the arrays and the names of layers, and whether that is all of them."""
    arrays, layers = {}, {}
    while True:
        line = stream.readline(LONGEST_LINE)
        if not line.endswith(b"\n"):
            return arrays, layers, False
        try:
            head = json.loads(line)
            if "end" in head:
                return arrays, layers, True
            if "error" in head:
                raise file.refusal(printable(head["error"], longest=500))
            name, shape, dtype = _announced(head)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise file.damage("HDF5 makes no sense of it")
        if name in arrays:
            raise file.refusal(f'holds two arrays of the name "{printable(name)}".')
        num_bytes = num_elements(shape) * dtype.itemsize
        file.charge(ARRAY_BYTES + num_bytes)
        values = np.empty(shape, dtype)
        if stream.readinto(values.reshape(-1).view(np.uint8).data) != num_bytes:
            return arrays, layers, False
        arrays[name] = values
        if type(head.get("layer")) is str:
            file.charge(LAYER_BYTES + len(line))
            layers[name.rpartition("/vars/")[0]] = head["layer"]


def _announced(head):
    """Name, shape and type of the next array; ValueError and its like where they are none."""
    name, shape = head["name"], tuple(head["shape"])
    num_elements(shape)
    if type(name) is not str or not _TYPE.fullmatch(head["dtype"]):
        raise ValueError("no array")
    return name, shape, np.dtype(head["dtype"])


def _broken_off(file, status, seconds):
    if status in (-signal.SIGKILL, -signal.SIGXCPU):
        return file.refusal(f"took HDF5 more than {seconds} seconds or all memory; it is damaged.")
    return file.refusal(f"made the HDF5 library stop (status {status}); it is damaged.")
