"""From an image to labels: their PNG, the overlay, shares by class; with the CRF where asked."""

import argparse
import dataclasses
import os
import pathlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import tf_keras

from lfp_tf.data.datasets.label_maps import cityscapes_to_label_ids
from lfp_tf.errors import LfpError
from lfp_tf.images.decode import encode_png
from lfp_tf.images.geometry import resize_labels, resize_long_side
from lfp_tf.images.overlay import overlay, with_legend
from lfp_tf.images.palette import ClassTable, class_table
from lfp_tf.images.shares import class_shares, count_labels
from lfp_tf.serving.saved import SavedExport
from lfp_tf.tasks import results
from lfp_tf.tasks.segmentation import arguments as own
from lfp_tf.tasks.segmentation.crf.crf import refine
from lfp_tf.tasks.segmentation.crf.pool import CrfPool
from lfp_tf.tasks.segmentation.prediction import predictor, softmax_probabilities
from lfp_tf.tasks.traced import traced


def of_model(
    model: tf_keras.Model, arguments: argparse.Namespace, annotations: None = None
) -> "Results":
    """Makes the `Results` of a network with its recipe."""
    protocol = own.protocol(model.recipe, arguments, "predict")
    if protocol.name == "lfp":
        protocol = dataclasses.replace(protocol, window_crf=own.crf_options(arguments))
    outputs = traced(model, predictor, protocol)

    def probabilities(image):
        return softmax_probabilities(outputs(image)).numpy()

    return Results(
        lambda image: outputs(image)["labels"].numpy(),
        probabilities,
        table_of(model.recipe.classes, model.recipe.colors),
        {"protocol": protocol.describe()},
        arguments,
    )


def of_export(
    folder: str | os.PathLike,
    about: dict,
    arguments: argparse.Namespace,
    annotations: None = None,
) -> "Results":
    """Makes the `Results` of an export's folder; `about` is what `export.json` says."""
    export = SavedExport(folder, ("images", "probabilities"))
    return Results(
        lambda image: export("images", images=image[None])["labels"][0],
        lambda image: export("probabilities", images=image[None])["probabilities"][0],
        table_of(about["classes"], about["colors"]),
        {"protocol": about["protocol"]},
        arguments,
    )


