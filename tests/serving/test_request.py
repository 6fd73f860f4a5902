"""The client of TensorFlow Serving, against a small server that speaks its REST form."""

import base64
import http.server
import json
import threading

import numpy as np
import pytest
import tensorflow as tf
import tiny
from pycocotools import mask as coco_mask

from lfp_tf.images.decode import encode_png
from lfp_tf.ops.detection.paste import paste_masks

PROGRAM = tiny.ROOT / "export" / "request.py"
SIZE = (30, 40)
_RANDOM = np.random.default_rng(0)
# Two objects, one of which reaches beyond the image, and a row that fills up.
DETECTIONS = {
    "boxes": [[[3.0, 5.5, 20.0, 31.0], [-4.0, -2.0, 9.5, 14.0], [0.0] * 4]],
    "classes": [[2, 0, 0]],
    "scores": [[0.9, 0.6, 0.0]],
    "num_detections": [2],
    "masks": [np.round(_RANDOM.random((3, 28, 28)), 3).tolist()],
}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        image = base64.b64decode(sent["inputs"]["image_bytes"][0]["b64"])
        if image == b"bad":
            status, answer = 400, {"error": "The image is of no format that is served."}
        elif image[:4] == b"\x89PNG":
            status, answer = 200, {"outputs": DETECTIONS}
        elif image == b"pose":
            status, answer = 200, {"outputs": {"keypoints": [[[1.0, 2.0, 0.5]]]}}
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
    # Nothing but the standard library, unless there are masks.
    alone = () if content[:4] == b"\x89PNG" else ("-S",)
    return tiny.run(
        *alone,
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


def test_objects_are_written_with_their_masks_as_predict_draws_them(tmp_path, url):
    done = ask(tmp_path, url, encode_png(np.zeros((*SIZE, 3), np.uint8)), "--model", "lfp")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'labels.png'}: 2 objects\n"
    objects = json.loads((tmp_path / "labels.png").read_bytes())
    assert [(row["class"], row["score"]) for row in objects] == [(2, 0.9), (0, 0.6)]
    boxes = tf.gather(tf.constant(DETECTIONS["boxes"][0][:2]), [1, 0, 3, 2], axis=1)
    masks = tf.constant(DETECTIONS["masks"][0][:2])
    expected = paste_masks(masks, boxes - tf.constant([0.0, 0.0, 1.0, 1.0]), SIZE).numpy()
    assert expected.any(axis=(1, 2)).all()
    for row, mask in zip(objects, expected, strict=True):
        lengths = coco_mask.frPyObjects(row["segmentation"], *SIZE)
        np.testing.assert_array_equal(coco_mask.decode(lengths), mask)


def test_what_else_a_network_finds_is_written_as_json(tmp_path, url):
    done = ask(tmp_path, url, b"pose")
    assert done.stdout == f"{tmp_path / 'labels.png'}: keypoints\n"
    written = json.loads((tmp_path / "labels.png").read_bytes())
    assert written == {"keypoints": [[1.0, 2.0, 0.5]]}


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
