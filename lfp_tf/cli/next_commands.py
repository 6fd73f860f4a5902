"""The commands that a command offers to go on with: they run as they are printed."""

import os
import shlex
from collections.abc import Container

from lfp_tf.recipes import config, experiments
from lfp_tf.recipes.experiments import Experiment

_SPLIT = "val"  # What `lfp-tf evaluate` takes by itself.


def next_lines(*commands: list[str]) -> str:
    """The lines of commands, with quotes where a shell needs them.

    >>> print(next_lines(["lfp-tf", "info"], ["lfp-tf", "data", "my images"]))
    next: lfp-tf info
          lfp-tf data 'my images'
    """
    return "next: " + "\n      ".join(map(shlex.join, commands))


def after_data(dataset: str, folder: str | os.PathLike, splits: Container[str]) -> list[list[str]]:
    """Training with the smallest recipe for these records, where there is one; all recipes.

    Args:
        dataset: name of the data set.
        folder: of the records.
        splits: those that were written.
    """
    fitting = []
    for name in experiments.paths():
        experiment = experiments.read(name)
        if experiment.dataset != dataset:
            continue
        task = config.of_recipe(experiment.config).task
        if task.train_data.split in splits and task.validation_data.split in splits:
            needs_file = bool(experiment.about.get("weights")) and not task.init_checkpoint
            size = task.model.millions() * task.model.width**2
            fitting.append((needs_file, size, name))
    listing = ["lfp-tf", "experiments"]
    if not fitting:
        return [listing]
    name = min(fitting)[-1]
    return [["lfp-tf", "train", "--experiment", name, "--data_dir", str(folder)], listing]


def evaluation(
    experiment: Experiment,
    checkpoint: str | os.PathLike,
    *,
    preset: str | None = None,
    data_dir: str | None = None,
    split: str | None = None,
) -> list[str]:
    """Scoring a checkpoint on the records that it is for.

    Args:
        experiment: of the network.
        checkpoint: its folder.
        preset: as it was given.
        data_dir: the folder of records; None for the usual one.
        split: of the records; None for the recipe's own.
    """
    words = ["lfp-tf", "evaluate", *_network(experiment, checkpoint, preset)]
    if data_dir and data_dir != f"data/{experiment.dataset}":
        words += ["--data_dir", data_dir]
    split = split or config.of_recipe(experiment.config).task.validation_data.split
    return words + (["--split", split] if split != _SPLIT else [])


def export(
    experiment: Experiment, checkpoint: str | os.PathLike, *, preset: str | None = None
) -> list[str]:
    """Writing a network for a server; the arguments are those of `evaluation`."""
    network = _network(experiment, checkpoint, preset)
    return ["lfp-tf", "export", *network, "--export_dir", f"export/{experiment.name}"]


def _network(experiment, checkpoint, preset):
    words = ["--experiment", experiment.name, "--checkpoint", str(checkpoint)]
    return words + (["--preset", preset] if preset else [])
