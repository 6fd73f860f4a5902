"""Writing files so that a reader never meets half of one: write beside, sync, rename."""

import contextlib
import errno
import hashlib
import json
import os
import pathlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from lfp_tf.errors import LfpError, WorkFailed

try:
    import fcntl
except ImportError:  # Windows has no such locks.
    fcntl = None

_PART, _PARTS = ".part", ".*.????????.part"  # `tempfile` draws eight letters.
_SECONDS_TO_LOCK = 1.0
# The last two: a file stands where a folder is to be.
_NOT_WRITABLE = (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST)


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Gives a temporary path beside `path`; it takes the name `path` when the block ends well.

    Raises:
        WorkFailed: the disk is full.
        LfpError: the folder cannot be written.
    """
    path = pathlib.Path(path)
    with writable(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=_PART, dir=path.parent)
        os.close(handle)
        temporary = pathlib.Path(name)
        try:
            with _in_use(temporary):
                yield temporary
                temporary.chmod(0o666 & ~_umask())
                _sync(temporary)
                os.replace(temporary, path)
            _sync(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Gives an empty folder beside `path` that takes its name when the block ends well.

    Raises:
        LfpError: `path` exists already, or its parent cannot be written.
        WorkFailed: the disk is full.
    """
    path = pathlib.Path(path)
    if path.exists():
        raise LfpError(f"{path} exists already; give another name or remove it first.")
    with writable(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = pathlib.Path(
            tempfile.mkdtemp(prefix=f".{path.name}.", suffix=_PART, dir=path.parent)
        )
        try:
            with _in_use(temporary):
                yield temporary
                temporary.chmod(0o777 & ~_umask())
                os.rename(temporary, path)
            _sync(path.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def remove_debris(folder: str | os.PathLike) -> None:
    """Removes what killed processes left of files and folders that they were writing.

    What a living process writes is locked and stays, and so does what is younger than a second,
    which may not be locked yet.

    Args:
        folder: where `atomic_path` and `atomic_folder` put files; may be missing.
    """
    if fcntl is None:
        return
    for path in pathlib.Path(folder).glob(_PARTS):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime < _SECONDS_TO_LOCK:
                continue
            with _handle(path) as handle:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()


@contextlib.contextmanager
def _in_use(path):
    """Locks a file or folder, so that `remove_debris` of another process lets it stand."""
    if fcntl is None:
        yield
        return
    with _handle(path) as handle:
        # Some file systems know no locks: nothing is locked there, and nothing removed.
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _handle(path):
    handle = os.open(path, os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes a text file whole or not at all."""
    with atomic_path(path) as temporary:
        # Names that are no UTF-8 stand as `\udcff`, which JSON reads back.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: str | os.PathLike, value: Any) -> None:
    """Writes a JSON file whole or not at all; keys keep their order."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def sha256(path: str | os.PathLike) -> str:
    """Computes the SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextlib.contextmanager
def writable(folder: str | os.PathLike) -> Iterator[None]:
    """Turns the system's refusals to write under `folder` into sentences.

    Raises:
        WorkFailed: the disk is full, or a file grows beyond the system's limit.
        LfpError: the folder cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise WorkFailed(
                f"The disk that holds {folder} is full; make room and run the same command again."
            ) from error
        if error.errno == errno.EFBIG:
            raise WorkFailed(
                f"A file under {folder} would be larger than the system allows; give another "
                "folder, or raise the limit that `ulimit -f` shows."
            ) from error
        if error.errno in _NOT_WRITABLE:
            raise LfpError(
                f"{folder} cannot be written ({os.strerror(error.errno)}); give another folder."
            ) from error
        raise


@contextlib.contextmanager
def alone(folder: str | os.PathLike, sentence: str) -> Iterator[None]:
    """Keeps two processes from writing into one folder at once, by a lock on its file `.lock`.

    The system takes the lock back when a process ends, however it ends.

    Args:
        folder: that exists.
        sentence: what to say where another process has it.

    Raises:
        LfpError: as `sentence` says; or the system has no such lock.
    """
    try:
        import fcntl
    except ImportError:
        raise LfpError(
            "Records and runs are written on Linux and macOS only: this system has no lock (fcntl) "
            "that keeps two commands out of one folder. On Windows use WSL."
        ) from None
    with writable(folder), open(pathlib.Path(folder) / ".lock", "w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LfpError(sentence) from None
        yield


def _sync(path):
    if os.name == "nt":  # Windows flushes neither folders nor files that are open for reading.
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
