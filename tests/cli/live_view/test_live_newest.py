"""The newest frame of a source: a slow taker skips, a quick one waits, the last is never lost."""

import time

import numpy as np
from drawn_video import number_of, numbered_frames, write_mp4

from lfp_tf.cli.live_view import newest
from lfp_tf.cli.live_view.newest import NewestFrame
from lfp_tf.images.video import open_video


class Counting:
    """A source of numbered frames that come as fast as they are asked for."""

    name, rate, is_camera = "counting", 1000.0, True

    def __init__(self, count, pause=0.0):
        self.count, self.pause, self.closed = count, pause, False

    def frames(self, *, every):
        for number in range(0, self.count, every):
            time.sleep(self.pause)
            yield number, np.full((2, 2, 3), number % 256, np.uint8)

    def close(self):
        self.closed = True


def test_a_slow_taker_gets_the_newest_frame_and_the_last_is_never_lost():
    source = Counting(200, pause=0.001)
    frames = NewestFrame(source)
    frames.start()
    states = []
    while (taken := frames.take()) is not None:
        states.append(taken[0])
        time.sleep(0.03)
    frames.stop()
    assert states == sorted(set(states)) and len(states) < 60 and states[-1] == 199
    assert all(late - early > 3 for early, late in zip(states[1:-2], states[2:-1], strict=True))
    assert source.closed


def test_a_quick_taker_gets_every_frame():
    frames = NewestFrame(Counting(5, pause=0.03))
    frames.start()
    states = []
    while (taken := frames.take()) is not None:
        states.append(taken[0])
    frames.stop()
    assert states == [0, 1, 2, 3, 4]


def test_a_file_is_read_at_its_own_speed(tmp_path):
    path = write_mp4(tmp_path / "a.mp4", numbered_frames(8), rate=20)
    frames = NewestFrame(open_video(path), every=2)
    begin = time.monotonic()
    frames.start()
    states = []
    while (taken := frames.take()) is not None:
        states.append((taken[0], number_of(taken[1])))
    passed = time.monotonic() - begin
    frames.stop()
    assert states == [(0, 0), (2, 2), (4, 4), (6, 6)] and 0.29 < passed < 2


def test_reading_stops_in_the_middle_of_a_wait(tmp_path, monkeypatch):
    monkeypatch.setattr(newest, "DEFAULT_RATE", 0.01)
    source = open_video(write_mp4(tmp_path / "a.mp4", numbered_frames(3)))
    source.rate = None
    frames = NewestFrame(source)
    frames.start()
    assert frames.take()[0] == 0
    begin = time.monotonic()
    frames.stop()
    assert time.monotonic() - begin < 5 and frames.take() is None
