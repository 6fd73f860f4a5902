"""The CRF over many images in processes of its own, while the caller's makes the next ones.

An image goes to a process that waits for one, and nothing queues before it: with P processes no
more than P + 1 images are between the caller's items and its results. Nothing is written to disk.
"""

import collections
import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import traceback

import numpy as np

from lfp_tf.errors import LfpError, WorkFailed
from lfp_tf.tasks.segmentation.crf.crf import refine

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_SECONDS_TO_END = 5


class CrfPool:
    """Refines images in parallel; a context manager, which ends the processes.

    Args:
        options: `crf.CrfOptions`.
        processes: how many; 0 computes in this one.

    Raises:
        LfpError: a negative number.

    >>> with CrfPool(CrfOptions(), processes=2) as pool:  # doctest: +SKIP
    ...     for name, labels in pool.map((name, network(x), x) for name, x in images):
    ...         save(name, labels)
    """

    def __init__(self, options, *, processes):
        if processes < 0:
            raise LfpError(f"The number of CRF processes must be 0 or more, not {processes}.")
        self.options, self.processes = options, processes
        self._workers = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for worker in self._workers:
            worker.end()
        self._workers = []

    def map(self, items):
        """Yields (key, labels [H, W], uint8 up to 256 classes, else int32) in the items' order.

        Args:
            items: iterable of (key, probabilities [H, W, C], image uint8 [H, W, 3]); it is read
                only as fast as the results are.

        Raises:
            LfpError: what `crf.refine` refuses, with the key before it.
            WorkFailed: a process died, or failed otherwise.
        """
        if not self.processes:
            for key, probabilities, image in items:
                with _named(key):
                    labels = _labels(probabilities, image, self.options)
                yield key, labels
            return
        waiting, done = collections.deque(), {}
        try:
            for number, (key, probabilities, image) in enumerate(items):
                worker = self._idle(done)
                worker.begin(number, key, probabilities, image)
                # The caller's image is the worker's now.
                del probabilities, image
                waiting.append((number, key))
                yield from _ready(waiting, done)
                while len(waiting) > self.processes:
                    self._gather(done)
                    yield from _ready(waiting, done)
            while waiting:
                self._gather(done)
                yield from _ready(waiting, done)
        finally:
            # What is under way belongs to nobody any more.
            for worker in [worker for worker in self._workers if worker.is_busy]:
                self._workers.remove(worker)
                worker.end()

    def _idle(self, done):
        """A worker without work, a new one while there are fewer than allowed."""
        while True:
            for worker in self._workers:
                if not worker.is_busy:
                    return worker
            if len(self._workers) < self.processes:
                self._workers.append(_Worker(self.options))
                return self._workers[-1]
            self._gather(done)

    def _gather(self, done):
        """Waits for at least one worker; puts its result into `done`."""
        busy = {worker.connection: worker for worker in self._workers if worker.is_busy}
        for connection in multiprocessing.connection.wait(list(busy)):
            number, labels = busy[connection].finish()
            done[number] = labels


class _Worker:
    """A process and what it is at."""

    def __init__(self, options):
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, options), daemon=True)
        with _environment(_ONE_THREAD):
            self._process.start()
        theirs.close()
        self._number = self._key = None

    @property
    def is_busy(self):
        return self._number is not None

    def begin(self, number, key, probabilities, image):
        """Hands over an image."""
        self._number, self._key = number, key
        with self._alive():
            self.connection.send((np.asarray(probabilities), np.asarray(image)))

    def finish(self):
        """(number, labels) of the image, whose result is there."""
        with self._alive():
            labels, failure = self.connection.recv()
        number, key = self._number, self._key
        self._number = self._key = None
        if failure:
            with _named(key):
                raise failure[0] from _InWorker(failure[1])
        return number, labels

    def end(self):
        """Closes the connection, at which an idle process ends; a busy one is stopped."""
        self.connection.close()
        if self.is_busy:
            self._process.terminate()
        self._process.join(_SECONDS_TO_END)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()

    @contextlib.contextmanager
    def _alive(self):
        try:
            yield
        except (EOFError, OSError) as error:
            raise WorkFailed(
                f"{self._key}: the process of its CRF died, perhaps for want of memory; fewer "
                "processes, or a class threshold, need less."
            ) from error


class _InWorker(Exception):
    """Carries a worker's traceback, for `--debug`."""


def _serve(connection, options):
    """A worker's life: images in, labels out, until the connection closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The parent hears it and closes.
    with contextlib.suppress(EOFError, OSError):
        while True:
            probabilities, image = connection.recv()
            try:
                answer = _labels(probabilities, image, options), None
            except Exception as error:
                answer = None, (_portable(error), traceback.format_exc())
            del probabilities, image
            connection.send(answer)


def _labels(probabilities, image, options):
    refined = refine(probabilities, image, options)
    kind = np.uint8 if refined.shape[2] <= 256 else np.int32
    return refined.argmax(axis=2).astype(kind)


def _ready(waiting, done):
    while waiting and waiting[0][0] in done:
        number, key = waiting.popleft()
        yield key, done.pop(number)


def _portable(error):
    """An error of ours, as others may not survive the way between processes."""
    if isinstance(error, LfpError):
        return error
    if isinstance(error, MemoryError):
        return WorkFailed(
            "there is not enough memory for its CRF; fewer processes, or a class threshold, need "
            "less."
        )
    return WorkFailed(f"its CRF failed with {type(error).__name__}: {error}.")


@contextlib.contextmanager
def _named(key):
    """Puts the key before an error's text."""
    try:
        yield
    except LfpError as error:
        raise type(error)(f"{key}: {error}") from error.__cause__
    except Exception as error:
        raise type(_portable(error))(f"{key}: {_portable(error)}") from error


@contextlib.contextmanager
def _environment(values):
    """Environment variables for the processes started in the block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
