"""A video file through the network of `lfp-tf predict`: an overlay video and its facts."""

import contextlib
import shutil
import time

from lfp_tf.errors import LfpError

OVERLAY, FRAMES = ".overlay.mp4", ".frames"
DEFAULT_RATE = 25.0  # Of a video that states none; its facts say null.


def predict_video(item, results, arguments):
    """Looks at a video frame by frame, writes the results and prints the overlay's path.

    Of a video that breaks off, all that came before is written.

    Args:
        item: `Item`.
        results: `tasks.results.Results`.
        arguments: parsed.

    Raises:
        BrokenVideo: at the end, where the file breaks off; the sentence names the frame.
        LfpError: no video, or frames that the network refuses.
        WorkFailed: the results could not be written.
    """
    from lfp_tf.files import write_json
    from lfp_tf.images.video import open_video

    with open_video(item.source, max_pixels=arguments.max_pixels) as source:
        begin = time.monotonic()
        size, tally, broken, num_frames = _predict_frames(item, source, results, arguments)
        about = {
            "file": str(item.source),
            "height": size[0],
            "width": size[1],
            "fps": source.rate and round(source.rate, 4),
            "every": arguments.every,
            "frames": num_frames,
            "frames_in_file": source.announced,
            "broke_off": broken is not None,
            "seconds": round(time.monotonic() - begin, 4),
        }
    write_json(item.path(".json"), about | results.facts | tally.describe())
    print(item.path(OVERLAY))
    if broken:
        raise broken


def _predict_frames(item, source, results, arguments):
    """Frame size, `Tally`, what broke the video or None, number of frames."""
    from lfp_tf.images.video import BrokenVideo
    from lfp_tf.progress import Progress

    size, broken, write, num_frames, tally = None, None, None, 0, results.tally()
    with contextlib.ExitStack() as files:
        line = files.enter_context(
            Progress(item.source.name, total=_expected(source, arguments), unit="frames")
        )
        try:
            for number, frame in source.frames(every=arguments.every, most=arguments.max_frames):
                prediction = results.predict(frame)
                if write is None:
                    size = frame.shape[:2]
                    write = files.enter_context(_writer(item, source, size, results, arguments))
                write(number, frame, prediction)
                tally.add(number, prediction)
                num_frames += 1
                line.update(1)
        except BrokenVideo as error:
            broken = error
    if not num_frames:
        raise broken or LfpError(f"{item.source} has no frames that can be read.")
    return size, tally, broken, num_frames


def _expected(source, arguments):
    """Number of frames for the progress line; a guess where the file states none."""
    frames = -(-(source.announced or 0) // arguments.every)
    return min(frames, arguments.max_frames) if arguments.max_frames else frames


@contextlib.contextmanager
def _writer(item, source, size, results, arguments):
    """Gives a function of (number, frame, prediction) that appends to the results of a video."""
    from lfp_tf.files import atomic_folder
    from lfp_tf.images.video import video_writer

    rate = (source.rate or DEFAULT_RATE) / arguments.every
    with contextlib.ExitStack() as files:
        append = files.enter_context(video_writer(item.path(OVERLAY), rate=rate, size=size))
        inside = None
        if arguments.frames:
            if item.path(FRAMES).exists():  # --overwrite was given, or the command had refused it.
                shutil.rmtree(item.path(FRAMES))
            inside = files.enter_context(atomic_folder(item.path(FRAMES)))

        def write(number, frame, prediction):
            append(results.overlay(frame, prediction))
            if inside:
                for ending, content in results.frame_files(prediction).items():
                    (inside / f"{number:06}{ending}").write_bytes(content)

        yield write
