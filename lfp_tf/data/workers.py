"""Work in several processes: spawned, stopped together, counted one piece at a time."""

import concurrent.futures
import multiprocessing
import os
import signal
import threading
from concurrent.futures.process import BrokenProcessPool

from lfp_tf.errors import WorkFailed

POLL_SECONDS = 0.1

_shared = {}


class Stopped(Exception):
    """Raised by `count` in a worker when the others have failed or the user has stopped."""


def in_processes(function, tasks, *, workers, progress=None):
    """Runs `function(task, count)` for every task and yields its results in order of completion.

    With one worker everything runs in this process. Workers are spawned, not forked, so that
    threads of a library in the parent cannot hang them, and they end with their parent.

    Args:
        function: picklable; calls `count()` after each piece of work (an image).
        tasks: list of picklable tasks.
        workers: number of processes.
        progress: a `Progress`, updated by the pieces; or None.

    Raises:
        WorkFailed: a worker died, of the system's memory killer for example.
    """
    if workers <= 1 or len(tasks) <= 1:
        count = progress.update if progress else _nothing
        yield from (function(task, count) for task in tasks)
        return
    context = multiprocessing.get_context("spawn")
    counter, stop = context.Value("q", 0), context.Event()
    pool = concurrent.futures.ProcessPoolExecutor(
        min(workers, len(tasks)), context, initializer=_begin, initargs=(counter, stop)
    )
    try:
        yield from _gather(pool, function, tasks, counter, progress)
    except BrokenProcessPool as error:
        raise WorkFailed(
            "A worker process died, perhaps for want of memory; "
            "the same command goes on where it was, `--workers 1` needs least."
        ) from error
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


def _gather(pool, function, tasks, counter, progress):
    pending = {pool.submit(_call, function, task) for task in tasks}
    counted = 0
    while pending:
        done, pending = concurrent.futures.wait(
            pending, POLL_SECONDS, concurrent.futures.FIRST_COMPLETED
        )
        if progress:
            counted, before = counter.value, counted
            progress.update(counted - before)
        for future in done:
            yield future.result()


def _begin(counter, stop):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The parent hears it and tells by `stop`.
    _shared.update(counter=counter, stop=stop)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)


def _call(function, task):
    return function(task, _count)


def _count():
    if _shared["stop"].is_set():
        raise Stopped
    with _shared["counter"].get_lock():
        _shared["counter"].value += 1


def _nothing():
    pass
