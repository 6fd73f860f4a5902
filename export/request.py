"""Asks TensorFlow Serving about an image; the standard library is all it needs.

The labels of an image are written as a PNG; classes, keypoints or objects as JSON. Masks of objects
need numpy and OpenCV, too.

python export/request.py street.jpg --out labels.png
python export/request.py street.jpg --out objects.json
python export/request.py street.jpg --out labels.png --url http://127.0.0.1:8501 --model lfp
"""

import argparse
import base64
import json
import pathlib
import sys
import urllib.error
import urllib.request


def body(image):
    """The request's JSON for an image's bytes: base64, as the server's REST interface takes it."""
    content = base64.b64encode(image).decode()
    return json.dumps({"inputs": {"image_bytes": [{"b64": content}]}}).encode()


def outputs_of(answer):
    """{name: one entry per image} of the server's JSON.

    The server writes bytes raw into a JSON string, but for outputs called `..._bytes`. Such an
    answer is no UTF-8; as Latin-1 each of its characters is a byte.
    """
    return json.loads(answer.decode("latin-1"))["outputs"]


def found(outputs, image):
    """What to write: (bytes of a PNG or of JSON, a line that says what it is).

    Args:
        outputs: of one image.
        image: its bytes.
    """
    if "labels_png" in outputs:
        height, width = outputs["sizes"][0]
        return outputs["labels_png"][0].encode("latin-1"), f"{width}x{height}"
    first = {name: rows[0] for name, rows in outputs.items()}
    if "num_detections" not in first:
        return json.dumps(first, indent=1).encode(), ", ".join(first)
    objects = objects_of(first, image)
    return json.dumps(objects, indent=1).encode(), f"{len(objects)} objects"


def objects_of(detections, image):
    """Detections as dictionaries: class number, score, box and, if there is one, the mask.

    Returns:
        [{"class", "score", "box": [ymin, xmin, ymax, xmax] in pixels, "segmentation": {"size",
        "counts"} (COCO's run lengths, not compressed)}].
    """
    objects = [
        {
            "class": int(detections["classes"][n]),
            "score": detections["scores"][n],
            "box": detections["boxes"][n],
        }
        for n in range(int(detections["num_detections"]))
    ]
    if "masks" in detections:
        import cv2  # masks are the one thing that needs more than the standard library
        import numpy as np

        pixels = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_IGNORE_ORIENTATION)
        for n, row in enumerate(objects):
            mask = pasted(detections["masks"][n], row["box"], pixels.shape[:2])
            row["segmentation"] = run_lengths(mask)
    return objects


def pasted(mask, box, size):
    """A mask within its box, enlarged as Detectron's `segm_results` does: bool [H, W]."""
    import cv2
    import numpy as np

    ringed = np.pad(np.array(mask, np.float32), 1)
    box = np.array(box, np.float32)
    low, high = box[:2], box[2:] - 1
    half = (high - low) * np.float32(0.5) * np.float32(len(ringed) / (len(ringed) - 2))
    middle = (low + high) * np.float32(0.5)
    top, left = (middle - half).astype(int)
    bottom, right = (middle + half).astype(int)
    height, width = max(bottom - top + 1, 1), max(right - left + 1, 1)
    is_object = cv2.resize(ringed, (int(width), int(height))) > 0.5
    whole = np.zeros(size, bool)
    rows, columns = slice(max(top, 0), bottom + 1), slice(max(left, 0), right + 1)
    place = whole[rows, columns]
    first = max(-top, 0), max(-left, 0)
    place[:] = is_object[first[0] :, first[1] :][: place.shape[0], : place.shape[1]]
    return whole


def run_lengths(bitmap):
    """COCO's run lengths: pixels outside and inside in turn, down the columns."""
    import numpy as np

    flat = np.concatenate([[False], bitmap.ravel(order="F")])
    ends = np.flatnonzero(flat[1:] != flat[:-1])
    counts = np.diff([0, *ends, bitmap.size]).tolist()
    return {"size": list(bitmap.shape), "counts": counts}


def ask(url, image, timeout=60.0):
    """Sends an image; gives the outputs of the network, one entry per image.

    Raises:
        SystemExit: with a sentence, if the server is not there or refuses.
    """
    request = urllib.request.Request(url, body(image), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return outputs_of(answer.read())
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        raise SystemExit(f"{url} refused the image: {text.strip()}") from None
    except OSError as error:
        raise SystemExit(f"{url} does not answer: {error}.") from None


def main(words=None):
    """Sends one image and writes what the network finds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("image", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the label PNG or the JSON")
    parser.add_argument("--url", default="http://127.0.0.1:8501", help="of the server")
    parser.add_argument("--model", default="lfp", help="its name in models.config")
    arguments = parser.parse_args(words)
    url = f"{arguments.url}/v1/models/{arguments.model}:predict"
    try:
        image = arguments.image.read_bytes()
    except OSError as error:
        raise SystemExit(f"{arguments.image} cannot be read: {error.strerror}.") from None
    content, summary = found(ask(url, image), image)
    arguments.out.write_bytes(content)
    print(f"{arguments.out}: {summary}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
