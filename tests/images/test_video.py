"""Frames come back as they were written; what is no video, ends early or is missing is told."""

import os

import numpy as np
import pytest
from drawn_video import cut, number_of, numbered_frames, write_avi, write_mp4

from lfp_tf.errors import LfpError, WorkFailed
from lfp_tf.images import video
from lfp_tf.images.video import BrokenVideo, encode_jpeg, open_camera, open_video, video_writer


def test_frames_come_back_in_order_with_rate_and_number(tmp_path):
    path = write_mp4(tmp_path / "a.mp4", numbered_frames(12), rate=12.5)
    with open_video(path) as source:
        assert (source.rate, source.announced, source.is_camera) == (12.5, 12, False)
        frames = list(source.frames())
        assert source.num_read == 12
    assert [number for number, _ in frames] == list(range(12))
    assert [number_of(frame) for _, frame in frames] == list(range(12))
    assert frames[0][1].shape == (32, 48, 3) and frames[0][1].dtype == np.uint8


def test_colours_are_rgb(tmp_path):
    red = np.zeros((32, 48, 3), np.uint8)
    red[..., 0] = 200
    with open_video(write_mp4(tmp_path / "a.mp4", [red] * 2)) as source:
        assert np.abs(source.read().mean(axis=(0, 1)) - [200, 0, 0]).max() < 6
    from PIL import Image

    (tmp_path / "a.jpg").write_bytes(encode_jpeg(red))
    decoded = np.asarray(Image.open(tmp_path / "a.jpg"))
    assert np.abs(decoded.mean(axis=(0, 1)) - [200, 0, 0]).max() < 4


def test_every_nth_frame_and_a_limit(tmp_path):
    path = write_mp4(tmp_path / "a.mp4", numbered_frames(11))
    for every, most, expected in ((3, None, [0, 3, 6, 9]), (3, 2, [0, 3]), (1, 2, [0, 1])):
        with open_video(path) as source:
            pairs = [
                (number, number_of(frame))
                for number, frame in source.frames(every=every, most=most)
            ]
        assert pairs == [(number, number) for number in expected]


def test_odd_sides_keep_all_their_pixels(tmp_path):
    frames = [np.full((33, 41, 3), 100, np.uint8)] * 2
    with open_video(write_mp4(tmp_path / "a.mp4", frames)) as source:
        assert source.read().shape == (34, 42, 3)
    with open_video(write_mp4(tmp_path / "b.mp4", [frame[:1, :1] for frame in frames])) as source:
        assert source.read().shape == (2, 2, 3)


def test_a_video_that_breaks_off_gives_what_came_before_and_names_the_frame(tmp_path, capfd):
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (32, 48, 3), np.uint8) for _ in range(40)]
    path = cut(write_avi(tmp_path / "a.avi", frames), 0.5)
    with open_video(path) as source:
        assert source.announced == 40
        numbers = []
        with pytest.raises(BrokenVideo) as caught:
            for number, _ in source.frames():
                numbers.append(number)
        assert numbers == list(range(source.num_read)) and 10 < len(numbers) < 30
    assert str(caught.value) == (
        f"{path} breaks off at frame {source.num_read} of 40; what came before it was used, "
        "copy or download the file again."
    )
    assert caught.value.exit_status == 1
    assert capfd.readouterr() == ("", "")


def test_a_video_whose_end_was_cut_off_cannot_be_opened(tmp_path, capfd):
    path = cut(write_mp4(tmp_path / "a.mp4", numbered_frames(12)), 0.7)
    with pytest.raises(LfpError, match="cannot be read as a video; it is cut short"):
        open_video(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "a.mp4 is empty."), (b"no video at all" * 100, "cannot be read as a video")],
)
def test_files_that_are_no_video(tmp_path, content, sentence, capfd):
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(LfpError, match=sentence):
        open_video(tmp_path / "a.mp4")
    assert capfd.readouterr() == ("", "")


def test_playlists_open_no_other_files(tmp_path):
    write_mp4(tmp_path / "inner.mp4", numbered_frames(4))
    playlists = {
        "a.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\ninner.mp4\n#EXT-X-ENDLIST\n",
        "b.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\ninner.mp4\n#EXT-X-ENDLIST\n",
        "c.mp4": "ffconcat version 1.0\nfile inner.mp4\n",
    }
    for name, text in playlists.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(LfpError, match="cannot be read as a video"):
            open_video(tmp_path / name)


def test_frames_larger_than_allowed_are_refused_from_the_header(tmp_path):
    path = write_mp4(tmp_path / "a.mp4", numbered_frames(2))
    with pytest.raises(LfpError, match=r"frames of 1536 pixels \(48x32\), more than the 1000"):
        open_video(path, max_pixels=1000)


def test_a_missing_camera_is_told_in_one_sentence(capfd):
    with pytest.raises(LfpError, match=r"There is no camera 97, or another program uses it"):
        open_camera(97)
    assert capfd.readouterr() == ("", "")


class Silent:
    """A camera that gives two frames and then nothing more."""

    def __init__(self):
        self.left = 2

    def get(self, _):
        return 0.0

    def read(self):
        self.left -= 1
        return self.left >= 0, np.zeros((2, 2, 3), np.uint8)

    def release(self):
        pass


def test_a_camera_that_falls_silent_is_told():
    source = video.FrameSource(Silent(), "Camera 3", is_camera=True)
    assert (source.rate, source.announced) == (None, None)
    with pytest.raises(BrokenVideo, match="Camera 3 gave no more frames after frame 2"):
        list(source.frames())


def test_the_environment_stays_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENCV_FFMPEG_CAPTURE_OPTIONS", "mine;1")
    monkeypatch.delenv("OPENCV_FFMPEG_LOGLEVEL", raising=False)
    write_mp4(tmp_path / "a.mp4", numbered_frames(2))
    assert os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] == "mine;1"
    assert "OPENCV_FFMPEG_LOGLEVEL" not in os.environ


def test_a_video_that_fails_leaves_nothing_behind(tmp_path):
    with (
        pytest.raises(WorkFailed, match=r"frame 1 is not 48x32"),
        video_writer(tmp_path / "a.mp4", rate=10, size=(32, 48)) as append,
    ):
        append(np.zeros((32, 48, 3), np.uint8))
        append(np.zeros((32, 50, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_half_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(video, "_num_frames", lambda path: 1)
    with pytest.raises(WorkFailed, match=r"a.mp4 could not be written whole; is the disk full\?"):
        write_mp4(tmp_path / "a.mp4", numbered_frames(3))
    assert list(tmp_path.iterdir()) == []
