"""Work in several processes: few items under way, results in order or as they are done.

An item goes to a process that waits for one, and nothing queues before it. Processes are spawned,
not forked, so that threads of a library in the parent cannot hang them; each computes with one
thread. They end with the pool, with an error, with Ctrl-C and with their parent.
"""

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Self

from lfp_tf.errors import LfpError, WorkFailed

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_SECONDS_TO_END = 5
_COUNTED, _DONE, _FAILED = "counted", "done", "failed"


def available_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class WorkerError(Exception):
    """A mistake of ours in a process; the text has its traceback."""


class WorkerPool:
    """Applies a function to items in processes; a context manager, which ends the processes.

    Args:
        function: of an item and of `count`, to a result; it calls `count()` after each piece of
            work, if it likes. All of these can be pickled.
        processes: how many; 0 computes in this one.
        name_of: what an item is called where its process dies.
        advice: what to do where memory is short, the end of a sentence.
        count: called for each piece of work, wherever it was done.
    """

    def __init__(
        self,
        function: Callable[[Any, Callable[[], None]], Any],
        *,
        processes: int,
        name_of: Callable[[Any], str],
        advice: str,
        count: Callable[[], None] | None = None,
    ) -> None:
        self.processes = processes
        self._function, self._name_of, self._advice = function, name_of, advice
        self._count = count or _nothing
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.end()
        self._workers = []

    def map(self, items: Iterable) -> Iterator:
        """Yields results in the items' order.

        Items are read only as fast as results are taken: with P processes no more than P + 1 lie
        between the caller's items and its results.

        Raises:
            LfpError: what the function raised.
            WorkFailed: a process died, or has not enough memory.
            WorkerError: the function raised another error in a process.
        """
        if not self.processes:
            yield from self._here(items)
            return
        results, num_begun, num_given = {}, 0, 0
        with self._stopping():
            for item in items:
                while (worker := self._idle()) is None:
                    results |= self._wait()
                worker.begin(num_begun, self._name_of(item), item)
                num_begun += 1
                del item  # It is the worker's now, and may be large.
                while True:
                    while num_given in results:
                        yield results.pop(num_given)
                        num_given += 1
                    if num_begun - num_given <= self.processes:
                        break
                    results |= self._wait()
            while num_given < num_begun:
                while num_given not in results:
                    results |= self._wait()
                yield results.pop(num_given)
                num_given += 1

    def as_completed(self, items: Iterable) -> Iterator:
        """Yields results as they are done; otherwise as `map`."""
        if not self.processes:
            yield from self._here(items)
            return
        with self._stopping():
            for number, item in enumerate(items):
                while (worker := self._idle()) is None:
                    yield from self._wait().values()
                worker.begin(number, self._name_of(item), item)
            while any(worker.is_busy for worker in self._workers):
                yield from self._wait().values()

    def _here(self, items):
        for item in items:
            yield self._function(item, self._count)

    @contextlib.contextmanager
    def _stopping(self):
        """Stops what is still under way at the end: it belongs to nobody any more."""
        try:
            yield
        finally:
            for worker in [worker for worker in self._workers if worker.is_busy]:
                self._workers.remove(worker)
                worker.end()

    def _idle(self):
        """A worker without work, a new one while there are fewer than allowed; else None."""
        for worker in self._workers:
            if not worker.is_busy:
                return worker
        if len(self._workers) == self.processes:
            return None
        self._workers.append(_Worker(self._function, self._advice))
        return self._workers[-1]

    def _wait(self):
        """Waits until a worker is done or has counted: {number of the item: result}."""
        results = {}
        busy = [worker for worker in self._workers if worker.is_busy]
        ready = multiprocessing.connection.wait([worker.connection for worker in busy])
        for worker in [worker for worker in busy if worker.connection in ready]:
            number = worker.number
            kind, content = worker.receive()
            if kind == _DONE:
                results[number] = content
            else:
                self._count()
        return results


def in_processes(
    function: Callable[[Any, Callable[[], None]], Any],
    tasks: Sequence,
    *,
    workers: int,
    name_of: Callable[[Any], str],
    progress: Any = None,
) -> Iterator:
    """Runs `function(task, count)` for every task and yields the results as they are done.

    Args:
        function, name_of: as of `WorkerPool`.
        tasks: what it is called with.
        workers: number of processes; with one all is done in this process.
        progress: a `progress.Progress`, updated by the pieces; or None.

    Raises:
        LfpError: as of `WorkerPool.map`.
    """
    processes = 0 if min(workers, len(tasks)) <= 1 else workers
    advice = "the same command goes on where it was, and `--workers 1` needs least."
    count = progress.update if progress else None
    with WorkerPool(
        function, processes=processes, name_of=name_of, advice=advice, count=count
    ) as pool:
        yield from pool.as_completed(tasks)


class _Worker:
    """A process and the item it works on.

    Attributes:
        connection: to the process.
        number: of the item, None without one.
    """

    def __init__(self, function, advice):
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, function), daemon=True)
        with _environment(_ONE_THREAD):
            self._process.start()
        theirs.close()
        self._advice = advice
        self.number = self._name = None

    @property
    def is_busy(self):
        return self.number is not None

    def begin(self, number, name, item):
        """Hands over an item."""
        self.number, self._name = number, name
        with self._alive():
            self.connection.send(item)

    def receive(self):
        """(kind, content) of what the process has said."""
        with self._alive():
            kind, content = self.connection.recv()
        if kind == _COUNTED:
            return kind, content
        name, self.number, self._name = self._name, None, None
        if kind == _FAILED:
            error, text = content
            if isinstance(error, MemoryError):
                error = WorkFailed(f"{name}: there is not enough memory; {self._advice}")
            raise error or WorkerError(f"{name}:\n{text}") from WorkerError(text)
        return kind, content

    def end(self):
        """Closes the connection, at which an idle process ends; a busy one is told to stop."""
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
                f"{self._name}: its process died, perhaps for want of memory; {self._advice}"
            ) from error


def _serve(connection, function):
    """A process' life: items in, results out, until the connection closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The parent hears it and closes.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # Files of half an item are removed.

    def count():
        connection.send((_COUNTED, None))

    with contextlib.suppress(EOFError, OSError):
        while True:
            item = connection.recv()
            try:
                answer = _DONE, function(item, count)
            except Exception as error:
                # Others may not survive the way between processes.
                is_portable = isinstance(error, LfpError | MemoryError)
                answer = _FAILED, (error if is_portable else None, traceback.format_exc())
            del item
            connection.send(answer)


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


def _nothing():
    pass
