"""Drawn videos for tests: flat frames whose grey level tells their number, or soft blobs."""

import os

import cv2
import numpy as np

from lfp_tf.images.video import video_writer

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # It is read once, at the first video.
LEVELS = 10  # Between neighbouring frames: coding moves a flat grey by one or two.


def numbered_frames(count, size=(32, 48)):
    """Flat frames; frame k is grey 10 k + 5."""
    return [np.full((*size, 3), LEVELS * number + 5, np.uint8) for number in range(count)]


def number_of(frame):
    """Which of `numbered_frames` a frame is."""
    return int(frame.mean() // LEVELS)


def write_mp4(path, frames, rate=10):
    """Writes an MPEG-4 file."""
    with video_writer(path, rate=rate, size=frames[0].shape[:2]) as append:
        for frame in frames:
            append(frame)
    return path


def write_avi(path, frames, rate=10):
    """Writes an AVI of JPEGs, which still opens when it is cut short."""
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), rate, (width, height))
    for frame in frames:
        writer.write(frame[..., ::-1])
    writer.release()
    return path


def cut(path, share):
    """Keeps the first part of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    return path
