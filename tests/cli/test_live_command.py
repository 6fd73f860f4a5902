"""`lfp-tf predict --live` as a user starts it: in Chromium, and ended with Ctrl-C."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request

import numpy as np
import pytest
import tiny
from drawn_video import numbered_frames, write_mp4
from live_page import labelling
from small_network import random_images

from lfp_tf.cli.live_view.stage import Result, Stage
from lfp_tf.cli.live_view.web import WebView
from lfp_tf.images.decode import read_image
from lfp_tf.images.palette import ClassTable, class_table

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium here")


def browse(url, tmp_path, *words):
    """Opens a page in headless Chromium until nothing more happens; returns its standard output."""
    done = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=900,700",
            f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=10000", *words, url,
        ],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


class Command:
    """A running `lfp-tf predict --live`, and its page's address."""

    def __init__(self, video, folder, *words):
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "lfp_tf.cli", "predict", str(video), "--live", "--view=web",
                "--experiment=pspnet18_scenes", f"--checkpoint={folder}", *words,
            ],
            env=os.environ | {"PYTHONPATH": str(tiny.ROOT)},
            stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            # A test in the background of a shell would hand down that Ctrl-C is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        greeting = self.process.stderr.readline()
        self.url = re.search(r"http://127\.0\.0\.1:\d+/", greeting)[0]

    def end(self):
        """(exit status, what it said on standard error)."""
        try:
            _, said = self.process.communicate(timeout=120)
        finally:
            self.process.kill()
        return self.process.returncode, said


@needs_browser
def test_the_page_in_chromium_shows_a_video_to_its_end(network, tmp_path):
    video = write_mp4(tmp_path / "camera.mp4", list(random_images(*[(96, 128)] * 6)), rate=5)
    command = Command(video, network[1])
    try:
        page = browse(command.url, tmp_path, "--dump-dom")
    finally:
        status, said = command.end()
    assert (status, "Traceback" in said) == (0, False)
    assert re.search(rf"^[1-6] frames of {re.escape(str(video))} were shown\.$", said, re.M)
    assert re.search(r'id="facts">frame 5, 128x96', page), page
    assert re.search(r'id="state"[^>]*>The video has ended\.<', page)
    assert re.search(r'src="/overlay.jpg\?frame=5"', page)
    legend = re.search(r'id="legend">(.*?)</tbody>', page, re.DOTALL)[1]
    names = re.findall(r'class="name">([^<]+)<', legend)
    assert names and set(names) <= set(class_table("scenes").names)
    shares = [float(share) for share in re.findall(r'class="share">([\d.]+) %<', legend)]
    assert len(shares) == len(names) and abs(sum(shares) - 100) < 1


@needs_browser
def test_the_image_reaches_the_screen_in_its_colours(tmp_path):
    table = ClassTable(("road", "<b>sky"), np.array([[250, 0, 0], [0, 0, 250]], np.uint8))
    labels = np.repeat([[0, 1]], 30, axis=1).repeat(60, axis=0)
    view, results = WebView(Stage("a.mp4")), labelling(table=table)
    view.stage.publish(Result(3, np.full((60, 60, 3), 100, np.uint8), labels, results))
    view.stage.set_state("ended")
    try:
        browse(view.url, tmp_path, f"--screenshot={tmp_path / 'page.png'}")
        page = browse(view.url, tmp_path, "--dump-dom")
    finally:
        view.close()
    screen = read_image(str(tmp_path / "page.png")).reshape(-1, 3).astype(int)
    for color in ((175, 50, 50), (50, 50, 175), (100, 100, 100), (250, 0, 0), (0, 0, 250)):
        near = np.abs(screen - color).max(axis=1) < 12
        assert near.sum() > 100, color
    assert "&lt;b&gt;sky" in page and "<b>sky" not in page


def test_ctrl_c_ends_the_view_with_status_0(network, tmp_path):
    video = write_mp4(tmp_path / "long.mp4", numbered_frames(25), rate=0.5)
    command = Command(video, network[1], "--long_side=40")
    state, number = "", ""
    while number in ("", None):
        url = f"{command.url}state?state={state}&number="
        with urllib.request.urlopen(url, timeout=60) as answer:
            news = json.load(answer)
        state, number = news["state"], news["number"]
    command.process.send_signal(signal.SIGINT)
    status, said = command.end()
    assert status == 0 and "Traceback" not in said
    assert re.search(r"^\d frames of .*long\.mp4 were shown\.$", said, re.M)
