"""From an image to its objects: JSON with boxes and run lengths, drawn boxes and masks."""

import argparse
import json
import os
import pathlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tf_keras

from lfp_tf.errors import LfpError
from lfp_tf.images.detections import draw_detections
from lfp_tf.images.palette import voc_colors
from lfp_tf.serving.saved import SavedExport
from lfp_tf.tasks import results
from lfp_tf.tasks.detection import arguments as own
from lfp_tf.tasks.detection.coco_results import coco_rows, pasted
from lfp_tf.tasks.detection.prediction import array_function

Prediction = dict[str, Any]


def of_model(
    model: tf_keras.Model, arguments: argparse.Namespace, annotations: None = None
) -> "Results":
    """Makes the `Results` of a network with its recipe."""
    protocol = own.protocol(model.recipe, arguments, "predict")
    facts = {"protocol": protocol.describe()}
    detect = array_function(model, protocol)
    return Results(detect, model.recipe.classes, facts, least_score=arguments.least_score)


def of_export(
    folder: str | os.PathLike,
    about: dict,
    arguments: argparse.Namespace,
    annotations: None = None,
) -> "Results":
    """Makes the `Results` of an export's folder; `about` is what `export.json` says."""
    export = SavedExport(folder, ("images",))

    def detect(image):
        answer = {key: value[0] for key, value in export("images", images=image[None]).items()}
        found = {
            "boxes": answer["boxes"][:, [1, 0, 3, 2]],
            "scores": answer["scores"],
            "labels": answer["classes"] + 1,
            "count": answer["num_detections"],
        }
        return found | ({"masks": answer["masks"]} if "masks" in answer else {})

    facts = {"protocol": about["protocol"]}
    return Results(detect, about["classes"], facts, least_score=arguments.least_score)


class Results(results.Results):
    """The prediction is what `prediction.detector` gives, as arrays, and "size" of the image.

    Args:
        detect: function of an image uint8 [H, W, 3] to such arrays.
        names: of the classes.
        facts: for JSON.
        least_score: of objects that are drawn and counted.
    """

    hint = "Point at an object to name it."

    def __init__(
        self,
        detect: Callable[[np.ndarray], Prediction],
        names: Sequence[str],
        facts: dict,
        *,
        least_score: float,
    ) -> None:
        super().__init__(facts)
        self.names, self.least_score = names, least_score
        self._detect, self._rows = detect, []

    def predict(self, image: np.ndarray, source: pathlib.Path | None = None) -> Prediction:
        """Detects the objects of an image."""
        return self._detect(image) | {"size": image.shape[:2]}

    def overlay(self, image: np.ndarray, prediction: Prediction) -> np.ndarray:
        """Draws boxes, masks, names and scores over the image."""
        shown = instances(prediction, prediction["size"], least_score=self.least_score)
        return drawn(image, shown, self.names)

    def describe(self, prediction: Prediction) -> dict:
        """Gives all objects, those below the least score too, the best first."""
        objects = []
        for row in coco_rows(prediction, 0, prediction["size"]):
            named = {"class": self.names[row["category_id"] - 1], "label": row["category_id"] - 1}
            objects.append(
                named | {k: row[k] for k in ("score", "bbox", "segmentation") if k in row}
            )
        return {"least_score": self.least_score, "objects": objects}

    def keep(self, source: pathlib.Path, prediction: Prediction) -> None:
        """Adds the objects of an image to those of `summary_files`."""
        self._rows += coco_rows(prediction, image_id(source), prediction["size"])

    def summary_files(self) -> dict[str, bytes]:
        """Gives the objects of all images in COCO's results format."""
        return {own.COCO_FILE: (json.dumps(self._rows) + "\n").encode()}

    def line(
        self, source: pathlib.Path, paths: Mapping[str, pathlib.Path], prediction: Prediction
    ) -> str:
        """Gives the path of the overlay and how many objects of each class it shows."""
        shown = self._shown(prediction)
        counts = {self.names[label]: int(np.sum(shown == label)) for label in np.unique(shown)}
        words = ", ".join(f"{count} {name}" for name, count in counts.items())
        return f"{paths['.overlay.png']}\t{words or 'nothing'}"

    def tally(self) -> results.Tally:
        """Starts a list of the objects of every frame."""
        return _Tally(self)

    def legend(self, prediction: Prediction) -> list[dict]:
        """Gives the objects that are shown, the best first."""
        colors = voc_colors(len(self.names) + 1)
        shown = self._shown(prediction)
        return [
            {
                "name": self.names[label],
                "share": float(score),
                "color": "#" + colors[label + 1].tobytes().hex(),
            }
            for label, score in zip(shown, prediction["scores"], strict=False)
        ]

    def name_at(self, prediction: Prediction, x: int, y: int) -> tuple[int, str] | None:
        """Gives the smallest shown object whose box holds a pixel; None where there is none."""
        boxes = prediction["boxes"][: len(self._shown(prediction))]
        holds = (boxes[:, 0] <= x) & (x < boxes[:, 2]) & (boxes[:, 1] <= y) & (y < boxes[:, 3])
        if not holds.any():
            return None
        areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
        label = int(prediction["labels"][np.argmin(np.where(holds, areas, np.inf))]) - 1
        return label, self.names[label]

    def _shown(self, prediction):
        """Numbers of the classes, from 0, of the objects that are shown; they stand first."""
        count = int(prediction["count"])
        is_shown = prediction["scores"][:count] >= self.least_score
        return prediction["labels"][:count][is_shown] - 1


