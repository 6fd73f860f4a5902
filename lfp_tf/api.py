"""What `import lfp_tf` offers, from a checkpoint and an image to labels; TensorFlow comes late."""

import os
import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lfp_tf.errors import LfpError, nearest
from lfp_tf.tasks import catalog
from lfp_tf.tasks.spec import TaskSpec

if TYPE_CHECKING:
    import numpy as np
    import tf_keras
    from PIL import Image

    from lfp_tf.checkpoints.load import Report
    from lfp_tf.images.palette import ClassTable
    from lfp_tf.tasks.segmentation.protocols import Protocol


def build(
    name: str,
    *,
    preset: str | None = None,
    checkpoint: str | os.PathLike | None = None,
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    changes: dict[str, Any] | None = None,
) -> "tf_keras.Model":
    """Builds a network in the form that a checkpoint needs, with weights still as drawn.

    In go preprocessed images: float32 [B, H, W, 3], what `ops.preprocessing.preprocess(images,
    model.recipe.preprocess)` makes of RGB grey levels 0..255. `segment`, `classify` and `keypoints`
    preprocess by themselves and take images as they are.

    Out comes a dictionary of float32 logits, without softmax. Segmentation: `logits` [B, h, w,
    classes], with an auxiliary head also `aux_logits`, with several scales also those of each.
    Classification: `logits` [B, classes]. Pose: `heatmaps_1`, ... [B, H / 4, W / 4, joints], of
    which the last counts.

    Keras is `tf_keras` (Keras 2), not Keras 3: the model works with layers, optimizers and losses
    of `tf_keras` alone. docs/keras.md shows `compile`, `fit` and saving.

    Names, fields and types are checked before TensorFlow is loaded.

    Args:
        name: of the experiment.
        preset: lineage of the network's options: torch, caffe, tf1, kitti, newest or seed.
        checkpoint: a run's folder or a converted one, whose own options win over the recipe's.
        input_shape: (height, width, 3), None where any size may come.
        changes: nested dictionaries of further fields, as {"task": {"model": {"depth": 18}}}.

    Returns:
        A tf_keras model with a `recipes.recipe.Recipe` as its attribute `recipe`: classes, colours,
        preprocessing.

    Raises:
        LfpError: no such experiment or field; a folder of another data set's network.
    """
    from lfp_tf.recipes import config

    config.of_experiment(name, preset=preset, changes=changes)
    from lfp_tf.recipes import networks

    return networks.build(
        name, preset=preset, checkpoint=checkpoint, input_shape=input_shape, changes=changes
    )


def load(
    name_or_run: str | os.PathLike,
    checkpoint: str | os.PathLike | None = None,
    *,
    preset: str | None = None,
) -> "tf_keras.Model":
    """Builds a network and fills it with weights.

    Args:
        name_or_run: a run's folder or what `lfp-tf convert` wrote; or the name of an experiment,
            whose weights ship with the library or are those of `checkpoint`.
        checkpoint: as of `load_weights`.
        preset: as of `build`.

    Returns:
        As of `build`.

    Raises:
        LfpError: no such experiment or run, no weights, or weights that do not fit.
    """
    name = os.fspath(name_or_run)
    if checkpoint is None and _is_run(name):
        if preset:
            raise LfpError(f"{name} tells its own options; leave preset={preset!r} out.")
        from lfp_tf.recipes import networks

        model = networks.build_of_run(name)
        networks.load_weights(model, name)
        return model
    _check_loadable(name, checkpoint)
    from lfp_tf.recipes import config

    config.of_experiment(name, preset=preset)
    from lfp_tf.recipes import networks

    return networks.load(name, checkpoint, preset=preset)[0]


def load_weights(model: "tf_keras.Model", path: str | os.PathLike) -> "Report | None":
    """Fills a built network from a file or folder; see `recipes.networks.load_weights`."""
    from lfp_tf.recipes import networks

    return networks.load_weights(model, path)


def read_checkpoint(path: str | os.PathLike) -> "dict[str, np.ndarray]":
    """Reads {name: array} of any checkpoint; see `checkpoints.read.read_checkpoint`."""
    from lfp_tf.checkpoints import read

    return read.read_checkpoint(path)


