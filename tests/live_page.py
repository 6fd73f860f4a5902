"""A live view without a network for tests: its page, questions to it, and a view in a thread."""

import json
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest
from words import parsed

from lfp_tf.cli.live_view.session import run_live
from lfp_tf.cli.live_view.stage import Stage
from lfp_tf.cli.live_view.web import WebView
from lfp_tf.images.palette import ClassTable
from lfp_tf.tasks.classification import results as of_classes
from lfp_tf.tasks.pose import results as of_people
from lfp_tf.tasks.segmentation import results as of_labels

TABLE = ClassTable(("road", "<b>sky</b>"), np.array([[200, 0, 0], [0, 0, 100]], np.uint8))


def left_is_road(image):
    """Labels: a quarter road, the rest sky."""
    labels = np.ones(image.shape[:2], np.int64)
    labels[:, : image.shape[1] // 4] = 0
    return labels


def labelling(labels=left_is_road, table=TABLE):
    """`Results` of a network that is a function of an image to its labels."""
    return of_labels.Results(labels, None, table, {}, parsed("predict"))


def classifying(names=("cat", "dog")):
    """`Results` of a classifier that is always as sure of the second class."""
    return of_classes.Results(lambda image: np.array([0.25, 0.75], np.float32), names, {})


def pointing(names=("left_hip", "neck", "right_hip")):
    """`Results` of a network that puts everybody's joints on the image's diagonal."""
    joints = np.array([[4 * n, 4 * n, n / 4] for n in range(len(names))], np.float32)
    return of_people.Results(lambda image, boxes: np.stack([joints] * len(boxes)), names, {})


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


class Live(Page):
    """A live view that runs in a thread, and what came of it."""

    def __init__(self, source, results=None, **more):
        super().__init__(WebView(Stage(source.name)))
        self.value = self.error = None

        def run():
            try:
                self.value = run_live(source, self.view, results or labelling(), **more)
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
        states = [self.state()]
        while states[-1]["state"] not in ("ended", "failed"):
            number = states[-1]["number"]
            states.append(
                self.state(number="" if number is None else number, state=states[-1]["state"])
            )
        return states

    def end(self):
        self.thread.join(20)
        assert not self.thread.is_alive()
        return self.value
