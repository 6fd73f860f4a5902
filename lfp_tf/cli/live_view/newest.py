"""A thread that reads frames and keeps only the newest: a slow network skips frames, never lags."""

import threading
import time

import numpy as np

from lfp_tf.images.video import FrameSource

DEFAULT_RATE = 25.0  # Of a video file that states none.


class NewestFrame:
    """Reads a source of frames in a thread of its own, a video file at its own speed.

    A frame that nobody took is replaced by the next, so that at most one waits. The last frame
    of a video always waits until it is taken.

    Args:
        source: it belongs to this thread from now on.
        every: frames from one that is offered to the next.
    """

    def __init__(self, source: FrameSource, *, every: int = 1) -> None:
        self._source, self._every = source, every
        self._condition = threading.Condition()
        self._waiting: tuple[int, np.ndarray] | None = None
        self._error: Exception | None = None
        self._is_over = self._is_stopped = False
        self._thread = threading.Thread(target=self._read_all, daemon=True)

    def start(self) -> None:
        """Begins to read."""
        self._thread.start()

    def take(self) -> tuple[int, np.ndarray] | None:
        """Waits for a frame not yet taken: (number, uint8 [H, W, 3] RGB), or None at the end.

        Raises:
            BrokenVideo: the source broke off; frames before it were given.
        """
        with self._condition:
            self._condition.wait_for(lambda: self._waiting is not None or self._is_over)
            if self._waiting is None and self._error is not None:
                raise self._error
            taken, self._waiting = self._waiting, None
            return taken

    def interrupt(self) -> None:
        """Asks the reading to end; a thread that waits for a frame gets None."""
        with self._condition:
            self._is_stopped = self._is_over = True
            self._condition.notify_all()

    def stop(self) -> None:
        """Ends the reading and closes the source; waits until that is done."""
        self.interrupt()
        if self._thread.is_alive():
            self._thread.join()
        self._source.close()

    def _read_all(self):
        begin = time.monotonic()
        error = None
        try:
            for number, frame in self._source.frames(every=self._every):
                if not self._wait_until(begin + self._due(number)):
                    break
                with self._condition:
                    self._waiting = (number, frame)
                    self._condition.notify_all()
        except Exception as caught:  # `take` raises it, in the thread that asks.
            error = caught
        with self._condition:
            self._error, self._is_over = error, True
            self._condition.notify_all()

    def _due(self, number):
        """Seconds after the first frame at which a frame of a file is due; a camera's is now."""
        return 0.0 if self._source.is_camera else number / (self._source.rate or DEFAULT_RATE)

    def _wait_until(self, moment):
        """Waits; False where the reading is to end."""
        with self._condition:
            while not self._is_stopped and (left := moment - time.monotonic()) > 0:
                self._condition.wait(left)
            return not self._is_stopped
