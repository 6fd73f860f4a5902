"""`lfp-tf experiments`: the list of recipes, or one of them in full."""

import argparse
from typing import Any

import yaml

from lfp_tf.cli.output import aligned, show
from lfp_tf.errors import LfpError
from lfp_tf.recipes import config, experiments
from lfp_tf.tasks import catalog

HELP = "list the experiments, or show one in full"
EXAMPLE = """
lfp-tf experiments
lfp-tf experiments pspnet101_cityscapes
"""
_COLUMNS = ("experiment", "network", "dataset", "protocol", "published", "batch")
_OWN_CLASSES = 21
_BYTES_PER_VALUE = 4
# Adam keeps two values per parameter, SGD one; with the gradient and the value itself.
_COPIES = {"adam": 4, "adamw": 4}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `lfp-tf experiments`."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="show this one in full")


def run(arguments: argparse.Namespace) -> int:
    """Prints the table of experiments, or all about one.

    Raises:
        LfpError: no such experiment.
    """
    show(_in_full(experiments.read(arguments.name)) if arguments.name else table())
    return 0


def table() -> str:
    """All experiments as aligned text; reads YAML only."""
    rows: list[list[str]] = [list(_COLUMNS)]
    for name in experiments.paths():
        about = experiments.read(name).about
        rows.append([name, *(str(about.get(column, "")) for column in _COLUMNS[1:])])
    return "\n".join(aligned(rows))


def _in_full(experiment):
    facts = experiment.about | _facts(experiment)
    width = max(map(len, facts))
    lines = [f"{experiment.name} ({experiment.path.name})", _comment(experiment.path), ""]
    lines += [f"{name:{width}}  {value}" for name, value in facts.items() if value != ""]
    shown = yaml.safe_dump(experiment.config, sort_keys=False, default_flow_style=None)
    return "\n".join([*lines, "", shown.rstrip()])


def _facts(experiment):
    """What is computed from the fields, by the names that are printed."""
    from lfp_tf.recipes.cost import count_cost

    params = config.of_recipe(experiment.config)
    batch_size, trainer = params.task.train_data.global_batch_size, params.trainer
    classes = params.task.model.classes or _count_classes(params, experiment.task)
    options = params.task.model.arguments() | {"classes": classes}
    size: Any = params.task.usual_size()
    cost = count_cost(params.task.model.network, options, crop=size)
    return {
        "dataset": f"{experiment.dataset}, {classes} {experiment.task.outputs}",
        "crop": "x".join(map(str, size or ())),
        "steps": f"{trainer.train_steps} of {batch_size} crops",
        "parameters": f"{cost.parameters:,}",
        "multiply-adds": f"{cost.multiply_adds / 1e9:.2f} G per crop",
        "memory": f"about {_memory_bytes(cost, batch_size, trainer) / 1e9:.1f} GB over all devices "
        "to train in float32 (estimated: every layer's output, parameters, their gradients, "
        "optimizer)",
    }


def _memory_bytes(cost, batch_size, trainer):
    copies = _COPIES.get(trainer.optimizer_config.optimizer.type, 3)
    return _BYTES_PER_VALUE * (cost.activations * batch_size + copies * cost.parameters)


def _count_classes(params, task):
    """Those of the data set; as many as VOC has for images of the user's own."""
    try:
        return len(catalog.part(task, "networks").usual_classes(params.task)[0])
    except LfpError:
        return _OWN_CLASSES


def _comment(path):
    """What the file says at its top: what it reproduces, on what hardware, the command."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))
