"""One progress line: renewed in place on a terminal, a plain line every ten seconds elsewhere."""

import os
import sys
import time
from collections.abc import Sequence
from typing import Self, TextIO

from lfp_tf.errors import visible

PLAIN_SECONDS = 10.0
TERMINAL_SECONDS = 0.1
USUAL_COLUMNS = 80


class Progress:
    """Shows `done / total`, free text, speed and the time left.

    Args:
        label: what is done, at the start of the line.
        total: steps to do.
        unit: what the speed counts, as "images".
        done: steps that were done before.
        units_each: units per step: a step of 16 images has 16.
        stream: None takes standard error.

    >>> with Progress("records", total=3, unit="images", stream=open("/dev/null", "w")) as line:
    ...     line.update(1)
    """

    def __init__(
        self,
        label: str,
        *,
        total: int,
        unit: str,
        done: int = 0,
        units_each: int = 1,
        stream: TextIO | None = None,
    ) -> None:
        self.label, self.total, self.unit, self.done = label, total, unit, done
        self.units_each = units_each
        self._stream = stream or sys.stderr
        self._is_terminal = self._stream.isatty()
        self._start, self._first, self._shown = time.monotonic(), done, 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._show("", is_last=True)

    def update(self, count: int = 1, text: str = "") -> None:
        """Counts `count` more steps and shows the line if its time has come."""
        self.done += count
        wait = TERMINAL_SECONDS if self._is_terminal else PLAIN_SECONDS
        if time.monotonic() - self._shown >= wait:
            self._show(text, is_last=False)

    def note(self, text: str) -> None:
        """Prints a line of its own above the progress line."""
        self._write(text + "\n")

    def _show(self, text, *, is_last):
        self._shown = time.monotonic()
        seconds = max(self._shown - self._start, 1e-9)
        speed = (self.done - self._first) / seconds
        left = (self.total - self.done) / speed if speed > 0 else float("inf")
        parts = [
            f"{self.label} {self.done}/{self.total}",
            text,
            f"{speed * self.units_each:.3g} {self.unit}/s",
            f"in {duration(seconds)}" if is_last else f"{duration(left)} left",
        ]
        if is_last or not self._is_terminal:
            self._write("  ".join(filter(None, parts)) + "\n")
        else:
            self._write(fitted(parts, self._columns() - 1))

    def _columns(self):
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or USUAL_COLUMNS
        except (OSError, ValueError):  # A stream that is no terminal of the system.
            return USUAL_COLUMNS

    def _write(self, text):
        self._stream.write(("\r\033[K" if self._is_terminal else "") + visible(text))
        self._stream.flush()


def fitted(parts: Sequence[str], width: int) -> str:
    """Joins the parts of a line that is renewed in place; a line that wraps could not be cleared.

    >>> fitted(["pspnet step 5/20", "loss 1.2", "2.5 images/s", "6 s left"], 36)
    'pspnet step 5/20  loss 1.2  6 s left'

    Args:
        parts: count, text, speed, time. The speed goes first where they are too long, then the
            text; at last the end is cut off.
        width: characters that there is room for.
    """
    count, text, speed, time_ = parts
    for kept in ((count, text, speed, time_), (count, text, time_), (count, time_)):
        line = visible("  ".join(filter(None, kept)))
        if len(line) <= width:
            return line
    return line[: max(width, 0)]


def duration(seconds: float) -> str:
    """Gives seconds as a reader says them: `42 s`, `3 min 5 s`, `1 h 12 min`.

    >>> duration(185)
    '3 min 5 s'
    """
    if seconds == float("inf"):
        return "unknown time"
    seconds = int(round(seconds))
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
