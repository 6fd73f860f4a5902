"""Networks by the name of their experiment, with the weights of any checkpoint."""

import functools
import os
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tf_keras

from lfp_tf.checkpoints.lineages import trained_on
from lfp_tf.checkpoints.load import Report, match
from lfp_tf.checkpoints.read import read_checkpoint
from lfp_tf.checkpoints.variables import assign, variables_by_name
from lfp_tf.data.description import task_classes
from lfp_tf.documents import load_json
from lfp_tf.errors import LfpError, printable
from lfp_tf.models.catalog import build_network
from lfp_tf.recipes import config, experiments, overrides
from lfp_tf.recipes.experiments import USUAL_NETWORK
from lfp_tf.recipes.recipe import Recipe
from lfp_tf.recipes.shipped import located, shipped
from lfp_tf.tasks import catalog
from lfp_tf.tasks.spec import TaskSpec
from lfp_tf.training.base import TrainedTask
from lfp_tf.training.fields import Experiment
from lfp_tf.training.own_checkpoints import (
    experiment_of,
    own_checkpoint,
    restore,
    task_fields,
)

# Files of deploy networks have no auxiliary head; ours keeps its drawn values, which are unused.
AUX_HEAD = r"^aux_"


def build(
    name: str,
    *,
    preset: str | None = None,
    checkpoint: str | os.PathLike | None = None,
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    changes: dict[str, Any] | None = None,
) -> tf_keras.Model:
    """Builds a network in the form that a checkpoint needs, with weights still as drawn.

    Args:
        name: of the experiment.
        preset: lineage of the network's options: torch, caffe, tf1 or kitti.
        checkpoint: a run's folder or a converted one, whose own options win over the recipe's.
        input_shape: (height, width, 3), None where any size may come.
        changes: nested dictionaries of further fields, as {"task": {"model": {"depth": 18}}}.

    Returns:
        A Keras model with a `Recipe` as its attribute `recipe`.

    Raises:
        LfpError: no such experiment; a folder of another data set's network.
    """
    params = config.of_experiment(name, preset=preset, changes=changes)
    path = pathlib.Path(checkpoint) if checkpoint else None
    if path and path.is_file() and (path.parent / "options.yaml").exists():
        path = path.parent  # Weights that `convert` wrote need the graph that it wrote beside them.
    if path and path.is_dir():
        _take_over(name, params, path)
    return _built(name, params, path, input_shape=input_shape)


def build_of_run(folder: str | os.PathLike) -> tf_keras.Model:
    """Builds the network of a run or a converted one from what its folder tells alone.

    Args:
        folder: of the run; where it does not tell its experiment, its last part is the name.

    Returns:
        As of `build`.

    Raises:
        LfpError: the folder holds no run, or fields that do not fit.
    """
    folder = pathlib.Path(folder)
    task = task_fields(folder)
    if not task:
        raise LfpError(
            f"{folder} holds no run: it has neither params.yaml nor options.yaml; give the "
            "experiment too, and the folder as its checkpoint."
        )
    params = config.of_network(task["model"].get("network", USUAL_NETWORK))
    fields = {name: value for name, value in task.items() if name != "trained_on"}
    overrides.apply(params, {"task": fields})
    return _built(_experiment_of(folder) or folder.resolve().name, params, folder)


def _built(
    name: str,
    params: Experiment,
    path: pathlib.Path | None,
    *,
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
) -> tf_keras.Model:
    """Builds the network of an experiment's fields and tells it its recipe."""
    task = catalog.of(params.task.model.network)
    classes, colors = class_names(params, task, path)
    params.task.model.classes = len(classes)
    options = params.task.model.arguments()
    network = params.task.model.network
    model = build_network(network, **options, input_shape=input_shape)
    model.recipe = Recipe(
        experiment=name,
        task=task.name,
        network=network,
        options=options,
        preprocess=params.task.model.preprocess,
        crop=params.task.image_size(),
        classes=classes,
        colors=colors,
        evaluation=params.task.evaluated(),
        dataset=params.task.dataset,
        trained_on=_trained_on(path),
    )
    return model


def load_weights(model: tf_keras.Model, path: str | os.PathLike) -> Report | None:
    """Fills a built network from a file or folder and takes over its preprocessing.

    Args:
        model: from `build`.
        path: a run's folder (its best checkpoint, or its newest), one of its checkpoints, what
            `convert` wrote, or any old file that `read_checkpoint` reads.

    Returns:
        `checkpoints.load.Report`; None for checkpoints of our own trainings.

    Raises:
        LfpError: whatever does not fit.
    """
    own = own_checkpoint(path)
    if own:
        _restore(model, own)
        return None
    recipe = model.recipe
    variables = variables_by_name(model)
    arrays, report = match(
        read_checkpoint(path),
        variables,
        network=recipe.network,
        options=recipe.options | {"crop": recipe.crop, "preprocess": recipe.preprocess},
        file=str(path),
        tolerate=[AUX_HEAD],
    )
    assign(variables, arrays)
    recipe.trained_on = recipe.trained_on or trained_on(path)
    if report.preprocess and report.preprocess != recipe.preprocess:
        report.notes.append(f"preprocessing {report.preprocess} was taken over from the file")
        recipe.preprocess = report.preprocess
    return report


