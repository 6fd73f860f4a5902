"""From an image to its five most probable classes: JSON, a line, and bars under the image."""

import argparse
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tf_keras

from lfp_tf.errors import LfpError
from lfp_tf.images.overlay import BAR_COLOR, under_bars, with_bars
from lfp_tf.serving.saved import SavedExport
from lfp_tf.tasks import results
from lfp_tf.tasks.classification import arguments as own
from lfp_tf.tasks.classification.metrics import TOP
from lfp_tf.tasks.classification.prediction import array_function


def of_model(
    model: tf_keras.Model, arguments: argparse.Namespace, annotations: None = None
) -> "Results":
    """Makes the `Results` of a network with its recipe."""
    protocol = own.protocol(model.recipe, arguments, "predict")
    probabilities = array_function(model, protocol)
    return Results(probabilities, model.recipe.classes, {"protocol": protocol.describe()})


def of_export(
    folder: str | os.PathLike,
    about: dict,
    arguments: argparse.Namespace,
    annotations: None = None,
) -> "Results":
    """Makes the `Results` of an export's folder; `about` is what `export.json` says."""
    export = SavedExport(folder, ("images",))
    return Results(
        lambda image: export("images", images=image[None])["probabilities"][0],
        about["classes"],
        {"protocol": about["protocol"]},
    )


class Results(results.Results):
    """The prediction is probabilities, float32 [C].

    Args:
        probabilities: function of an image uint8 [H, W, 3] to float32 [C].
        names: of the classes.
        facts: for JSON.
    """

    def __init__(
        self,
        probabilities: Callable[[np.ndarray], np.ndarray],
        names: Sequence[str],
        facts: dict,
    ) -> None:
        super().__init__(facts)
        self.names, self._probabilities = names, probabilities

    def predict(self, image: np.ndarray, source: pathlib.Path | None = None) -> np.ndarray:
        """Gives the probabilities of the classes, float32 [C]."""
        return self._probabilities(image)

    def overlay(self, image: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """Draws bars of the five most probable classes over the bottom of the image."""
        return under_bars(image, _bars(prediction, self.names))

    def explained(self, image: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """Draws bars of the five most probable classes below the image."""
        return drawn(image, prediction, self.names)

    def describe(self, prediction: np.ndarray) -> dict:
        """Gives the five most probable classes."""
        return {"classes": best_classes(prediction, self.names)}

    def line(
        self, source: pathlib.Path, paths: Mapping[str, pathlib.Path], prediction: np.ndarray
    ) -> str:
        """Gives path, most probable class and its probability, between tabs."""
        best = best_classes(prediction, self.names)[0]
        return f"{source}\t{best['name']}\t{best['probability']:.4f}"

    def tally(self) -> results.Tally:
        """Starts the mean of the probabilities over all frames."""
        return _Tally(self.names)

    def legend(self, prediction: np.ndarray) -> list[dict]:
        """Gives the five most probable classes."""
        color = "#" + bytes(BAR_COLOR).hex()
        return [
            {"name": entry["name"], "share": entry["probability"], "color": color}
            for entry in best_classes(prediction, self.names)
        ]

    def name_at(self, prediction: np.ndarray, x: int, y: int) -> None:
        """Gives None: pixels have no names here."""


def drawn(image: np.ndarray, probabilities: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Draws bars of the five most probable classes below an image.

    Args:
        image: uint8 [H, W, 3].
        probabilities: [C].
        names: C names.

    Raises:
        LfpError: another number of probabilities than names.
    """
    if np.shape(probabilities) != (len(names),):
        raise LfpError(
            f"The probabilities have the shape {list(np.shape(probabilities))}, but the network "
            f"has {len(names)} classes; give what lfp_tf.classify gave for this image."
        )
    return with_bars(image, _bars(probabilities, names))


def best_classes(probabilities: np.ndarray, names: Sequence[str]) -> list[dict]:
    """Gives the five most probable classes.

    Args:
        probabilities: [C].
        names: C names.

    Returns:
        At most five {"id", "name", "probability"}, the lower number first of equal ones.
    """
    order = np.argsort(-np.asarray(probabilities), kind="stable")[:TOP].tolist()
    return [
        {"id": number, "name": names[number], "probability": float(probabilities[number])}
        for number in order
    ]


def _bars(probabilities, names):
    return [(entry["name"], entry["probability"]) for entry in best_classes(probabilities, names)]


class _Tally(results.Tally):
    def __init__(self, names):
        self._names, self._sum, self._count = names, np.zeros(len(names)), 0

    def add(self, number, prediction):
        self._sum, self._count = self._sum + np.float64(prediction), self._count + 1

    def describe(self):
        return {"classes": best_classes(self._sum / self._count, self._names)}