def segment(
    model: "tf_keras.Model", image: Any, *, protocol: "Protocol | None" = None
) -> "np.ndarray | list[np.ndarray]":
    """Labels every pixel of an image.

    The first call traces the network; later ones, of images of any size, cost what it costs.

    Args:
        model: from `load`, or from `build` with weights.
        image: a path, a file's bytes, a PIL image, or a uint8 array or tensor [H, W, 3] RGB; or a
            list of them.
        protocol: `tasks.segmentation.protocols.Protocol`; None takes the whole image at once,
            and its mirror image, too, where the experiment is scored so.

    Returns:
        numpy [H, W]: uint8, or int32 above 256 classes; of a list a list.

    Raises:
        LfpError: a network that labels no pixels, or an image that cannot be read.
    """
    recipe = _recipe(model, catalog.SEGMENTATION, "labels no pixels")
    from lfp_tf.tasks.segmentation.prediction import predictor, protocol_of
    from lfp_tf.tasks.traced import traced

    outputs = traced(model, predictor, protocol or protocol_of(recipe, name="whole"))
    dtype = "uint8" if len(recipe.classes) <= 256 else "int32"
    return _each(image, lambda one: outputs(one)["labels"].numpy().astype(dtype))


def classify(model: "tf_keras.Model", image: Any) -> "np.ndarray | list[np.ndarray]":
    """Gives the probabilities of the classes of an image.

    The first call traces the network; later ones cost what it costs.

    Args:
        model: from `load`, or from `build` with weights: a classifier.
        image: as of `segment`.

    Returns:
        numpy float32 [classes], in the order of `model.recipe.classes`; of a list a list.

    Raises:
        LfpError: a network that is no classifier, or an image that cannot be read.
    """
    recipe = _recipe(model, catalog.CLASSIFICATION, "classifies no images")
    from lfp_tf.tasks.classification.prediction import array_function, protocol_of

    return _each(image, array_function(model, protocol_of(recipe)))


def keypoints(
    model: "tf_keras.Model", image: Any, *, boxes: Any = None
) -> "np.ndarray | list[np.ndarray]":
    """Finds the joints of people in an image.

    The first call traces the network; later ones cost what it costs.

    Args:
        model: from `load`, or from `build` with weights: a network for pose.
        image: as of `segment`.
        boxes: [P, 4] (ymin, xmin, ymax, xmax in pixels), a person each, of a list of images a list;
            the network gets a square as high as each box. None takes an image as one person.

    Returns:
        numpy float32 [P, joints, 3]: x, y in pixels of the image and the score, in the order of
        `model.recipe.classes`; of a list a list.

    Raises:
        LfpError: a network that finds no joints, boxes of another form, or an image that cannot be
            read.
    """
    recipe = _recipe(model, catalog.POSE, "finds no joints")
    from lfp_tf.tasks.pose.prediction import array_function, box_rows, protocol_of

    people = array_function(model, protocol_of(recipe))
    if not isinstance(image, list | tuple) or boxes is None:
        return _each(image, lambda one: people(one, box_rows(boxes, one)))
    if len(boxes) != len(image):
        raise LfpError(f"boxes has {len(boxes)} entries for {len(image)} images; give one each.")
    own = iter(boxes)
    return _each(image, lambda one: people(one, box_rows(next(own), one)))


def detect(
    model: "tf_keras.Model", image: Any, *, least_score: float = 0.05
) -> "dict[str, np.ndarray] | list[dict[str, np.ndarray]]":
    """Finds the objects in an image.

    The first call traces the network; later ones, of images of any size, cost what it costs.

    Args:
        model: from `load`, or from `build` with weights: a detector.
        image: as of `segment`.
        least_score: objects of lower scores are left out.

    Returns:
        {"boxes": float32 [P, 4] (ymin, xmin, ymax, xmax: edges in pixels of the image), "classes":
        int32 [P], numbers in `model.recipe.classes`, "scores": float32 [P], and of a network with
        masks "masks": bool [P, H, W]}, best first; of a list of images a list.

    Raises:
        LfpError: a network that detects no objects, or an image that cannot be read.
    """
    recipe = _recipe(model, catalog.DETECTION, "detects no objects")
    from lfp_tf.tasks.detection.prediction import array_function, protocol_of
    from lfp_tf.tasks.detection.results import instances

    find = array_function(model, protocol_of(recipe))
    return _each(image, lambda one: instances(find(one), one.shape[:2], least_score=least_score))


