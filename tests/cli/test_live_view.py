"""The live view without a network: the newest frame, the page's answers, and who may ask."""

import http.client
import json
import socket
import sys
import threading
import time
import types
import urllib.error
import urllib.request

import numpy as np
import pytest
from drawn_video import cut, number_of, numbered_frames, write_avi, write_mp4

from lfp_tf.cli.live_view import newest, web, window
from lfp_tf.cli.live_view.newest import NewestFrame
from lfp_tf.cli.live_view.session import open_view, run_live
from lfp_tf.cli.live_view.stage import Result, Stage
from lfp_tf.cli.live_view.web import WebView
from lfp_tf.errors import LfpError
from lfp_tf.pictures.decode import read_labels, read_picture
from lfp_tf.pictures.palette import ClassTable
from lfp_tf.pictures.video import BrokenVideo, open_video

TABLE = ClassTable(("road", "<b>sky</b>"), np.array([[200, 0, 0], [0, 0, 100]], np.uint8))


def left_is_road(picture):
    """Labels: a quarter road, the rest sky."""
    labels = np.ones(picture.shape[:2], np.int64)
    labels[:, : picture.shape[1] // 4] = 0
    return labels


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(web, "FAREWELL_SECONDS", 0.3)


@pytest.fixture
def video(tmp_path):
    return write_mp4(tmp_path / "a.mp4", numbered_frames(10), rate=50)


class Page:
    """A page and questions to it."""

    def __init__(self, view):
        self.view, self.url = view, view.url

    def get(self, path, **headers):
        request = urllib.request.Request(self.url + path, headers=headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers, answer.read()

    def refusal(self, path, **headers):
        with pytest.raises(urllib.error.HTTPError) as error:
            self.get(path, **headers)
        return error.value.code


@pytest.fixture
def shown():
    """The page of a stage that shows one frame, grey 95."""
    view = WebView(Stage("a.mp4"))
    picture = numbered_frames(10)[9]
    view.stage.publish(Result(9, picture, left_is_road(picture), TABLE))
    yield Page(view)
    view.close()


class Live(Page):
    """A live view that runs in a thread, and what came of it."""

    def __init__(self, source, segment=left_is_road, **more):
        super().__init__(WebView(Stage(source.name)))
        self.value = self.error = None

        def run():
            try:
                self.value = run_live(source, self.view, segment, TABLE, **more)
            except BaseException as error:
                self.error = error
            self.view.close()

        self.thread = threading.Thread(target=run)
        self.thread.start()

    def state(self, **known):
        words = "&".join(f"{key}={value}" for key, value in known.items())
        return json.loads(self.get(f"state?{words}")[2])

    def follow(self):
        """All news until the end."""
        seen = [self.state()]
        while seen[-1]["state"] not in ("ended", "failed"):
            number = seen[-1]["number"]
            seen.append(
                self.state(number="" if number is None else number, state=seen[-1]["state"])
            )
        return seen

    def end(self):
        self.thread.join(20)
        assert not self.thread.is_alive()
        return self.value


# The newest frame


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
    seen = []
    while (taken := frames.take()) is not None:
        seen.append(taken[0])
        time.sleep(0.03)
    frames.stop()
    assert seen == sorted(set(seen)) and len(seen) < 60 and seen[-1] == 199
    assert all(late - early > 3 for early, late in zip(seen[1:-2], seen[2:-1], strict=True))
    assert source.closed


def test_a_quick_taker_gets_every_frame():
    frames = NewestFrame(Counting(5, pause=0.03))
    frames.start()
    seen = []
    while (taken := frames.take()) is not None:
        seen.append(taken[0])
    frames.stop()
    assert seen == [0, 1, 2, 3, 4]


def test_a_file_is_read_at_its_own_speed(tmp_path):
    path = write_mp4(tmp_path / "a.mp4", numbered_frames(8), rate=20)
    frames = NewestFrame(open_video(path), every=2)
    begin = time.monotonic()
    frames.start()
    seen = []
    while (taken := frames.take()) is not None:
        seen.append((taken[0], number_of(taken[1])))
    passed = time.monotonic() - begin
    frames.stop()
    assert seen == [(0, 0), (2, 2), (4, 4), (6, 6)] and 0.29 < passed < 2


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


# The page


def test_a_video_starts_with_its_viewer_and_its_end_is_told(video):
    live = Live(open_video(video))
    time.sleep(0.2)
    assert live.view.stage.result is None
    seen = live.follow()
    assert live.end() is not None and live.error is None
    numbers = [news["number"] for news in seen if news["number"] is not None]
    assert numbers == sorted(numbers) and numbers[-1] == 9
    last = seen[-1]
    assert (last["state"], last["message"], last["title"]) == ("ended", "", str(video))
    assert (last["height"], last["width"]) == (32, 48)
    assert last["classes"] == [
        {"id": 1, "name": "<b>sky</b>", "pixels": 1152, "share": 0.75, "color": "#000064"},
        {"id": 0, "name": "road", "pixels": 384, "share": 0.25, "color": "#c80000"},
    ]
    assert last["frames_per_second"] > 1


def test_the_newest_frame_is_served_as_pictures_labels_and_names(shown):
    _, headers, data = shown.get("overlay.jpg?frame=9")
    assert headers["Content-Type"] == "image/jpeg"
    # Half of grey 95, half of the class's colour.
    overlay = read_picture(data).astype(float)
    assert np.abs(overlay[:, :10].mean(axis=(0, 1)) - [147.5, 47.5, 47.5]).max() < 8
    assert np.abs(overlay[:, 16:].mean(axis=(0, 1)) - [47.5, 47.5, 97.5]).max() < 8
    assert number_of(read_picture(shown.get("picture.jpg")[2])) == 9
    labels = read_labels(shown.get("labels.png")[2])
    np.testing.assert_array_equal(labels, left_is_road(np.zeros((32, 48, 3))))
    for (x, y), wanted in {(0, 0): (0, "road"), (12, 31): (1, "<b>sky</b>")}.items():
        found = json.loads(shown.get(f"class?x={x}&y={y}")[2])
        assert (found["id"], found["name"], found["number"]) == (*wanted, 9)
    for query in ("x=48&y=0", "x=0&y=32", "x=-1&y=0", "x=a&y=0", "x=0", f"x={'9' * 99}&y=0", ""):
        assert shown.refusal(f"class?{query}") == 404


def test_news_are_answered_when_there_are_any(shown, monkeypatch):
    monkeypatch.setattr(web, "NEWS_SECONDS", 0.3)
    begin = time.monotonic()
    assert json.loads(shown.get("state?number=8&state=loading")[2])["number"] == 9
    assert json.loads(shown.get("state")[2])["number"] == 9
    assert time.monotonic() - begin < 0.3
    assert json.loads(shown.get("state?number=9&state=loading")[2])["number"] == 9
    assert time.monotonic() - begin >= 0.3
    threading.Timer(0.1, shown.view.stage.set_state, ["ended"]).start()
    monkeypatch.setattr(web, "NEWS_SECONDS", 20)
    assert json.loads(shown.get("state?number=9&state=loading")[2])["state"] == "ended"
    assert time.monotonic() - begin < 15


def test_the_page_is_constant_and_nothing_else_is_served(shown, video):
    for path, kind in (("", "text/html"), ("live.css", "text/css"), ("live.js", "text/javascript")):
        status, headers, data = shown.get(path)
        assert status == 200 and headers["Content-Type"].startswith(kind) and data
        assert headers["Cache-Control"] == "no-store"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "default-src 'self'" in headers["Content-Security-Policy"]
    for path in ("a.mp4", "../a.mp4", "etc/passwd", "%2e%2e/a.mp4", "favicon.ico", str(video)):
        assert shown.refusal(path) == 404


def test_only_this_machines_name_is_answered(shown):
    port = int(shown.url.rsplit(":", 1)[1].strip("/"))
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port + 1}"):
        for path in ("", "state", "picture.jpg"):
            assert shown.refusal(path, Host=host) == 403
    assert shown.get("", Host=f"localhost:{port}")[0] == 200
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("POST", "/state", headers={"Host": f"127.0.0.1:{port}"})
    assert connection.getresponse().status == 501
    connection.close()


def test_a_view_of_some_frames_says_so(video):
    live = Live(open_video(video), most=3)
    last = live.follow()[-1]
    assert (last["state"], live.end()) == ("ended", 3)
    assert last["message"] == "The live view stopped after 3 frames, as asked."


def test_it_listens_on_the_loopback_alone_and_says_when_a_port_is_taken():
    view = WebView(Stage("x"))
    try:
        assert view._server.server_address[0] == "127.0.0.1"
        assert view.greeting.startswith("The live view is at http://127.0.0.1:")
        with pytest.raises(LfpError, match=r"--port \d+ cannot be used \(Address already in use\)"):
            WebView(Stage("x"), port=view._server.server_port)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(view.url + "picture.jpg", timeout=5)
    finally:
        view.close()
    with socket.socket() as probe:
        probe.settimeout(1)
        assert probe.connect_ex(("127.0.0.1", view._server.server_address[1])) != 0


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
    def refuse(picture):
        raise LfpError("There is not enough memory for a picture of this size.")

    live = Live(open_video(video), refuse)
    assert live.follow()[-1]["message"].startswith("There is not enough memory")
    live.end()
    assert type(live.error) is LfpError


def test_ctrl_c_is_a_good_end(video, monkeypatch):
    view = WebView(Stage("x"))

    def interrupted(over):
        raise KeyboardInterrupt

    monkeypatch.setattr(view, "run", interrupted)
    source = open_video(video)
    assert run_live(source, view, left_is_road, TABLE) == 0
    view.close()
    assert view.stage.snapshot()["message"] == "The live view was stopped."
    assert not source._capture.isOpened()


def test_pixels_of_no_class_are_called_ignored():
    labels = np.full((2, 2), 255)
    result = Result(0, np.zeros((2, 2, 3), np.uint8), labels, TABLE)
    assert result.class_at(1, 1) == (255, "ignored") and result.legend == []
    assert result.class_at(2, 0) is None and result.class_at(0, -1) is None


# Windows


class FakeTk(types.ModuleType):
    """What of tkinter the window uses; `mainloop` runs what was asked for `after` a while."""

    class TclError(Exception):
        pass

    def __init__(self, has_display=True):
        super().__init__("tkinter")
        self.roots, self.widgets, self.images = [], [], []
        module = self

        class Widget:
            def __init__(self, root=None, **options):
                self.options, self.bound = options, {}
                module.widgets.append(self)

            def configure(self, **options):
                self.options |= options

            def pack(self, **_):
                pass

            def bind(self, name, function):
                self.bound[name] = function

        class Tk(Widget):
            def __init__(self):
                if not has_display:
                    raise FakeTk.TclError("no display name and no $DISPLAY environment variable")
                super().__init__()
                self.waiting, self.running, self.destroyed, self.after_show = [], True, False, None
                module.roots.append(self)

            def withdraw(self):
                pass

            deiconify = withdraw

            def title(self, text):
                self.text = text

            def protocol(self, name, function):
                self.bound[name] = function

            def after(self, _, function):
                self.waiting.append(function)

            def mainloop(self):
                while self.running and self.waiting:
                    time.sleep(0.002)
                    self.waiting.pop(0)()
                    if module.images and self.after_show:
                        self.after_show()

            def quit(self):
                self.running = False

            def destroy(self):
                self.destroyed = True

        def photo(data, format):
            module.images.append(data)
            return data

        self.Tk, self.Label, self.PhotoImage = Tk, Widget, photo


def test_a_window_is_chosen_where_there_is_a_display(monkeypatch):
    monkeypatch.setitem(sys.modules, "tkinter", FakeTk())
    for name in ("auto", "window"):
        view = open_view(name, "a.mp4")
        assert type(view) is window.WindowView
        view.close()
    view = open_view("web", "a.mp4")
    assert type(view) is WebView
    view.close()


@pytest.mark.parametrize("missing", [None, FakeTk(has_display=False)], ids=["tkinter", "display"])
def test_without_a_display_the_page_is_taken(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, "tkinter", missing)
    view = open_view("auto", "a.mp4")
    assert type(view) is WebView
    view.close()
    with pytest.raises(LfpError, match="No window can be opened here .*; use --view web."):
        open_view("window", "a.mp4")


def test_the_window_shows_frames_legend_and_the_class_under_the_mouse(monkeypatch, video):
    tk = FakeTk()
    monkeypatch.setitem(sys.modules, "tkinter", tk)
    view = open_view("window", "a.mp4")
    (root,) = tk.roots
    picture, legend, line = (w for w in tk.widgets if w is not root)
    point = types.SimpleNamespace(x=0, y=0)
    root.after_show = lambda: picture.bound["<Motion>"](point)
    num_frames = run_live(open_video(video), view, left_is_road, TABLE)
    view.close()
    assert num_frames >= 1 and root.destroyed and root.text == "lfp-tf: a.mp4"
    assert tk.images[-1].startswith(b"P6 48 32 255\n") and len(tk.images[-1]) == 13 + 48 * 32 * 3
    assert legend.options["text"] == " 75.0%  <b>sky</b>\n 25.0%  road"
    assert line.options["text"].startswith("frame 9") and line.options["text"].endswith("road")


@pytest.mark.parametrize("how", ["q", "WM_DELETE_WINDOW"])
def test_q_and_closing_the_window_end_the_view(monkeypatch, tmp_path, how):
    tk = FakeTk()
    monkeypatch.setitem(sys.modules, "tkinter", tk)
    view = open_view("auto", "a.mp4")
    (root,) = tk.roots
    quit_ = root.bound[how]
    root.after_show = (lambda: quit_(None)) if how == "q" else quit_
    path = write_mp4(tmp_path / "long.mp4", numbered_frames(25), rate=2)
    begin = time.monotonic()
    assert 1 <= run_live(open_video(path), view, left_is_road, TABLE) < 5
    assert time.monotonic() - begin < 5
    view.close()
