"""What all tests of the live view work on."""

import pytest
from drawn_video import numbered_frames, write_mp4

from lfp_tf.cli.live_view import web


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(web, "FAREWELL_SECONDS", 0.3)


@pytest.fixture
def video(tmp_path):
    return write_mp4(tmp_path / "a.mp4", numbered_frames(10), rate=50)
