"""From an image to what `predict` writes and a live view shows: what every task offers."""

import abc
import json
import pathlib
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from lfp_tf.errors import LfpError


class Results(abc.ABC):
    """A network, or an export of one, as a source of files, overlays and sentences.

    A task's file `results.py` has the class, as `Results`, and two functions that make one:
    `of_model(model, arguments, annotations)` and `of_export(folder, about, arguments,
    annotations)`. Images are uint8 [H, W, 3] RGB; a prediction is what `predict` gives, of a kind
    that each task chooses for itself.

    Attributes:
        facts: of network and protocol, for JSON.
        hint: what a live view says under its image where pixels have names.
    """

    hint = ""

    def __init__(self, facts: dict) -> None:
        self.facts = facts

    @abc.abstractmethod
    def predict(self, image: np.ndarray, source: pathlib.Path | None = None) -> Any:
        """Predicts one image.

        Args:
            image: uint8 [H, W, 3] RGB.
            source: its path, where it is a file.

        Raises:
            LfpError: the image is refused.
        """

    def predictions(
        self, images: Iterable[tuple[pathlib.Path, np.ndarray]], *, count: int
    ) -> Iterator[tuple[pathlib.Path, np.ndarray, Any, float]]:
        """Predicts image after image.

        Args:
            images: pairs of path and image.
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
    def overlay(self, image: np.ndarray, prediction: Any) -> np.ndarray:
        """Draws the prediction over its image, uint8 [H, W, 3]: a frame of a video."""

    def explained(self, image: np.ndarray, prediction: Any) -> np.ndarray:
        """Draws the overlay with what explains it, uint8 [H', W, 3], for a file of its own."""
        return self.overlay(image, prediction)

    @abc.abstractmethod
    def describe(self, prediction: Any) -> dict:
        """Gives the prediction as plain values, for JSON."""

    def files(self, prediction: Any) -> dict[str, bytes]:
        """Gives {ending: content} of an image's files besides overlay and JSON; see `ENDINGS`."""
        return {}

    def frame_files(self, prediction: Any) -> dict[str, bytes]:
        """Gives {ending: content} of the files that a frame of a video gets on request."""
        return {".json": (json.dumps(self.describe(prediction), indent=1) + "\n").encode()}

    @abc.abstractmethod
    def line(self, source: pathlib.Path, paths: Mapping[str, pathlib.Path], prediction: Any) -> str:
        """Gives the line that is printed of an image.

        Args:
            source: its path.
            paths: {ending: path written}.
        """

    def keep(self, source: pathlib.Path, prediction: Any) -> None:
        """Takes note of an image's prediction for `summary_files`, once its files are written."""
        del source, prediction

    def summary_files(self) -> dict[str, bytes]:
        """Gives {name: content} of files over all images, written at the end; see `SUMMARIES`."""
        return {}

    @abc.abstractmethod
    def tally(self) -> "Tally":
        """Starts a `Tally` of a video's frames."""

    @abc.abstractmethod
    def legend(self, prediction: Any) -> list[dict]:
        """Gives a live view's legend: list of {"name", "share" (0..1), "color" ("#rrggbb")}."""

    @abc.abstractmethod
    def name_at(self, prediction: Any, x: int, y: int) -> tuple[int, str] | None:
        """Gives (number, name) of the pixel of a column and a row; None where it has none."""


class Tally(abc.ABC):
    """A summary over the frames of a video."""

    @abc.abstractmethod
    def add(self, number: int, prediction: Any) -> None:
        """Adds a frame by its number."""

    @abc.abstractmethod
    def describe(self) -> dict:
        """Gives plain values, for JSON."""