def load(
    name: str,
    checkpoint: str | os.PathLike | None = None,
    *,
    preset: str | None = None,
    changes: dict[str, Any] | None = None,
) -> tuple[tf_keras.Model, Report | None]:
    """Builds a network and fills it: `build` and `load_weights` in one.

    Args:
        name, preset, changes: as of `build`.
        checkpoint: as of `load_weights`; None takes the network that ships with the library.

    Returns:
        (model, report); no report for networks that our training wrote.
    """
    if not checkpoint:
        model = build(name, preset=preset, changes=changes)
        load_weights(model, shipped(name))
        return model, None
    model = build(name, preset=preset, checkpoint=checkpoint, changes=changes)
    return model, load_weights(model, checkpoint)


def task_class(task: TaskSpec) -> Callable[..., TrainedTask]:
    """Gives the host's task of a `TaskSpec`, which starts from any checkpoint that we read.

    Returns:
        Function of (params, start_step).
    """
    return functools.partial(catalog.part(task, "task").Task, read_start=start_arrays)


def start_arrays(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads {name: array} of a file, a run or a shipped network, to start another training from it.

    Raises:
        LfpError: a checkpoint that our training wrote, without `params.yaml` beside it.
    """
    path = located(path)
    own = own_checkpoint(path)
    if not own:
        return read_checkpoint(path)
    for folder in list(pathlib.Path(own).parents)[:3]:
        task = task_fields(folder)
        if task:
            params = config.of_network(task["model"].get("network", USUAL_NETWORK))
            overrides.apply(params, {"task": {"model": task["model"]}})
            model = build_network(params.task.model.network, **params.task.model.arguments())
            restore(model, own)
            return {name: v.numpy() for name, v in variables_by_name(model).items()}
    raise LfpError(f"{path} has no params.yaml beside it, so its network is unknown; give its run.")


def _restore(model: tf_keras.Model, own: str) -> None:
    """Fills a network from a checkpoint of ours; what does not belong to it is told by name."""
    folder = next(filter(task_fields, list(pathlib.Path(own).parents)[:3]), None)
    if folder is None:
        return restore(model, own)
    recipe, task, experiment = model.recipe, task_fields(folder) or {}, _experiment_of(folder)
    of = f"of {experiment}, " if experiment else ""
    facts = (
        f"it is {of}a {task['model'].get('network', USUAL_NETWORK)} for {task['dataset']} with "
        f"{task['model'].get('classes', 'an unknown number of')} classes, and the network is of "
        f"{recipe.experiment} with {len(recipe.classes)}; build that experiment with {folder} as "
        "its checkpoint."
    )
    # A network of as many classes would be filled, and name them as its own.
    if task["dataset"] != recipe.dataset and experiment not in (recipe.experiment, None):
        raise LfpError(f"{own} does not fit this network: {facts}")
    try:
        restore(model, own)
    except LfpError as error:
        raise LfpError(f"{str(error).rstrip('.')}: {facts}") from error


def _experiment_of(folder: pathlib.Path) -> str | None:
    """The name of a run's experiment, which older runs have in their folder's name alone."""
    name = folder.resolve().name
    return experiment_of(folder) or (name if name in experiments.paths() else None)


def _take_over(name: str, params: Experiment, folder: pathlib.Path) -> None:
    """Takes over the options of the folder's own network, if it tells them."""
    task = task_fields(folder)
    if not task:
        return
    # A run brings its classes along, and its experiment may have been told another data set.
    own = _experiment_of(folder)
    is_of_name = own in (name, None) and (folder / "dataset.json").exists()
    if task["dataset"] != params.task.dataset and not is_of_name:
        raise LfpError(
            f"{folder} is a network for {task['dataset']}, not for {params.task.dataset}; "
            f"give its own experiment{f', {own}' if own else ''}."
        )
    network = task["model"].get("network", USUAL_NETWORK)
    if network != params.task.model.network:
        raise LfpError(
            f"{folder} is a {network}, not a {params.task.model.network}; give its own experiment."
        )
    kept = ("dataset", "model", *params.task.KEPT)
    fields = {key: task[key] for key in kept if key in task}
    if "crop" in task.get("train_data", {}):
        fields["train_data"] = {"crop": task["train_data"]["crop"]}
    overrides.apply(params, {"task": fields})


def _trained_on(folder: pathlib.Path | None) -> dict[str, Any] | None:
    """Tells what a run, or the file of a converted one, was trained on; None if unknown."""
    task = task_fields(folder) if folder and folder.is_dir() else None
    if not task:
        return None
    if "trained_on" in task:
        return task["trained_on"]
    split = task.get("train_data", {}).get("split")
    return split and {"dataset": task["dataset"], "splits": [split]}


def class_names(
    params: Experiment, task: TaskSpec, folder: pathlib.Path | None = None
) -> tuple[list[str], list[list[int]]]:
    """Gives (names, [r, g, b] each) of classes or joints: a run's own, or the data set's.

    Args:
        params: of the experiment.
        task: its task.
        folder: of a run or a converted network.

    Raises:
        LfpError: a data set of the user's own, and no folder or number of classes.
    """
    own = folder and folder / "dataset.json"
    if own and own.exists():
        try:
            dataset = load_json(own)
            classes = [str(name) for name in task_classes(dataset, task.name)]
            # The colours are those of label maps, whose classes another task need not have.
            is_same = classes == dataset["classes"]
            colors = [list(map(int, color)) for color in dataset["colors"] if is_same]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LfpError(
                f"{own} does not tell classes and colours ({printable(repr(error))}); "
                "copy it again."
            ) from None
        if params.task.model.classes in (0, len(classes)):
            return classes, colors
    return catalog.part(task, "networks").usual_classes(params.task)
