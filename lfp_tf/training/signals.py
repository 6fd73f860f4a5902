"""Ctrl-C and SIGTERM, noted so that a run can save before it ends."""

import os
import signal
from typing import Self


class Stopped(Exception):
    """A signal ended the run after a checkpoint; `exit_status` is 128 plus the signal's number."""

    def __init__(self, number: int, step: int):
        super().__init__(f"Stopped at step {step}; the same command goes on from there.")
        self.exit_status = 128 + number


class Signals:
    """Collects SIGINT and SIGTERM while the block runs: `received` holds the first's number.

    A second one ends the process at once, as if nobody had listened.
    """

    def __init__(self):
        self.received: int | None = None
        self._before = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number, _):
        if self.received is None:
            self.received = number
            # No print: the signal may have come while one was being written.
            os.write(2, b"\nstopping after this step; once more ends at once\n")
            return
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