def drawn(
    image: np.ndarray, detections: Mapping[str, np.ndarray], names: Sequence[str]
) -> np.ndarray:
    """Draws what `lfp_tf.detect` gave for an image over it.

    Args:
        image: uint8 [H, W, 3].
        detections: of `instances`.
        names: of the classes.

    Raises:
        LfpError: something else than detections, or masks of another size.
    """
    needed = {"boxes", "classes", "scores"}
    if not isinstance(detections, Mapping) or not needed <= detections.keys():
        raise LfpError("The detections must be what lfp_tf.detect gave for this image.")
    masks = detections.get("masks", ())
    if len(masks) and np.shape(masks)[1:] != image.shape[:2]:
        raise LfpError(
            f"The masks are {np.shape(masks)[1]}x{np.shape(masks)[2]}, but the image is "
            f"{image.shape[0]}x{image.shape[1]}; give what lfp_tf.detect gave for this image."
        )
    return draw_detections(
        image,
        np.asarray(detections["boxes"], np.float64).reshape(-1, 4)[:, [1, 0, 3, 2]],
        detections["classes"],
        names,
        scores=detections["scores"],
        masks=masks,
    )


def instances(
    found: Prediction, size: Sequence[int], *, least_score: float = 0.0
) -> dict[str, np.ndarray]:
    """Gives detections as users have them, without what fills up.

    Args:
        found: what `prediction.detector` gives, as arrays.
        size: (height, width) of the image.
        least_score: those below are left out.

    Returns:
        {"boxes": float32 [P, 4] (ymin, xmin, ymax, xmax: edges in pixels), "classes": int32 [P]
        from 0, "scores": float32 [P], and with masks "masks": bool [P, H, W]}, best first.
    """
    # The best stand first.
    count = int(np.sum(found["scores"][: int(found["count"])] >= least_score))
    own = {
        "boxes": np.asarray(found["boxes"][:count], np.float32)[:, [1, 0, 3, 2]],
        "classes": np.asarray(found["labels"][:count], np.int32) - 1,
        "scores": np.asarray(found["scores"][:count], np.float32),
    }
    if "masks" not in found:
        return own
    masks = list(pasted(found | {"count": count}, size))
    return own | {"masks": np.array(masks, bool).reshape(count, *map(int, size))}


def image_id(source: pathlib.Path) -> int | str:
    """Gives the id that COCO's results call an image by: the number of its name, or else the name.

    >>> image_id(pathlib.Path("COCO_val2014_000000000139.jpg"))
    139
    """
    number = re.fullmatch(r"(?:COCO_[a-z]+\d+_)?(\d+)", source.stem)
    return int(number[1]) if number else source.stem


class _Tally(results.Tally):
    def __init__(self, results_):
        self._results, self._frames = results_, []

    def add(self, number, prediction):
        self._frames.append({"frame": number} | self._results.describe(prediction))

    def describe(self):
        return {"objects_by_frame": self._frames}
