"""One progress line: renewed in place on a terminal, a plain line every ten seconds elsewhere."""

import sys
import time

PLAIN_SECONDS = 10.0
TERMINAL_SECONDS = 0.1


class Progress:
    """Shows `done / total`, free text, speed and the time left.

    One thing done may count several units of speed: a step of 16 images has `units_each` 16.

    >>> with Progress("records", total=3, unit="images", stream=open("/dev/null", "w")) as line:
    ...     line.update(1)
    """

    def __init__(self, label, *, total, unit, done=0, units_each=1, stream=None):
        self.label, self.total, self.unit, self.done = label, total, unit, done
        self.units_each = units_each
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._start, self._first, self._shown = time.monotonic(), done, 0.0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._show("", last=True)

    def update(self, count=1, text=""):
        """Counts `count` more and shows the line if its time has come."""
        self.done += count
        wait = TERMINAL_SECONDS if self._terminal else PLAIN_SECONDS
        if time.monotonic() - self._shown >= wait:
            self._show(text, last=False)

    def note(self, text):
        """Prints a line of its own above the progress line."""
        self._stream.write(("\r\033[K" if self._terminal else "") + text + "\n")
        self._stream.flush()

    def _show(self, text, last):
        self._shown = time.monotonic()
        seconds = max(self._shown - self._start, 1e-9)
        speed = (self.done - self._first) / seconds
        left = (self.total - self.done) / speed if speed > 0 else float("inf")
        tail = f"in {duration(seconds)}" if last else f"{duration(left)} left"
        parts = [
            f"{self.label} {self.done}/{self.total}",
            text,
            f"{speed * self.units_each:.3g} {self.unit}/s",
            tail,
        ]
        line = "  ".join(part for part in parts if part)
        end = "\n" if last or not self._terminal else ""
        self._stream.write(("\r\033[K" if self._terminal else "") + line + end)
        self._stream.flush()


def duration(seconds):
    """Seconds as a reader says them: `42 s`, `3 min 5 s`, `1 h 12 min`.

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