class Results(results.Results):
    """The prediction is labels, whole numbers [H, W].

    Args:
        labels: function of an image uint8 [H, W, 3] to whole numbers [H, W].
        probabilities: function of an image to float32 [H, W, C].
        table: of the classes.
        facts: for JSON.
        arguments: of `lfp-tf predict`, checked: long side, CRF, label ids.

    Raises:
        LfpError: Cityscapes' label ids for other classes.
    """

    hint = "Point at the image to name a class."

    def __init__(
        self,
        labels: Callable[[np.ndarray], np.ndarray],
        probabilities: Callable[[np.ndarray], np.ndarray],
        table: ClassTable,
        facts: dict,
        arguments: argparse.Namespace,
    ) -> None:
        if arguments.long_side:
            facts = facts | {"long_side": arguments.long_side}
        if crf := own.crf_options(arguments):
            facts = facts | {"crf": dataclasses.asdict(crf)}
        if arguments.label_ids:
            _check_cityscapes(table)
            facts = facts | {"label_ids": True}
        super().__init__(facts)
        self.table = table
        self._labels, self._probabilities = labels, probabilities
        self._long_side, self._label_ids = arguments.long_side, arguments.label_ids
        self._crf, self._processes = own.final_crf_options(arguments), own.crf_processes(arguments)

    def predict(self, image: np.ndarray, source: pathlib.Path | None = None) -> np.ndarray:
        """Gives labels [H, W] of an image, through `--long_side` and `--crf`."""
        small = self._at_network_size(image)
        if self._crf:
            labels = self._sharpened(small, self._crf).argmax(axis=-1)
        else:
            labels = self._labels(small)
        return self._at_own_size(labels, image)

    def _sharpened(self, image, options):
        """Probabilities [H, W, C] after the CRF."""
        height, width = image.shape[:2]
        try:
            return refine(self._probabilities(image), image, options)
        except MemoryError as error:
            raise LfpError(
                f"There is not enough memory for the CRF of {width}x{height} pixels and "
                f"{len(self.table)} classes; --long_side or --crf_class_threshold needs less."
            ) from error

    def predictions(
        self, images: Iterable[tuple[pathlib.Path, np.ndarray]], *, count: int
    ) -> Iterator[tuple]:
        """See the base; with the CRF, processes refine images while the network has the next."""
        # A single image would wait longer for a process than for itself.
        if self._crf is None or not self._processes or count < 2:
            yield from super().predictions(images, count=count)
        else:
            processes = min(self._processes, count)
            with CrfPool(self._crf, processes=processes) as pool:
                yield from self._refined(images, pool)

    def _refined(self, images, pool):
        waiting, refused = {}, []

        def items():
            for source, image in images:
                begin, small = time.monotonic(), self._at_network_size(image)
                try:
                    probabilities = self._probabilities(small)
                except LfpError as error:
                    refused.append((source, image, error, time.monotonic() - begin))
                else:
                    waiting[str(source)] = source, image, begin
                    yield str(source), probabilities, small

        for key, labels in pool.map(items()):
            yield from _emptied(refused)
            source, image, begin = waiting.pop(key)
            yield source, image, self._at_own_size(labels, image), time.monotonic() - begin
        yield from _emptied(refused)

    def overlay(self, image: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """Mixes the classes' colours into the image."""
        return overlay(image, prediction, self.table)

    def explained(self, image: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """Draws the overlay with the names of the classes in it."""
        return with_legend(self.overlay(image, prediction), prediction, self.table)

    def describe(self, prediction: np.ndarray) -> dict:
        """Gives the classes that occur, the largest first."""
        return {"classes": class_shares(count_labels(prediction, self.table), self.table)}

    def files(self, prediction: np.ndarray) -> dict[str, bytes]:
        """Gives the labels as a grey PNG, with `--label_ids` Cityscapes' label ids."""
        labels = cityscapes_to_label_ids(prediction) if self._label_ids else prediction
        return {own.LABELS: encode_png(labels)}

    def frame_files(self, prediction: np.ndarray) -> dict[str, bytes]:
        """Gives the labels as a grey PNG."""
        return self.files(prediction)

    def line(
        self, source: pathlib.Path, paths: Mapping[str, pathlib.Path], prediction: np.ndarray
    ) -> str:
        """Gives the path of the labels."""
        return str(paths[own.LABELS])

    def tally(self) -> results.Tally:
        """Starts counting pixels by class over all frames."""
        return _Tally(self.table)

    def legend(self, prediction: np.ndarray) -> list[dict]:
        """Gives the classes that occur, the largest first."""
        colors = self.table.colors.astype(np.uint8)
        return [
            entry | {"color": "#" + colors[entry["id"]].tobytes().hex()}
            for entry in self.describe(prediction)["classes"]
        ]

    def name_at(self, prediction: np.ndarray, x: int, y: int) -> tuple[int, str] | None:
        """Gives the class of a pixel; None outside of the image."""
        height, width = prediction.shape
        if not (0 <= x < width and 0 <= y < height):
            return None
        label = int(prediction[y, x])
        return label, self.table.names[label] if label < len(self.table) else "ignored"

    def _at_network_size(self, image):
        """The image as the network and the CRF get it."""
        return resize_long_side(image, self._long_side) if self._long_side else image

    def _at_own_size(self, labels, image):
        return resize_labels(labels, image.shape[:2]) if self._long_side else labels


class _Tally(results.Tally):
    def __init__(self, table):
        self._table, self._counts = table, np.zeros(len(table), np.int64)

    def add(self, number, prediction):
        self._counts = self._counts + count_labels(prediction, self._table)

    def describe(self):
        return {"classes": class_shares(self._counts, self._table)}


def _check_cityscapes(table):
    names = class_table("cityscapes").names
    if tuple(table.names) != tuple(names):
        raise LfpError(
            f"--label_ids writes the label ids of Cityscapes' {len(names)} classes, which are not "
            "those of this network; leave it out."
        )


def table_of(names: Sequence[str], colors: Sequence[Sequence[int]]) -> ClassTable:
    """Makes the table of a recipe's or an export's classes."""
    return ClassTable(tuple(names), np.asarray(colors, np.uint8))


def _emptied(items):
    """Gives the items of a list and takes them out of it."""
    while items:
        yield items.pop(0)
