"""What viewers see of a live view: its newest result and its state, shared by threads."""

import dataclasses
import functools
import threading
import time
from typing import Any

import numpy as np

from lfp_tf.images.video import encode_jpeg
from lfp_tf.tasks.results import Results

LOADING, WAITING, RUNNING, ENDED, FAILED = "loading", "waiting", "running", "ended", "failed"
SPEED_SECONDS = 3.0  # The speed is that of these last seconds.


@dataclasses.dataclass(frozen=True)
class Result:
    """One frame and its prediction.

    Attributes:
        number: of the frame in its video or since the camera was opened, from 0.
        image: uint8 [H, W, 3] RGB.
        prediction: what `results.predict` gave; each task has its own kind.
        results: of the network.
    """

    number: int
    image: np.ndarray
    prediction: Any
    results: Results

    @functools.cached_property
    def overlay(self) -> np.ndarray:
        """The prediction over the image, uint8 [H, W, 3] RGB."""
        return self.results.overlay(self.image, self.prediction)

    @functools.cached_property
    def overlay_jpeg(self) -> bytes:
        """`overlay` as a JPEG file's bytes."""
        return encode_jpeg(self.overlay)

    @functools.cached_property
    def image_jpeg(self) -> bytes:
        """The image as a JPEG file's bytes."""
        return encode_jpeg(self.image)

    @functools.cached_property
    def files(self) -> dict[str, bytes]:
        """{ending: bytes} of the files that `predict` writes besides overlay and JSON."""
        return self.results.files(self.prediction)

    @functools.cached_property
    def legend(self) -> list[dict]:
        """What is in the frame: list of {"name", "share" (0..1), "color" ("#rrggbb")}."""
        return self.results.legend(self.prediction)

    def name_at(self, x: int, y: int) -> tuple[int, str] | None:
        """Gives (number, name) of the pixel of a column and a row; None where it has none."""
        return self.results.name_at(self.prediction, x, y)


class Stage:
    """The newest result and the state, with waiting for something newer.

    States: `loading` (the network), `waiting` (for a viewer), `running`, `ended`, `failed`.

    Args:
        title: name of the video or camera.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self._condition = threading.Condition()
        self._state, self._message = LOADING, ""
        self._result: Result | None = None
        self._moments: list[float] = []
        self._has_visitor = False

    @property
    def result(self) -> Result | None:
        """The newest `Result`, None before the first."""
        return self._result

    def set_state(self, state: str, message: str = "") -> None:
        """Sets the state; `message` is a sentence for the viewers."""
        with self._condition:
            self._state, self._message = state, message
            self._condition.notify_all()

    def publish(self, result: Result) -> None:
        """Shows a result in the place of the one before."""
        with self._condition:
            now = time.monotonic()
            self._moments = [m for m in self._moments if now - m < SPEED_SECONDS] + [now]
            self._result = result
            self._condition.notify_all()

    def visit(self) -> None:
        """Notes that there is a viewer."""
        with self._condition:
            self._has_visitor = True
            self._condition.notify_all()

    def wait_for_visitor(self, timeout: float) -> bool:
        """Waits `timeout` seconds at most; whether there is a viewer."""
        with self._condition:
            return self._condition.wait_for(lambda: self._has_visitor, timeout)

    def wait_newer(self, number: int | None, state: str | None, timeout: float) -> None:
        """Waits until the result is not `number` or the state not `state`, or `timeout` seconds."""

        def is_news():
            newest = self._result.number if self._result else None
            return newest != number or self._state != state

        with self._condition:
            self._condition.wait_for(is_news, timeout)

    def snapshot(self) -> dict:
        """Gives state and newest result as plain values, for JSON."""
        with self._condition:
            state, message, result, moments = (
                self._state, self._message, self._result, self._moments,
            )  # fmt: skip
        facts = {"title": self.title, "state": state, "message": message, "number": None}
        if result is None:
            return facts
        height, width = result.image.shape[:2]
        passed = moments[-1] - moments[0]
        speed = (len(moments) - 1) / passed if passed > 0 else None
        return facts | {
            "number": result.number,
            "height": height,
            "width": width,
            "frames_per_second": speed and round(speed, 2),
            "hint": result.results.hint,
            "classes": result.legend,
        }
