"""A video file through the network of `lfp-tf predict`: an overlay video and its facts."""

import contextlib
import dataclasses
import shutil
import time
from typing import TYPE_CHECKING

from lfp_tf.cli.items import Item
from lfp_tf.cli.output import show
from lfp_tf.errors import LfpError
from lfp_tf.files import atomic_folder, write_json
from lfp_tf.progress import Progress

if TYPE_CHECKING:
    from lfp_tf.tasks.results import Results, Tally

OVERLAY, FRAMES = ".overlay.mp4", ".frames"
DEFAULT_RATE = 25.0  # Of a video that states none; its facts say null.


@dataclasses.dataclass(frozen=True)
class VideoOptions:
    """How a video is taken and written.

    Attributes:
        max_pixels: larger frames are refused.
        every: takes every so many-th frame only.
        max_frames: stops after so many frames; None: at the end.
        has_frame_files: also writes files for every frame.
    """

    max_pixels: int
    every: int = 1
    max_frames: int | None = None
    has_frame_files: bool = False


def predict_video(item: Item, results: "Results", options: VideoOptions) -> None:
    """Predicts a video frame by frame, writes the results and prints the overlay's path.

    Of a video that breaks off, all that came before is written.

    Raises:
        BrokenVideo: at the end, where the file breaks off; the sentence names the frame.
        LfpError: no video, or frames that the network refuses.
        WorkFailed: the results could not be written.
    """
    from lfp_tf.images.video import open_video

    with open_video(item.source, max_pixels=options.max_pixels) as source:
        begin = time.monotonic()
        frames = _predict_frames(item, source, results, options)
        facts = {
            "file": str(item.source),
            "height": frames.size[0],
            "width": frames.size[1],
            "fps": source.rate and round(source.rate, 4),
            "every": options.every,
            "frames": frames.count,
            "frames_in_file": source.announced,
            "broke_off": frames.error is not None,
            "seconds": round(time.monotonic() - begin, 4),
        }
    facts |= results.facts | frames.tally.describe()  # pyright: ignore[reportOperatorIssue]
    write_json(item.path(".json"), facts)
    show(item.path(OVERLAY))
    if frames.error:
        raise frames.error


@dataclasses.dataclass
class _Frames:
    """The frames predicted so far: their tally, number and size, and what broke the video off."""

    tally: "Tally"
    count: int = 0
    size: tuple[int, int] = (0, 0)
    error: LfpError | None = None


def _predict_frames(item, source, results, options):
    from lfp_tf.images.video import BrokenVideo

    frames, write = _Frames(results.tally()), None
    with contextlib.ExitStack() as files:
        progress = files.enter_context(
            Progress(item.source.name, total=_expected(source, options), unit="frames")
        )
        try:
            for number, frame in source.frames(every=options.every, most=options.max_frames):
                prediction = results.predict(frame)
                if write is None:
                    frames.size = frame.shape[:2]
                    write = files.enter_context(
                        _writer(item, source, frames.size, results, options)
                    )
                write(number, frame, prediction)
                frames.tally.add(number, prediction)
                frames.count += 1
                progress.update(1)
        except BrokenVideo as error:
            frames.error = error
    if not frames.count:
        raise frames.error or LfpError(f"{item.source} has no frames that can be read.")
    return frames


def _expected(source, options):
    """Number of frames for the progress line; a guess where the file states none."""
    count = -(-(source.announced or 0) // options.every)
    return min(count, options.max_frames) if options.max_frames else count


@contextlib.contextmanager
def _writer(item, source, size, results, options):
    """Gives a function of (number, frame, prediction) that appends to the results of a video."""
    from lfp_tf.images.video import video_writer

    rate = (source.rate or DEFAULT_RATE) / options.every
    with contextlib.ExitStack() as files:
        append = files.enter_context(video_writer(item.path(OVERLAY), rate=rate, size=size))
        folder = None
        if options.has_frame_files:
            if item.path(FRAMES).exists():  # --overwrite was given, or the command had refused it.
                shutil.rmtree(item.path(FRAMES))
            folder = files.enter_context(atomic_folder(item.path(FRAMES)))

        def write(number, frame, prediction):
            append(results.overlay(frame, prediction))
            if folder:
                for ending, content in results.frame_files(prediction).items():
                    (folder / f"{number:06}{ending}").write_bytes(content)

        yield write
