"""From an image and its people to their joints: JSON and drawn skeletons."""

import argparse
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tf_keras

from lfp_tf.errors import LfpError
from lfp_tf.images.skeleton import draw_skeletons, joint_color
from lfp_tf.serving.saved import SavedExport
from lfp_tf.tasks import results
from lfp_tf.tasks.pose import arguments as own
from lfp_tf.tasks.pose.prediction import array_function


def of_model(
    model: tf_keras.Model, arguments: argparse.Namespace, annotations: dict | None = None
) -> "Results":
    """Makes the `Results` of a network with its recipe; `annotations` are boxes by image."""
    protocol = own.protocol(model.recipe, arguments, "predict")
    joints = array_function(model, protocol)
    facts = {"protocol": protocol.describe()}
    return Results(joints, model.recipe.classes, facts, annotations, arguments.people)


def of_export(
    folder: str | os.PathLike,
    about: dict,
    arguments: argparse.Namespace,
    annotations: dict | None = None,
) -> "Results":
    """Makes the `Results` of an export's folder; `about` is what `export.json` says."""
    export, names = SavedExport(folder, ("images_boxes",)), about["classes"]

    def joints(image, boxes):
        people = [
            export("images_boxes", images=image[None], boxes=box[None])["keypoints"][0]
            for box in boxes
        ]
        return np.array(people, np.float32).reshape(-1, len(names), 3)

    return Results(joints, names, {"protocol": about["protocol"]}, annotations, arguments.people)


Prediction = tuple[list, np.ndarray]


class Results(results.Results):
    """The prediction is a pair: P boxes [x1, y1, x2, y2] and their joints float32 [P, J, 3].

    A joint is x, y in pixels of the image, from 0, and its score.

    Args:
        joints: function of an image uint8 [H, W, 3] and boxes float32 [P, 4] (ymin, xmin, ymax,
            xmax) to float32 [P, J, 3].
        names: of the joints.
        facts: for JSON.
        boxes: {path of an image: its boxes}; None takes each image as one person.
        file: where the boxes are from.
    """

    def __init__(
        self,
        joints: Callable[[np.ndarray, np.ndarray], np.ndarray],
        names: Sequence[str],
        facts: dict,
        boxes: dict | None = None,
        file: str | None = None,
    ) -> None:
        super().__init__(facts)
        self.names, self._joints, self._boxes, self._file = names, joints, boxes, file

    def predict(self, image: np.ndarray, source: pathlib.Path | None = None) -> Prediction:
        """Gives the boxes of an image and the joints in them."""
        height, width = image.shape[:2]
        boxes = [[0, 0, width, height]]
        if self._boxes is not None:
            boxes = self._boxes[source]
            self._check(boxes, width, height)
        rows = np.array(boxes, np.float32).reshape(-1, 4)[:, [1, 0, 3, 2]]
        return boxes, self._joints(image, rows)

    def overlay(self, image: np.ndarray, prediction: Prediction) -> np.ndarray:
        """Draws the skeletons over the image."""
        return drawn(image, prediction[1], self.names)

    def describe(self, prediction: Prediction) -> dict:
        """Gives each person's box and joints."""
        return {
            "people": [
                {
                    "box": box,
                    "keypoints": {
                        name: dict(zip(("x", "y", "score"), map(float, joint), strict=True))
                        for name, joint in zip(self.names, person, strict=True)
                    },
                }
                for box, person in zip(*prediction, strict=True)
            ]
        }

    def line(
        self, source: pathlib.Path, paths: Mapping[str, pathlib.Path], prediction: Prediction
    ) -> str:
        """Gives the path of the JSON."""
        return str(paths[".json"])

    def tally(self) -> results.Tally:
        """Starts a list of the people of every frame."""
        return _Tally(self)

    def legend(self, prediction: Prediction) -> list[dict]:
        """Gives the joints of the first person with their scores."""
        _, people = prediction
        return [
            {
                "name": name,
                "share": float(np.clip(score, 0, 1)),
                "color": "#" + bytes(joint_color(name)).hex(),
            }
            for person in people[:1]
            for name, score in zip(self.names, person[:, 2], strict=True)
        ]

    def name_at(self, prediction: Prediction, x: int, y: int) -> None:
        """Gives None: pixels have no names here."""

    def _check(self, boxes, width, height):
        """Refuses boxes that lie wholly beside their image."""
        for box in boxes:
            if not (box[0] < width and box[1] < height and box[2] > 0 and box[3] > 0):
                raise LfpError(
                    f"--people {self._file} has the box {box} beside the image of {width}x{height}."
                )


def drawn(image: np.ndarray, joints: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Draws the skeletons of people over an image.

    Args:
        image: uint8 [H, W, 3].
        joints: [P, J, 3], or [J, 3] of one person.
        names: J names.

    Raises:
        LfpError: another shape.
    """
    shape = np.shape(joints)
    if len(shape) not in (2, 3) or shape[-2:] != (len(names), 3):
        raise LfpError(
            f"The joints have the shape {list(shape)}, but must be [people, {len(names)}, 3]; give "
            "what lfp_tf.keypoints gave for this image."
        )
    return draw_skeletons(image, list(np.reshape(joints, (-1, len(names), 3))), names)


class _Tally(results.Tally):
    def __init__(self, results_):
        self._results, self._frames = results_, []

    def add(self, number, prediction):
        self._frames.append({"frame": number} | self._results.describe(prediction))

    def describe(self):
        return {"people_by_frame": self._frames}
