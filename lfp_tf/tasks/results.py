"""From an image to what `predict` writes and a live view shows: what every task offers."""

import abc
import json
import time

from lfp_tf.errors import LfpError


class Results(abc.ABC):
    """A network, or an export of one, as a source of files, overlays and sentences.

    A task's file `results.py` has the class, as `Results`, and two functions that make one:
    `of_model(model, arguments, annotations)` and `of_export(folder, about, arguments,
    annotations)`.

    Attributes:
        facts: of network and protocol, for JSON.
        hint: what a live view says under its image where a pixel can be asked for its name.
    """

    hint = ""

    def __init__(self, facts):
        self.facts = facts

    @abc.abstractmethod
    def predict(self, image, source=None):
        """What the network says of an image uint8 [H, W, 3].

        Args:
            image: RGB.
            source: its path, where it is a file.

        Raises:
            LfpError: the image is refused.
        """

    def predictions(self, images, *, count):
        """Predicts image after image.

        Args:
            images: iterable of (path, image).
            count: how many there are at the most.

        Yields:
            (path, image, what `predict` gave or the LfpError it raised, seconds).
        """
        for source, image in images:
            begin = time.monotonic()
            try:
                prediction = self.predict(image, source)
            except LfpError as error:
                prediction = error
            yield source, image, prediction, time.monotonic() - begin

    @abc.abstractmethod
    def overlay(self, image, prediction):
        """The prediction drawn over its image, uint8 [H, W, 3]: a frame of a video."""

    def explained(self, image, prediction):
        """The overlay with what explains it, for a file of its own."""
        return self.overlay(image, prediction)

    @abc.abstractmethod
    def describe(self, prediction):
        """The prediction as plain values, for JSON."""

    def files(self, prediction):
        """{ending: content} of what an image gets besides overlay and JSON; `ENDINGS` tells."""
        return {}

    def frame_files(self, prediction):
        """{ending: content} of the files that a frame of a video gets on request."""
        return {".json": (json.dumps(self.describe(prediction), indent=1) + "\n").encode()}

    @abc.abstractmethod
    def line(self, source, paths, prediction):
        """What is printed of an image.

        Args:
            source: its path.
            paths: {ending: path written}.
        """

    @abc.abstractmethod
    def tally(self):
        """A `Tally` of a video's frames."""

    @abc.abstractmethod
    def legend(self, prediction):
        """What is in view, for a live view: list of {"name", "share" (0..1), "color" "#rrggbb"}."""

    @abc.abstractmethod
    def name_at(self, prediction, x, y):
        """(number, name) of what the pixel of a column and a row shows; None where nobody asks."""


class Tally(abc.ABC):
    """What is said of a whole video."""

    @abc.abstractmethod
    def add(self, number, prediction):
        """Takes in a frame by its number."""

    @abc.abstractmethod
    def describe(self):
        """Plain values, for JSON."""
