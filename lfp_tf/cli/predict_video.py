"""A video file through the network of `lfp-tf predict`: an overlay video and its facts."""

import contextlib
import shutil
import time

from lfp_tf.cli.predict_network import segmenter
from lfp_tf.errors import LfpError

DEFAULT_RATE = 25.0  # Of a video that states none; its facts say null.


def predict_video(item, network, arguments):
    """Segments a video frame by frame, writes the results and prints the overlay's path.

    Of a video that breaks off, all that came before is written.

    Args:
        item: `Item`.
        network: `Network`.

    Raises:
        BrokenVideo: at the end, where the file breaks off; the sentence names the frame.
        LfpError: no video, or frames that the network refuses.
        WorkFailed: the results could not be written.
    """
    from lfp_tf.files import write_json
    from lfp_tf.images.shares import class_shares
    from lfp_tf.images.video import open_video

    with open_video(item.source, max_pixels=arguments.max_pixels) as source:
        size, counts, broken, seconds, num_frames = _segment_all(item, source, network, arguments)
        overlay_path, json_path = item.outputs()
        about = {
            "file": str(item.source),
            "height": size[0],
            "width": size[1],
            "fps": source.rate and round(source.rate, 4),
            "every": arguments.every,
            "frames": num_frames,
            "frames_in_file": source.announced,
            "broke_off": broken is not None,
            "seconds": round(seconds, 4),
        }
    classes = class_shares(counts, network.table)
    write_json(json_path, about | network.facts | {"classes": classes})
    print(overlay_path)
    if broken:
        raise broken


def _segment_all(item, source, network, arguments):
    """Frame size, pixels by class, what broke the video or None, seconds, number of frames."""
    from lfp_tf.images.shares import count_labels
    from lfp_tf.images.video import BrokenVideo
    from lfp_tf.progress import Progress

    segment = segmenter(network, arguments)
    size, counts, broken, write, num_frames = None, 0, None, None, 0
    begin = time.monotonic()
    with contextlib.ExitStack() as files:
        line = files.enter_context(
            Progress(item.source.name, total=_expected(source, arguments), unit="frames")
        )
        try:
            for number, frame in source.frames(every=arguments.every, most=arguments.max_frames):
                labels = segment(frame)
                if write is None:
                    size = frame.shape[:2]
                    write = files.enter_context(_results(item, source, size, network, arguments))
                write(number, frame, labels)
                counts = counts + count_labels(labels, network.table)
                num_frames += 1
                line.update(1)
        except BrokenVideo as error:
            broken = error
    if not num_frames:
        raise broken or LfpError(f"{item.source} has no frames that can be read.")
    return size, counts, broken, time.monotonic() - begin, num_frames


def _expected(source, arguments):
    """Number of frames for the progress line; a guess where the file states none."""
    frames = -(-(source.announced or 0) // arguments.every)
    return min(frames, arguments.max_frames) if arguments.max_frames else frames


@contextlib.contextmanager
def _results(item, source, size, network, arguments):
    """Gives a function of (number, frame, labels) that appends to the results of a video."""
    from lfp_tf.files import atomic_folder
    from lfp_tf.images.decode import encode_png
    from lfp_tf.images.overlay import overlay
    from lfp_tf.images.video import video_writer

    overlay_path, _, *folders = item.outputs(frames=arguments.frames)
    rate = (source.rate or DEFAULT_RATE) / arguments.every
    with contextlib.ExitStack() as files:
        append = files.enter_context(video_writer(overlay_path, rate=rate, size=size))
        for folder in folders:
            if folder.exists():  # --overwrite was given, or the command had refused it.
                shutil.rmtree(folder)
        inside = [files.enter_context(atomic_folder(folder)) for folder in folders]

        def write(number, frame, labels):
            append(overlay(frame, labels, network.table))
            for folder in inside:
                (folder / f"{number:06}.labels.png").write_bytes(encode_png(labels))

        yield write
