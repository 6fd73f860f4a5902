"""What viewers see of a live view: its newest result and how it stands, shared by threads."""

import dataclasses
import functools
import threading
import time

import numpy as np

from lfp_tf.images.video import encode_jpeg
from lfp_tf.tasks.results import Results

LOADING, WAITING, RUNNING, ENDED, FAILED = "loading", "waiting", "running", "ended", "failed"
# Speed is told over the last so many seconds.
SPEED_SECONDS = 3.0


@dataclasses.dataclass(frozen=True)
class Result:
    """One frame and what the network saw in it.

    Attributes:
        number: of the frame in its video or since the camera was opened, from 0.
        image: uint8 [H, W, 3] RGB.
        prediction: what `results.predict` gave.
        results: `tasks.results.Results`.
    """

    number: int
    image: np.ndarray
    prediction: object
    results: Results

    @functools.cached_property
    def overlay(self):
        """The prediction over the image, uint8 [H, W, 3]."""
        return self.results.overlay(self.image, self.prediction)

    @functools.cached_property
    def overlay_jpeg(self):
        """`overlay` as a JPEG file's bytes."""
        return encode_jpeg(self.overlay)

    @functools.cached_property
    def image_jpeg(self):
        """The image as a JPEG file's bytes."""
        return encode_jpeg(self.image)

    @functools.cached_property
    def files(self):
        """{ending: bytes} of what the image would get as files, overlay and JSON aside."""
        return self.results.files(self.prediction)

    @functools.cached_property
    def legend(self):
        """What is in view: list of {"name", "share", "color"}."""
        return self.results.legend(self.prediction)

    def name_at(self, x, y):
        """(number, name) of the pixel of a column and a row; None where it has none."""
        return self.results.name_at(self.prediction, x, y)


class Stage:
    """The newest result and the state, with waiting for something newer.

    States: `loading` (the network), `waiting` (for a viewer), `running`, `ended`, `failed`.

    Args:
        title: what is looked at, for viewers.
    """

    def __init__(self, title):
        self.title = title
        self._condition = threading.Condition()
        self._state, self._message, self._result = LOADING, "", None
        self._moments = []
        self._visited = False

    @property
    def result(self):
        """The newest `Result`, None before the first."""
        return self._result

    def set_state(self, state, message=""):
        """Goes over to a state; `message` is a sentence for the viewers."""
        with self._condition:
            self._state, self._message = state, message
            self._condition.notify_all()

    def publish(self, result):
        """Shows a result in the place of the one before."""
        with self._condition:
            now = time.monotonic()
            self._moments = [m for m in self._moments if now - m < SPEED_SECONDS] + [now]
            self._result = result
            self._condition.notify_all()

    def visit(self):
        """Notes that somebody looks."""
        with self._condition:
            self._visited = True
            self._condition.notify_all()

    def wait_for_visitor(self, timeout):
        """Whether somebody looks, at the latest after `timeout` seconds."""
        with self._condition:
            return self._condition.wait_for(lambda: self._visited, timeout)

    def wait_newer(self, number, state, timeout):
        """Waits until the result is another than `number` or the state another than `state`."""

        def is_news():
            newest = self._result.number if self._result else None
            return newest != number or self._state != state

        with self._condition:
            self._condition.wait_for(is_news, timeout)

    def snapshot(self):
        """State and newest result as plain values for JSON."""
        with self._condition:
            state, message, result, moments = (
                self._state, self._message, self._result, self._moments,
            )  # fmt: skip
        seen = {"title": self.title, "state": state, "message": message, "number": None}
        if result is None:
            return seen
        height, width = result.image.shape[:2]
        passed = moments[-1] - moments[0]
        speed = (len(moments) - 1) / passed if passed > 0 else None
        return seen | {
            "number": result.number,
            "height": height,
            "width": width,
            "frames_per_second": speed and round(speed, 2),
            "hint": result.results.hint,
            "classes": result.legend,
        }
