"""The arguments that name a network, shared by several commands; no TensorFlow at the top."""

import pathlib
import sys

from lfp_tf.checkpoints.presets import preset_names
from lfp_tf.errors import LfpError
from lfp_tf.recipes import config, experiments
from lfp_tf.recipes.shipped import shipped


def add_network_arguments(parser):
    """--experiment, --checkpoint and --preset; returns their group."""
    group = parser.add_argument_group("network")
    group.add_argument("--experiment", help="its name; `lfp-tf experiments` lists them all")
    group.add_argument(
        "--checkpoint",
        help="a run's folder, a converted one, or any file that `convert` reads "
        "(the network that ships with the library, where there is one)",
    )
    group.add_argument("--preset", help=f"lineage of an old file: {', '.join(preset_names())}")
    return group


def checked_experiment(arguments):
    """The experiment, after names and paths were looked at; no TensorFlow.

    Raises:
        LfpError: a misspelt or missing one.
    """
    if not arguments.experiment:
        raise LfpError("--experiment is missing; `lfp-tf experiments` lists them all.")
    experiment = experiments.read(arguments.experiment, preset=arguments.preset)
    config.of_recipe(experiment.config)
    check_exists(arguments.checkpoint or shipped(arguments.experiment), "--checkpoint")
    return experiment


def check_exists(path, flag):
    """Refuses a checkpoint's path that is neither a file, a folder nor a prefix."""
    if not (pathlib.Path(path).exists() or pathlib.Path(f"{path}.index").exists()):
        raise LfpError(f"{flag} {path} does not exist.")


def input_size(text):
    """(height, width) of `H,W`, or None.

    Raises:
        LfpError: another text.
    """
    if text is None:
        return None
    words = text.split(",")
    if len(words) != 2 or not all(word.strip().isdecimal() and int(word) for word in words):
        raise LfpError(f"--input_size {text} must be HEIGHT,WIDTH in pixels, as 713,713.")
    return tuple(int(word) for word in words)


def load(arguments):
    """The network with its weights; the report goes to standard error."""
    from lfp_tf.recipes import networks

    model, report = networks.load(
        arguments.experiment, arguments.checkpoint, preset=arguments.preset
    )
    if report:
        print(report, file=sys.stderr)
    return model


def run_folder(arguments):
    """The folder of the run that a checkpoint belongs to, or None for single files."""
    if not arguments.checkpoint:
        return None
    path = pathlib.Path(arguments.checkpoint)
    if path.is_dir():
        return path
    return path.parent if pathlib.Path(f"{path}.index").exists() else None


def weights_facts(arguments):
    """{"checkpoint": how a report calls the weights, "history": of their run, where it is one}."""
    from lfp_tf.training.history import read_history

    folder = run_folder(arguments)
    return {
        "checkpoint": arguments.checkpoint or "shipped with the library",
        "history": read_history(folder) if folder else (),
    }
