"""The live view's page: what it answers, and who may ask."""

import contextlib
import http.client
import json
import socket
import threading
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
from drawn_video import number_of, numbered_frames
from live_page import Page, classifying, labelling, left_is_road

from lfp_tf.cli.live_view import web
from lfp_tf.cli.live_view.stage import Result, Stage
from lfp_tf.cli.live_view.web import WebView
from lfp_tf.errors import LfpError
from lfp_tf.images.decode import read_image, read_labels


@pytest.fixture
def shown():
    """The page of a stage that shows one frame, grey 95."""
    view = WebView(Stage("a.mp4"))
    image = numbered_frames(10)[9]
    view.stage.publish(Result(9, image, left_is_road(image), labelling()))
    yield Page(view)
    view.close()


def test_the_newest_frame_is_served_as_images_labels_and_names(shown):
    _, headers, data = shown.get("overlay.jpg?frame=9")
    assert headers["Content-Type"] == "image/jpeg"
    # Half of grey 95, half of the class's colour.
    overlay = read_image(data).astype(float)
    assert np.abs(overlay[:, :10].mean(axis=(0, 1)) - [147.5, 47.5, 47.5]).max() < 8
    assert np.abs(overlay[:, 16:].mean(axis=(0, 1)) - [47.5, 47.5, 97.5]).max() < 8
    assert number_of(read_image(shown.get("image.jpg")[2])) == 9
    labels = read_labels(shown.get("labels.png")[2])
    np.testing.assert_array_equal(labels, left_is_road(np.zeros((32, 48, 3))))
    for (x, y), expected in {(0, 0): (0, "road"), (12, 31): (1, "<b>sky</b>")}.items():
        answer = json.loads(shown.get(f"class?x={x}&y={y}")[2])
        assert (answer["id"], answer["name"], answer["number"]) == (*expected, 9)
    for query in ("x=48&y=0", "x=0&y=32", "x=-1&y=0", "x=a&y=0", "x=0", f"x={'9' * 99}&y=0", ""):
        assert shown.refusal(f"class?{query}") == 404


def test_a_classifiers_frame_has_no_labels_and_no_names_of_pixels():
    view = WebView(Stage("a.mp4"))
    results, image = classifying(), numbered_frames(10)[9]
    view.stage.publish(Result(9, image, results.predict(image), results))
    page = Page(view)
    try:
        assert number_of(read_image(page.get("image.jpg")[2])) == 9
        assert read_image(page.get("overlay.jpg")[2]).shape == image.shape
        assert page.refusal("labels.png") == page.refusal("class?x=0&y=0") == 404
    finally:
        view.close()


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
        for path in ("", "state", "image.jpg"):
            assert shown.refusal(path, Host=host) == 403
    assert shown.get("", Host=f"localhost:{port}")[0] == 200
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("POST", "/state", headers={"Host": f"127.0.0.1:{port}"})
    assert connection.getresponse().status == 501
    connection.close()


def test_it_listens_on_the_loopback_alone_and_says_when_a_port_is_taken():
    view = WebView(Stage("x"))
    try:
        assert view._server.server_address[0] == "127.0.0.1"
        assert view.greeting.startswith("The live view is at http://127.0.0.1:")
        with pytest.raises(LfpError, match=r"--port \d+ cannot be used \(Address already in use\)"):
            WebView(Stage("x"), port=view._server.server_port)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(view.url + "image.jpg", timeout=5)
    finally:
        view.close()
    with socket.socket() as probe:
        probe.settimeout(1)
        assert probe.connect_ex(("127.0.0.1", view._server.server_address[1])) != 0


def answer_to(shown, request):
    """The first line of the answer to raw bytes."""
    with socket.create_connection(("127.0.0.1", shown.view._server.server_port), 20) as connection:
        connection.sendall(request)
        return connection.makefile("rb").readline()


@pytest.mark.parametrize("address", ["http://[", "http://[x", "http://[::1", "/%zz?[", "/\x00"])
def test_an_address_that_is_none_is_answered(shown, address):
    host = shown.url.split("/")[2]
    answer = answer_to(shown, f"GET {address} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert answer.split()[1] in (b"400", b"404")
    if "[" in address and "?" not in address:
        assert answer.split()[1] == b"400"


def test_a_viewer_that_sends_a_byte_now_and_then_loses_its_thread(shown, monkeypatch):
    monkeypatch.setattr(web, "CONNECTION_SECONDS", 0.5)
    before = threading.active_count()
    with socket.create_connection(("127.0.0.1", shown.view._server.server_port), 20) as connection:
        begin = time.monotonic()
        with contextlib.suppress(OSError):
            for _ in range(100):
                connection.sendall(b"G")
                connection.settimeout(0.1)
                with contextlib.suppress(TimeoutError):
                    if connection.recv(1) == b"":
                        break
        assert time.monotonic() - begin < 5
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() <= before
    assert shown.get("state")[0] == 200
