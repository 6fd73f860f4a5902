"""Networks by the name of their experiment, with the weights of any checkpoint."""

import json
import pathlib

import numpy as np
import tensorflow as tf
import yaml

from lfp_tf.checkpoints.lineages import trained_on
from lfp_tf.checkpoints.load import match
from lfp_tf.checkpoints.read import read_checkpoint
from lfp_tf.checkpoints.variables import assign, variables_by_name
from lfp_tf.errors import LfpError
from lfp_tf.images.palette import class_table, numbered_table
from lfp_tf.images.skeleton import JOINTS
from lfp_tf.models.catalog import build_network
from lfp_tf.recipes import config, experiments, overrides
from lfp_tf.recipes.recipe import Recipe
from lfp_tf.recipes.shipped import shipped
from lfp_tf.tasks.catalog import kind_of
from lfp_tf.training.best import best_info

# Files of deploy networks have no auxiliary head; ours keeps its drawn values, which are unused.
AUX_HEAD = r"^aux_"
IMAGENET_CLASSES = 1000


def experiment_params(name, *, preset=None, changes=None):
    """The checked `ExperimentConfig` of an experiment.

    Args:
        name: of the experiment.
        preset: lineage whose options replace the recipe's own.
        changes: nested dictionaries of further fields.

    Raises:
        LfpError: no such experiment or field, or values that do not go together.
    """
    params = config.of_recipe(experiments.read(name, preset=preset).config)
    if changes:
        overrides.apply(params, changes)
    config.validate(params)
    return params


def build(name, *, preset=None, checkpoint=None, input_shape=(None, None, 3), changes=None):
    """A network in the form that a checkpoint needs, with weights still as drawn.

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
    params = experiment_params(name, preset=preset, changes=changes)
    place = pathlib.Path(checkpoint) if checkpoint else None
    if place and place.is_dir():
        _take_over(params, place)
    classes, colors = class_names(params, place)
    if params.task.model.classes not in (0, len(classes)):
        classes, colors = _numbered(params.task.model.classes)
    params.task.model.classes = len(classes)
    options = params.task.model.arguments()
    network = params.task.model.network
    model = build_network(network, **options, input_shape=input_shape)
    model.recipe = Recipe(
        experiment=name,
        network=network,
        options=options,
        preprocess=params.task.model.preprocess,
        crop=tuple(params.task.train_data.crop),
        classes=classes,
        colors=colors,
        evaluation=params.task.evaluation.as_dict(),
        dataset=params.task.dataset,
        trained_on=_trained_on(place),
    )
    return model


def load_weights(model, path):
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
        options=recipe.options | {"crop": recipe.crop},
        file=str(path),
        tolerate=[AUX_HEAD],
    )
    assign(variables, arrays)
    recipe.trained_on = recipe.trained_on or trained_on(path)
    if report.preprocess and report.preprocess != recipe.preprocess:
        report.notes.append(f"preprocessing {report.preprocess} was taken over from the file")
        recipe.preprocess = report.preprocess
    return report


def load(name, checkpoint=None, *, preset=None, changes=None):
    """A network with its weights: `build` and `load_weights` in one.

    Args:
        checkpoint: as in `load_weights`; None takes the network that ships with the library.

    Returns:
        (model, report).
    """
    checkpoint = checkpoint or shipped(name)
    model = build(name, preset=preset, checkpoint=checkpoint, changes=changes)
    return model, load_weights(model, checkpoint)


def own_checkpoint(path):
    """The prefix of a checkpoint that our training wrote, or None for anything else."""
    path = pathlib.Path(path)
    if path.is_dir():
        best = best_info(path)
        if best:
            return str(path / "best" / best["checkpoint"])
        newest = tf.train.latest_checkpoint(str(path))
        return newest if newest and _is_ours(newest) else None
    prefix = str(path).removesuffix(".index")
    return prefix if pathlib.Path(f"{prefix}.index").exists() and _is_ours(prefix) else None


def start_arrays(path):
    """{name: array} of a file or of a run of ours, for starting another training from it.

    Raises:
        LfpError: a checkpoint of ours whose run has no `params.yaml` beside it.
    """
    own = own_checkpoint(path)
    if not own:
        return read_checkpoint(path)
    for folder in list(pathlib.Path(own).parents)[:3]:
        task = _own_options(folder)
        if task:
            params = config.of_network(task["model"].get("network", "pspnet"))
            overrides.apply(params, {"task": {"model": task["model"]}})
            model = build_network(params.task.model.network, **params.task.model.arguments())
            _restore(model, own)
            return {name: v.numpy() for name, v in variables_by_name(model).items()}
    raise LfpError(f"{path} has no params.yaml beside it, so its network is unknown; give its run.")


def save_npz(model, path, *, dtype="float16"):
    """Writes all variables but the auxiliary head under our names; kernels in `dtype`."""
    arrays = {}
    for name, variable in variables_by_name(model).items():
        if not name.startswith("aux_"):
            array = variable.numpy()
            arrays[name] = array.astype(dtype) if array.ndim == 4 else array
    with open(path, "wb") as stream:
        np.savez_compressed(stream, **arrays)


def _take_over(params, folder):
    """The options of the folder's own network, if it tells them."""
    task = _own_options(folder)
    if not task:
        return
    # A run brings its data set's classes along, and may have been told to take another's.
    if task["dataset"] != params.task.dataset and not (folder / "dataset.json").exists():
        raise LfpError(
            f"{folder} is a network for {task['dataset']}, not for {params.task.dataset}; "
            "give its own experiment."
        )
    network = task["model"].get("network", "pspnet")
    if network != params.task.model.network:
        raise LfpError(
            f"{folder} is a {network}, not a {params.task.model.network}; give its own experiment."
        )
    wanted = {"dataset": task["dataset"], "model": task["model"]}
    if "train_data" in task:
        wanted["train_data"] = {"crop": task["train_data"]["crop"]}
    overrides.apply(params, {"task": wanted})


