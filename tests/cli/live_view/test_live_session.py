"""A live view from its first viewer to its end, whatever ends it."""

import time

import numpy as np
from drawn_video import cut, write_avi
from live_page import Live, classifying, labelling, pointing

from lfp_tf.cli.live_view.session import run_live
from lfp_tf.cli.live_view.stage import Result, Stage
from lfp_tf.cli.live_view.web import WebView
from lfp_tf.errors import LfpError
from lfp_tf.images.video import BrokenVideo, open_video


def test_a_video_starts_with_its_viewer_and_its_end_is_told(video):
    live = Live(open_video(video))
    time.sleep(0.2)
    assert live.view.stage.result is None
    states = live.follow()
    assert live.end() is not None and live.error is None
    numbers = [news["number"] for news in states if news["number"] is not None]
    assert numbers == sorted(numbers) and numbers[-1] == 9
    last = states[-1]
    assert (last["state"], last["message"], last["title"]) == ("ended", "", str(video))
    assert (last["height"], last["width"]) == (32, 48)
    assert last["classes"] == [
        {"id": 1, "name": "<b>sky</b>", "pixels": 1152, "share": 0.75, "color": "#000064"},
        {"id": 0, "name": "road", "pixels": 384, "share": 0.25, "color": "#c80000"},
    ]
    assert last["frames_per_second"] > 1
    assert last["hint"] == "Point at the image to name a class."


def test_a_classifiers_view_tells_its_best_classes(video):
    live = Live(open_video(video), classifying(), most=2)
    last = live.follow()[-1]
    assert live.end() == 2 and live.error is None
    assert last["classes"] == [
        {"name": "dog", "share": 0.75, "color": "#96beeb"},
        {"name": "cat", "share": 0.25, "color": "#96beeb"},
    ]
    assert last["hint"] == ""


def test_a_view_of_people_tells_the_joints_of_the_first(video):
    live = Live(open_video(video), pointing(), most=2)
    last = live.follow()[-1]
    assert live.end() == 2 and live.error is None
    assert [(entry["name"], entry["share"]) for entry in last["classes"]] == [
        *(("left_hip", 0.0), ("neck", 0.25), ("right_hip", 0.5)),
    ]
    assert len({entry["color"] for entry in last["classes"]}) == 3 and last["hint"] == ""


def test_a_view_of_some_frames_says_so(video):
    live = Live(open_video(video), most=3)
    last = live.follow()[-1]
    assert (last["state"], live.end()) == ("ended", 3)
    assert last["message"] == "The live view stopped after 3 frames, as asked."


def test_a_video_that_breaks_is_told_to_viewers_and_to_the_caller(tmp_path):
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (32, 48, 3), np.uint8) for _ in range(40)]
    live = Live(open_video(cut(write_avi(tmp_path / "a.avi", frames, rate=200), 0.5)))
    last = live.follow()[-1]
    assert last["state"] == "failed" and "a.avi breaks off at frame" in last["message"]
    assert last["number"] is not None
    live.end()
    assert type(live.error) is BrokenVideo and str(live.error) == last["message"]


def test_a_frame_that_the_network_refuses_ends_the_view(video):
    def refuse(image):
        raise LfpError("There is not enough memory for an image of this size.")

    live = Live(open_video(video), labelling(refuse))
    assert live.follow()[-1]["message"].startswith("There is not enough memory")
    live.end()
    assert type(live.error) is LfpError


def test_ctrl_c_is_a_good_end(video, monkeypatch):
    view = WebView(Stage("x"))

    def interrupted(over):
        raise KeyboardInterrupt

    monkeypatch.setattr(view, "run", interrupted)
    source = open_video(video)
    assert run_live(source, view, labelling()) == 0
    view.close()
    assert view.stage.snapshot()["message"] == "The live view was stopped."
    assert not source._capture.isOpened()


def test_pixels_of_no_class_are_called_ignored():
    labels = np.full((2, 2), 255)
    result = Result(0, np.zeros((2, 2, 3), np.uint8), labels, labelling())
    assert result.name_at(1, 1) == (255, "ignored") and result.legend == []
    assert result.name_at(2, 0) is None and result.name_at(0, -1) is None
