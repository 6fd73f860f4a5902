"""The live view as a web page, served on this machine alone.

| path | answer |
| --- | --- |
| `/` | the page, with `/live.css` and `/live.js` |
| `/state?number=N&state=S` | JSON of the newest frame, once it is not frame N or state S |
| `/overlay.jpg`, `/image.jpg`, `/labels.png` | the newest frame |
| `/class?x=COLUMN&y=ROW` | JSON {"id", "name"} of one pixel of it |

No path leads to a file. A page of another site can neither read nor embed the camera's images:
requests must name this server as their host, and answers are for the same origin only.
"""

import http.server
import io
import json
import socket
import socketserver
import threading
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

from lfp_tf.cli.live_view.stage import Stage
from lfp_tf.errors import LfpError
from lfp_tf.templates import render

ADDRESS = "127.0.0.1"
# How long a request for news waits, and how long pages may still fetch the last frame.
NEWS_SECONDS = 5.0
FAREWELL_SECONDS = 1.5
CONNECTION_SECONDS = 30.0
# Path: type and template of the page's constant files, nothing of which is made from data.
_TEXTS = {
    "/": ("text/html; charset=utf-8", "live.html"),
    "/live.css": ("text/css; charset=utf-8", "live.css"),
    "/live.js": ("text/javascript; charset=utf-8", "live.js"),
}
_IMAGES = {
    "/overlay.jpg": ("image/jpeg", "overlay_jpeg"),
    "/image.jpg": ("image/jpeg", "image_jpeg"),
    # Its former address.
    "/picture.jpg": ("image/jpeg", "image_jpeg"),
}
_LABELS = "/labels.png"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class WebView:
    """Serves a `Stage` as a page until it is over.

    Args:
        stage: what is shown.
        port: 0 takes a free one.

    Attributes:
        url: where the page is.
    """

    def __init__(self, stage: Stage, *, port: int = 0) -> None:
        self.stage = stage
        try:
            self._server = _Server(stage, port)
        except (OSError, OverflowError) as error:
            raise LfpError(
                f"--port {port} cannot be used ({getattr(error, 'strerror', error)}); "
                "give another, or 0 for a free one."
            ) from error
        self.url = f"http://{ADDRESS}:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def greeting(self) -> str:
        """The sentence that tells a user where to look."""
        return f"The live view is at {self.url} (Ctrl-C ends it)."

    def wait_for_viewer(self, is_cancelled: Callable[[], bool]) -> bool:
        """Waits until the page is requested; False where `is_cancelled()` came first."""
        while not self.stage.wait_for_visitor(0.1):
            if is_cancelled():
                return False
        return True

    def run(self, over: threading.Event) -> None:
        """Shows the stage until `over` is set, then lets pages see the end."""
        while not over.wait(0.2):  # A wait without end would not notice Ctrl-C everywhere.
            pass
        if self.stage.wait_for_visitor(0):
            time.sleep(FAREWELL_SECONDS)

    def close(self) -> None:
        """Stops serving."""
        self._server.shutdown()
        self._server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, stage: Stage, port: int) -> None:
        self.stage = stage
        super().__init__((ADDRESS, port), _Handler)
        # Another name for 127.0.0.1 is that of a foreign page that resolves to this machine.
        self.hosts = {f"{name}:{self.server_port}" for name in (ADDRESS, "localhost")}

    def server_bind(self) -> None:
        """Binds without asking the name service for our name, which may take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = ADDRESS, self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """A viewer that went away in the middle is nothing to report."""


class _Incoming(io.RawIOBase):
    """What a viewer sends, until a deadline.

    A socket's own timeout begins anew with every byte, so that a viewer who sends one now and then
    would hold its thread for ever.

    Attributes:
        deadline: by the monotonic clock.
    """

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connection = connection
        self.deadline = 0.0

    def readable(self) -> bool:
        """Tells that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Reads what has come.

        Raises:
            TimeoutError: nothing came before the deadline.
        """
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "lfp-tf", ""

    def setup(self) -> None:
        """Makes the streams of a connection; what is read has a deadline."""
        super().setup()
        self._incoming = _Incoming(self.connection)
        self.rfile = io.BufferedReader(self._incoming)

    def handle_one_request(self) -> None:
        """Answers a request, which must have come whole within `CONNECTION_SECONDS`."""
        self._incoming.deadline = time.monotonic() + CONNECTION_SECONDS
        super().handle_one_request()

    def do_GET(self) -> None:  # noqa: N802 (the name is http.server's)
        """Answers a request for the page, its state or its images."""
        if self.headers.get("Host") not in self.server.hosts:
            return self._refuse(403, f"Ask for {ADDRESS}, not for another name.")
        try:
            url = urllib.parse.urlsplit(self.path)
        except ValueError:  # `http://[`
            return self._refuse(400, "The address is none.")
        values = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        if url.path in _TEXTS:
            kind, name = _TEXTS[url.path]
            self.server.stage.visit()
            return self._send(200, kind, render(f"cli/live_view/templates/{name}").encode())
        if url.path == "/state":
            return self._send_state(values)
        result = self.server.stage.result
        if url.path not in (*_IMAGES, _LABELS, "/class"):
            return self._refuse(404, "There is no such page.")
        if result is None:
            return self._refuse(404, "There is no frame yet.")
        if url.path == "/class":
            return self._send_class(result, values)
        if url.path == _LABELS:
            return self._send_labels(result)
        kind, name = _IMAGES[url.path]
        return self._send(200, kind, getattr(result, name))

    def _send_state(self, values):
        stage = self.server.stage
        stage.visit()
        stage.wait_newer(_whole(values.get("number")), values.get("state"), NEWS_SECONDS)
        self._send(200, "application/json", json.dumps(stage.snapshot()).encode())

    def _send_class(self, result, values):
        x, y = _whole(values.get("x")), _whole(values.get("y"))
        pixel = None if x is None or y is None else result.name_at(x, y)
        if pixel is None:
            return self._refuse(404, "x and y must be a column and a row of the frame.")
        label, name = pixel
        answer = {"id": label, "name": name, "number": result.number}
        return self._send(200, "application/json", json.dumps(answer).encode())

    def _send_labels(self, result):
        labels = result.files.get(".labels.png")
        if labels is None:
            return self._refuse(404, "This network labels no pixels.")
        return self._send(200, "image/png", labels)

    def _refuse(self, status, sentence):
        self._send(status, "text/plain; charset=utf-8", sentence.encode())

    def _send(self, status, kind, content):
        self.connection.settimeout(CONNECTION_SECONDS)  # For all of the answer together.
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(content))}
        for name, value in (headers | _HEADERS).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Requests are not logged: standard error is for the user."""


def _whole(text):
    """A whole number of at most nine digits, or None."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None
