"""A live view from start to end: reader, network and viewer, each in its thread."""

import threading

from lfp_tf.cli.live_view import stage as states
from lfp_tf.cli.live_view.newest import NewestFrame
from lfp_tf.cli.live_view.stage import Result, Stage
from lfp_tf.cli.live_view.web import WebView
from lfp_tf.cli.live_view.window import WindowView, open_root
from lfp_tf.errors import LfpError
from lfp_tf.images.video import FrameSource
from lfp_tf.tasks.results import Results

View = WindowView | WebView


def open_view(name: str, title: str, *, port: int = 0) -> View:
    """Opens a view of a new `Stage`: a window, or the page where none can be opened.

    Args:
        name: `auto`, `window` or `web`.
        title: name of the video or camera.
        port: of the page; 0 takes a free one.

    Raises:
        LfpError: a window that cannot be opened, or a port that cannot be used.
    """
    root = open_root() if name in ("auto", "window") else None
    if root is not None:
        return WindowView(Stage(title), root)
    if name == "window":
        raise LfpError("No window can be opened here (no display, or no tkinter); use --view web.")
    return WebView(Stage(title), port=port)


def run_live(
    source: FrameSource,
    view: View,
    results: Results,
    *,
    every: int = 1,
    most: int | None = None,
) -> int:
    """Predicts the newest frame again and again until the source ends or the viewer leaves.

    A video file begins when somebody looks. Ctrl-C and closing the window are ends like any other.

    Args:
        source: closed at the end.
        view: from `open_view`; it stays open.
        results: what predicts and draws a frame.
        every: frames from one that is offered to the next.
        most: number of frames after which the view ends; None: it does not.

    Returns:
        Number of frames that were predicted.

    Raises:
        BrokenVideo: the source broke off; viewers were told.
        LfpError: a frame that the network refuses.
    """
    newest = NewestFrame(source, every=every)
    worker = _Worker(newest, view, results, most)
    worker.start()
    try:
        view.run(worker.over)
    except KeyboardInterrupt:
        pass
    finally:
        worker.cancel()
        worker.join()
        newest.stop()
    if worker.error is not None:
        raise worker.error
    return worker.num_done


class _Worker(threading.Thread):
    """Takes frames, predicts them and publishes the results."""

    def __init__(self, newest, view, results, most):
        super().__init__(daemon=True)
        self._newest, self._view = newest, view
        self._results, self._most = results, most
        self._cancelled, self.over = threading.Event(), threading.Event()
        self.error: Exception | None = None
        self.num_done = 0

    def cancel(self):
        """Asks for an end after the frame at hand."""
        self._cancelled.set()
        self._newest.interrupt()

    def run(self):
        stage = self._view.stage
        try:
            stage.set_state(states.WAITING)
            if self._view.wait_for_viewer(self._cancelled.is_set):
                self._newest.start()
                stage.set_state(states.RUNNING)
                self._predict_frames(stage)
            stage.set_state(states.ENDED, self._why())
        except Exception as error:  # `run_live` raises it in its own thread.
            self.error = error
            stage.set_state(states.FAILED, str(error))
        finally:
            self.over.set()

    def _predict_frames(self, stage):
        while self._most is None or self.num_done < self._most:
            taken = self._newest.take()
            if taken is None or self._cancelled.is_set():
                return
            number, image = taken
            stage.publish(Result(number, image, self._results.predict(image), self._results))
            self.num_done += 1

    def _why(self):
        """What viewers read where the end is not the video's."""
        if self._cancelled.is_set():
            return "The live view was stopped."
        if self.num_done == self._most:
            return f"The live view stopped after {self._most} frames, as asked."
        return ""
