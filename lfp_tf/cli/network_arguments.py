"""The arguments that name a network, shared by several commands; no TensorFlow at the top."""

import argparse
import pathlib
from typing import TYPE_CHECKING, Any

from lfp_tf.checkpoints.presets import preset_names
from lfp_tf.cli.checks import check_checkpoint, is_prefix
from lfp_tf.cli.output import say
from lfp_tf.errors import LfpError
from lfp_tf.recipes import config, experiments
from lfp_tf.recipes.experiments import Experiment
from lfp_tf.recipes.shipped import shipped

if TYPE_CHECKING:
    import tf_keras


def add_network_arguments(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Adds --experiment, --checkpoint and --preset; returns their group."""
    group = parser.add_argument_group("network")
    group.add_argument("--experiment", help="its name; `lfp-tf experiments` lists them all")
    group.add_argument(
        "--checkpoint",
        help="a run's folder, a converted one, or any file that `convert` reads "
        "(the network that ships with the library, where there is one)",
    )
    group.add_argument("--preset", help=f"lineage of an old file: {', '.join(preset_names())}")
    return group


def named_experiment(arguments: argparse.Namespace, *, training: bool = False) -> Experiment:
    """The experiment of --experiment and --preset.

    Args:
        arguments: parsed.
        training: whether the preset's way of training is taken, too.

    Raises:
        LfpError: a misspelt or missing name.
    """
    if not arguments.experiment:
        raise LfpError("--experiment is missing; `lfp-tf experiments` lists them all.")
    return experiments.read(arguments.experiment, preset=arguments.preset, training=training)


def checked_experiment(arguments: argparse.Namespace) -> Experiment:
    """The experiment whose network and weights a command loads later; no TensorFlow.

    Raises:
        LfpError: a misspelt or missing name, or a checkpoint that is not there.
    """
    experiment = named_experiment(arguments)
    config.of_recipe(experiment.config)
    check_checkpoint(arguments.checkpoint or shipped(arguments.experiment), "--checkpoint")
    return experiment


def load(arguments: argparse.Namespace) -> "tf_keras.Model":
    """The network with its weights; the report goes to standard error."""
    from lfp_tf.recipes import networks

    model, report = networks.load(
        arguments.experiment, arguments.checkpoint, preset=arguments.preset
    )
    if report:
        say(str(report))
    return model


def run_folder(arguments: argparse.Namespace) -> pathlib.Path | None:
    """The folder of the run that a checkpoint belongs to, or None for single files."""
    if not arguments.checkpoint:
        return None
    path = pathlib.Path(arguments.checkpoint)
    if path.is_dir():
        return path
    return path.parent if is_prefix(path) else None


def weights_facts(arguments: argparse.Namespace) -> dict[str, Any]:
    """{"checkpoint": how a report calls the weights, "history": of their run, where it is one}."""
    from lfp_tf.training.history import read_history

    folder = run_folder(arguments)
    return {
        "checkpoint": arguments.checkpoint or "shipped with the library",
        "history": read_history(folder) if folder else (),
    }
