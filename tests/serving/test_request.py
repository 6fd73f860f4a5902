"""The client of TensorFlow Serving, against a small server that speaks its REST form."""

import base64
import http.server
import json
import threading

import pytest
import tiny

PROGRAM = tiny.ROOT / "export" / "request.py"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        image = base64.b64decode(sent["inputs"]["image_bytes"][0]["b64"])
        if image == b"bad":
            status, answer = 400, {"error": "The image is of no format that is served."}
        else:
            # TensorFlow Serving (util/json_tensor.cc) wraps in base64 what is called `..._bytes`
            # only; other strings are written byte by byte, control signs escaped.
            outputs = {"labels_png": [image[::-1].decode("latin-1")], "sizes": [[3, 5]]}
            status, answer = 200, {"outputs": outputs}
        if self.path != "/v1/models/lfp:predict":
            status, answer = 404, {"error": "no such model"}
        content = json.dumps(answer, ensure_ascii=False).encode("latin-1")
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def url():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def ask(tmp_path, url, content, *more):
    (tmp_path / "street.jpg").write_bytes(content)
    return tiny.run(
        "-S",
        PROGRAM,
        tmp_path / "street.jpg",
        "--out",
        tmp_path / "labels.png",
        "--url",
        url,
        *more,
    )


def test_it_sends_the_image_and_writes_the_labels(tmp_path, url):
    done = ask(tmp_path, url, b"\x00image\xff")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "labels.png").read_bytes() == b"\xffegami\x00"
    assert done.stdout == f"{tmp_path / 'labels.png'}: 5x3\n"


def test_a_refusal_is_shown_and_nothing_written(tmp_path, url):
    done = ask(tmp_path, url, b"bad")
    assert done.returncode == 1
    assert "refused the image" in done.stderr and "no format that is served" in done.stderr
    assert not (tmp_path / "labels.png").exists()
    assert "no such model" in ask(tmp_path, url, b"x", "--model", "other").stderr


def test_a_server_that_is_not_there_is_one_sentence(tmp_path):
    done = ask(tmp_path, "http://127.0.0.1:9", b"x")
    assert done.returncode == 1 and "does not answer" in done.stderr
    assert "Traceback" not in done.stderr
