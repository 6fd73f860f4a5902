"""A thread that reads frames and keeps the newest alone: a slow network skips, never lags."""

import threading
import time

DEFAULT_RATE = 25.0  # Of a video file that states none.


class NewestFrame:
    """Reads a `FrameSource` in a thread of its own, a video file at its own speed.

    A frame that nobody took is replaced by the next, so that at most one waits. The last frame
    of a video always waits until it is taken.

    Args:
        source: `images.video.FrameSource`; it belongs to this thread from now on.
        every: only every so many-th frame is offered.
    """

    def __init__(self, source, *, every=1):
        self._source, self._every = source, every
        self._condition = threading.Condition()
        self._waiting, self._error, self._is_over, self._stopped = None, None, False, False
        self._thread = threading.Thread(target=self._read_all, daemon=True)

    def start(self):
        """Begins to read."""
        self._thread.start()

    def take(self):
        """Waits for a frame not yet taken: (number, uint8 [H, W, 3]), or None at the end.

        Raises:
            BrokenVideo: the source broke off; frames before it were given.
        """
        with self._condition:
            self._condition.wait_for(lambda: self._waiting is not None or self._is_over)
            if self._waiting is None and self._error is not None:
                raise self._error
            taken, self._waiting = self._waiting, None
            return taken

    def interrupt(self):
        """Asks for an end of the reading; who waits for a frame gets None."""
        with self._condition:
            self._stopped = self._is_over = True
            self._condition.notify_all()

    def stop(self):
        """Ends the reading and gives the source back; waits until that is done."""
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
        except Exception as caught:  # Whoever takes frames gets it, in the thread that asks.
            error = caught
        with self._condition:
            self._error, self._is_over = error, True
            self._condition.notify_all()

    def _due(self, number):
        """Seconds after the first frame at which a frame of a file is due; a camera's is now."""
        return 0.0 if self._source.is_camera else number / (self._source.rate or DEFAULT_RATE)

    def _wait_until(self, moment):
        """False where the reading is to end."""
        with self._condition:
            while not self._stopped and (left := moment - time.monotonic()) > 0:
                self._condition.wait(left)
            return not self._stopped