def show(
    image: Any,
    labels: Any,
    *,
    dataset: str | None = None,
    model: "tf_keras.Model | None" = None,
    alpha: float = 0.5,
    legend: bool = False,
) -> "Image.Image":
    """Draws what a network tells of an image: labels, classes, joints or objects.

    Args:
        image: as of `segment`, but one.
        labels: what `segment`, `classify`, `keypoints` or `detect` gave for it.
        model: the network; its recipe has names and colours.
        dataset: of labels without a model: name of the class table.
        alpha: of labels: share of the colour, 0..1.
        legend: of labels: whether the names of the classes that occur stand below the image.

    Returns:
        A PIL image; of labels without a legend it is as large as `image`.

    Raises:
        LfpError: neither model nor dataset, or labels of another shape.
    """
    from PIL import Image

    from lfp_tf.images.given import as_image

    pixels = as_image(image)
    if dataset:
        from lfp_tf.images.palette import class_table

        drawn = _overlay(pixels, labels, class_table(dataset), alpha=alpha, legend=legend)
    elif model is None:
        raise LfpError("show needs names and colours: give model=, or dataset= for labels.")
    elif _task(model) is catalog.SEGMENTATION:
        from lfp_tf.tasks.segmentation.results import table_of

        table = table_of(model.recipe.classes, model.recipe.colors)
        drawn = _overlay(pixels, labels, table, alpha=alpha, legend=legend)
    else:
        part = catalog.part(_task(model), "results")
        drawn = part.drawn(pixels, labels, model.recipe.classes)
    return Image.fromarray(drawn)


def _is_run(name: str) -> bool:
    """Whether a name is a folder; one that is an experiment's name too must tell its network."""
    from lfp_tf.recipes import experiments

    folder = pathlib.Path(name)
    tells = any((folder / file).exists() for file in ("params.yaml", "options.yaml"))
    return folder.is_dir() and (tells or name not in experiments.paths())


def _check_loadable(name: str, checkpoint: str | os.PathLike | None) -> None:
    """Refuses what is no experiment, and an experiment without weights."""
    from lfp_tf.recipes import experiments, shipped

    if name not in experiments.paths():
        raise LfpError(
            f'"{name}" is neither an experiment nor the folder of a run.'
            f"{nearest(name, experiments.paths())} `lfp-tf experiments` lists the experiments; "
            "of a file give the experiment too, as lfp_tf.load(experiment, file)."
        )
    if checkpoint is None and name not in shipped.shipped_names():
        raise LfpError(
            f"No trained {name} ships with the library (there is: "
            f'{", ".join(shipped.shipped_names())}); give weights, as lfp_tf.load("{name}", '
            "checkpoint)."
        )


def _task(model) -> TaskSpec:
    """The task of a model's recipe."""
    if not hasattr(model, "recipe"):
        raise LfpError(
            "The model has no recipe, which tells its classes and preprocessing; take one from "
            "lfp_tf.load or lfp_tf.build, or set model.recipe to that of the network it was."
        )
    return catalog.named(model.recipe.task)


def _recipe(model, task: TaskSpec, lacks: str):
    """The recipe of a model of a task; `lacks` says what those of others do not do."""
    own = _task(model)
    if own is not task:
        raise LfpError(
            f"{model.recipe.experiment} is for {own.name} and {lacks}; use "
            f"lfp_tf.{own.function}(model, image)."
        )
    return model.recipe


def _each(image: Any, predict: "Callable[[np.ndarray], Any]"):
    """Predicts an image, or each of a list; an error tells which."""
    from lfp_tf.images.given import as_image

    if not isinstance(image, list | tuple):
        return predict(as_image(image))
    results = []
    for number, one in enumerate(image):
        try:
            results.append(predict(as_image(one)))
        except LfpError as error:
            raise LfpError(f"Image {number} of the list: {error}") from error
    return results


def _overlay(image, labels, table: "ClassTable", *, alpha, legend):
    """The overlay of labels that are as large as the image."""
    import numpy as np

    from lfp_tf.images.overlay import overlay, with_legend

    if np.shape(labels) != image.shape[:2]:
        raise LfpError(
            f"The labels have the shape {list(np.shape(labels))}, but the image "
            f"{list(image.shape[:2])}; give what lfp_tf.segment gave for this image."
        )
    mixed = overlay(image, labels, table, alpha=alpha)
    return with_legend(mixed, labels, table) if legend else mixed
