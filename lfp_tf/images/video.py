"""Frames of video files and cameras, and video files made of frames, with OpenCV."""

import contextlib
import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Self

import cv2
import numpy as np

from lfp_tf.errors import LfpError, WorkFailed
from lfp_tf.files import atomic_path
from lfp_tf.images.decode import MAX_PIXELS

VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".ogv", ".flv", ".wmv",
)  # fmt: skip
# What FFmpeg may take a file for. Playlists are not among it: one of a stranger's would open
# other files and addresses of its choice.
_FFMPEG_OPTIONS = (
    "protocol_whitelist;file|format_whitelist;mov,avi,matroska,mpeg,mpegvideo,mpegts,ogg,flv,asf"
)
_FFMPEG_QUIET = "-8"
_LEAST_RATE, _MOST_RATE = 0.1, 1000.0
_environment = threading.Lock()


class BrokenVideo(WorkFailed):
    """A video or camera that stopped before its end; what was read before is whole."""


class FrameSource:
    """An open video file or camera.

    Attributes:
        name: what messages call it.
        rate: frames per second as stated; None where nothing sensible is.
        announced: number of frames that a file's header states, None where it states none.
        is_camera: whether frames come at their own time and without end.
        num_read: frames read so far.
    """

    def __init__(self, capture: cv2.VideoCapture, name: str, *, is_camera: bool):
        self._capture, self.name, self.is_camera = capture, name, is_camera
        rate = capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if _LEAST_RATE <= rate <= _MOST_RATE else None
        count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.announced = None if is_camera or not 0 < count < 2**40 else int(count)
        self.num_read = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        """Gives the file or camera back."""
        self._capture.release()

    def read(self) -> np.ndarray | None:
        """Reads the next frame as uint8 [H, W, 3] RGB, or None at the end.

        Raises:
            BrokenVideo: a file ends before the frames its header states, or a camera falls silent.
        """
        has_frame, frame = self._capture.read()
        if not has_frame:
            self._check_end()
            return None
        self.num_read += 1
        return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)

    def skip(self) -> bool:
        """Passes over a frame without decoding it to an image; False at the end.

        Raises:
            BrokenVideo: as `read`.
        """
        if not self._capture.grab():
            self._check_end()
            return False
        self.num_read += 1
        return True

    def frames(
        self, *, every: int = 1, most: int | None = None
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Yields (number, frame) of every `every`-th frame from the first on, at most `most`.

        Raises:
            BrokenVideo: as `read`, after the frames before it.
        """
        taken = 0
        while most is None or taken < most:
            number = self.num_read
            if number % every:
                if not self.skip():
                    return
                continue
            frame = self.read()
            if frame is None:
                return
            taken += 1
            yield number, frame

    def _check_end(self):
        if self.is_camera:
            raise BrokenVideo(
                f"{self.name} gave no more frames after frame {self.num_read}; is it still there?"
            )
        if self.announced is None:
            return
        # Some containers state a duration only, and sound may last longer than the frames.
        spare = max(1.0, min(self.rate or 0.0, 0.1 * self.announced))
        if self.announced - self.num_read > spare:
            raise BrokenVideo(
                f"{self.name} breaks off at frame {self.num_read} of {self.announced}; "
                "what came before it was used, copy or download the file again."
            )


def open_video(path: str | os.PathLike, *, max_pixels: int = MAX_PIXELS) -> FrameSource:
    """Opens a video file; frames are upright where the file tells how it was held.

    Args:
        path: an existing file; playlists and addresses are refused.
        max_pixels: a header that states larger frames is refused.

    Raises:
        LfpError: no video of a format that can be read, without frames, or too large.
    """
    # An absolute path is never taken for an address or a pattern of image files.
    capture = _opened(os.path.abspath(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        if os.path.getsize(path) == 0:
            raise LfpError(f"{path} is empty.")
        raise LfpError(
            f"{path} cannot be read as a video; it is cut short, or of an unknown format."
        )
    return _checked(capture, str(path), max_pixels, is_camera=False)


def open_camera(number: int, *, max_pixels: int = MAX_PIXELS) -> FrameSource:
    """Opens the camera of a number; 0 is the first.

    Raises:
        LfpError: no such camera, or one that another program holds.
    """
    capture = _opened(number, cv2.CAP_ANY)
    if not capture.isOpened():
        raise LfpError(
            f"There is no camera {number}, or another program uses it; "
            "a video file with --live can stand in for it."
        )
    return _checked(capture, f"Camera {number}", max_pixels, is_camera=True)


@contextlib.contextmanager
def video_writer(
    path: str | os.PathLike, *, rate: float, size: Sequence[int]
) -> Iterator[Callable[[np.ndarray], None]]:
    """Gives a function that appends uint8 [H, W, 3] RGB frames to an MPEG-4 file at `path`.

    The file is written beside and renamed when the block ends well. Odd sides get their last row
    or column twice, as the coder takes even ones only.

    Args:
        path: ending in .mp4.
        rate: frames per second.
        size: (height, width) of every frame.

    Raises:
        WorkFailed: the file could not be written whole.
        LfpError: its folder cannot be written.
    """
    height, width = size
    even = (width + width % 2, height + height % 2)
    with atomic_path(path) as temporary:
        # The coder takes the container from the ending.
        beside = temporary.with_suffix(".mp4")
        count = 0
        try:
            with _quiet():
                fourcc = cv2.VideoWriter.fourcc(*"mp4v")
                writer = cv2.VideoWriter(str(beside), cv2.CAP_FFMPEG, fourcc, rate, even)
            if not writer.isOpened():
                raise WorkFailed(f"{path} cannot be written as a video of {width}x{height}.")

            def append(frame):
                nonlocal count
                if frame.shape[:2] != (height, width):
                    raise WorkFailed(f"{path}: frame {count} is not {width}x{height}.")
                sides = ((0, even[1] - height), (0, even[0] - width), (0, 0))
                padded = np.pad(frame, sides, mode="edge")
                writer.write(cv2.cvtColor(padded, cv2.COLOR_RGB2BGR))
                count += 1

            yield append
            writer.release()
            if _num_frames(beside) != count:  # The coder says nothing of a full disk.
                raise WorkFailed(f"{path} could not be written whole; is the disk full?")
            os.replace(beside, temporary)
        finally:
            beside.unlink(missing_ok=True)


def encode_jpeg(image: np.ndarray, *, quality: int = 85) -> bytes:
    """Encodes uint8 [H, W, 3] RGB as a JPEG file's bytes.

    Args:
        image: see above.
        quality: 0..100, of libjpeg.
    """
    image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.tobytes()


def _checked(capture, name, max_pixels, *, is_camera):
    width, height = (
        capture.get(side) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
    )
    if not (math.isfinite(width) and math.isfinite(height) and min(width, height) >= 1):
        capture.release()
        raise LfpError(f"{name} has no frames that can be read.")
    if width * height > max_pixels:
        capture.release()
        raise LfpError(
            f"{name} has frames of {width * height:.0f} pixels ({width:.0f}x{height:.0f}), more "
            f"than the {max_pixels} allowed; raise --max_pixels if it is to be read."
        )
    return FrameSource(capture, name, is_camera=is_camera)


def _opened(what, backend):
    with _quiet():
        return cv2.VideoCapture(what, backend)


@contextlib.contextmanager
def _quiet():
    """OpenCV and FFmpeg say nothing of files they cannot open: our own sentence does."""
    names = {
        "OPENCV_FFMPEG_CAPTURE_OPTIONS": _FFMPEG_OPTIONS,
        "OPENCV_FFMPEG_LOGLEVEL": _FFMPEG_QUIET,
    }
    with _environment:
        before = {name: os.environ.get(name) for name in names}
        level = cv2.utils.logging.getLogLevel()
        os.environ.update(names)
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            yield
        finally:
            cv2.utils.logging.setLogLevel(level)
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _num_frames(path):
    capture = _opened(str(path.absolute()), cv2.CAP_FFMPEG)
    try:
        return int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 0
    finally:
        capture.release()
