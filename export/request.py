"""Asks TensorFlow Serving for an image's labels; the standard library is all it needs.

python export/request.py street.jpg --out labels.png
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


def labels_of(answer):
    """(PNG bytes, height, width) of the server's JSON.

    The server writes bytes raw into a JSON string, but for outputs called `..._bytes`. Such an
    answer is no UTF-8; as Latin-1 each of its characters is a byte.
    """
    outputs = json.loads(answer.decode("latin-1"))["outputs"]
    height, width = outputs["sizes"][0]
    return outputs["labels_png"][0].encode("latin-1"), height, width


def ask(url, image, timeout=60.0):
    """Sends an image; gives (PNG bytes, height, width).

    Raises:
        SystemExit: with a sentence, if the server is not there or refuses.
    """
    request = urllib.request.Request(url, body(image), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return labels_of(answer.read())
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        raise SystemExit(f"{url} refused the image: {text.strip()}") from None
    except OSError as error:
        raise SystemExit(f"{url} does not answer: {error}.") from None


def main(words=None):
    """Sends one image and writes its label PNG."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("image", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="the label PNG")
    parser.add_argument("--url", default="http://127.0.0.1:8501", help="of the server")
    parser.add_argument("--model", default="lfp", help="its name in models.config")
    arguments = parser.parse_args(words)
    url = f"{arguments.url}/v1/models/{arguments.model}:predict"
    try:
        image = arguments.image.read_bytes()
    except OSError as error:
        raise SystemExit(f"{arguments.image} cannot be read: {error.strerror}.") from None
    png, height, width = ask(url, image)
    arguments.out.write_bytes(png)
    print(f"{arguments.out}: {width}x{height}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