def _trained_on(folder):
    """What a run of ours, or the file of a converted one, was trained on; None if unknown."""
    task = folder and folder.is_dir() and _own_options(folder)
    if not task:
        return None
    if "trained_on" in task:
        return task["trained_on"]
    split = task.get("train_data", {}).get("split")
    return split and {"dataset": task["dataset"], "splits": [split]}


def _own_options(folder):
    """The fields under `task` of a run's `params.yaml` or a converted `options.yaml`, or None."""
    for name in ("params.yaml", "options.yaml"):
        path = folder / name
        if path.exists():
            return yaml.safe_load(path.read_text(encoding="utf-8"))["task"]
    return None


def class_names(params, folder=None):
    """(names, colours) of the classes or joints: a run's own, or the data set's.

    Args:
        params: `recipes.config.ExperimentConfig`.
        folder: of a run or a converted network, or None.

    Raises:
        LfpError: a data set of the user's own, and no folder or number of classes.
    """
    own = folder and folder / "dataset.json"
    if own and own.exists():
        found = json.loads(own.read_text(encoding="utf-8"))
        return list(found["classes"]), [list(color) for color in found["colors"]]
    kind = kind_of(params.task.model.network)
    if kind == "pose" and params.task.dataset in JOINTS:
        return list(JOINTS[params.task.dataset]), []
    if kind == "classification":
        return _numbered(params.task.model.classes or IMAGENET_CLASSES)[0], []
    if params.task.dataset == "folder":
        if not params.task.model.classes:
            raise LfpError(
                "A network for your own pictures has the classes of its records; give a run's "
                "folder, or task.model.classes."
            )
        return _numbered(params.task.model.classes)
    table = class_table(params.task.dataset)
    return list(table.names), np.asarray(table.colors).tolist()


def _numbered(count):
    table = numbered_table(count)
    return list(table.names), np.asarray(table.colors).tolist()


def _is_ours(prefix):
    try:
        names = [name for name, _ in tf.train.list_variables(prefix)]
    except (tf.errors.OpError, ValueError):
        return False
    return any(name.startswith("model/layer_with_weights-0/") for name in names)


def _restore(model, prefix):
    try:
        status = tf.train.Checkpoint(model=model).read(prefix)
        status.assert_existing_objects_matched()
        status.expect_partial()
    except (AssertionError, ValueError, tf.errors.OpError) as error:
        raise LfpError(f"{prefix} does not fit this network or is damaged.") from error
