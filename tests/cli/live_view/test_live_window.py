"""The live view's window, on a tkinter that only remembers, and when it is chosen."""

import sys
import time
import types

import pytest
from drawn_video import numbered_frames, write_mp4
from live_page import classifying, labelling

from lfp_tf.cli.live_view import window
from lfp_tf.cli.live_view.session import open_view, run_live
from lfp_tf.cli.live_view.web import WebView
from lfp_tf.errors import LfpError
from lfp_tf.images.video import open_video


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
    image, legend, line = (w for w in tk.widgets if w is not root)
    point = types.SimpleNamespace(x=0, y=0)
    root.after_show = lambda: image.bound["<Motion>"](point)
    num_frames = run_live(open_video(video), view, labelling())
    view.close()
    assert num_frames >= 1 and root.destroyed and root.text == "lfp-tf: a.mp4"
    assert tk.images[-1].startswith(b"P6 48 32 255\n") and len(tk.images[-1]) == 13 + 48 * 32 * 3
    assert legend.options["text"] == " 75.0%  <b>sky</b>\n 25.0%  road"
    assert line.options["text"].startswith("frame 9") and line.options["text"].endswith("road")


@pytest.mark.parametrize(
    ("results", "line"),
    [(labelling(), "q quits. Point at the image to name a class."), (classifying(), "q quits.")],
    ids=["segmentation", "classification"],
)
def test_the_line_tells_what_can_be_done(monkeypatch, video, results, line):
    tk = FakeTk()
    monkeypatch.setitem(sys.modules, "tkinter", tk)
    view = open_view("window", "a.mp4")
    run_live(open_video(video), view, results)
    view.close()
    assert tk.widgets[-1].options["text"].split("   ")[-1] == line


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
    assert 1 <= run_live(open_video(path), view, labelling()) < 5
    assert time.monotonic() - begin < 5
    view.close()
