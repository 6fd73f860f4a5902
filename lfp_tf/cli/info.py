"""`lfp-tf info`: a network's layers, parameters and multiply-adds."""

import argparse
import dataclasses
import json
from typing import Any

from lfp_tf.checkpoints.presets import preset_names
from lfp_tf.cli.checks import input_size
from lfp_tf.cli.network_arguments import named_experiment
from lfp_tf.cli.output import aligned, show
from lfp_tf.recipes import config

HELP = "show a network's layer table, parameters and multiply-adds by part"
EXAMPLE = """
lfp-tf info --experiment pspnet101_cityscapes
lfp-tf info --experiment pspnet50_ade20k --preset caffe --input_size 713,713
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `lfp-tf info`."""
    parser.add_argument("--experiment", help="whose network; `lfp-tf experiments` lists them all")
    parser.add_argument("--preset", help=f"lineage of the network: {', '.join(preset_names())}")
    parser.add_argument("--input_size", metavar="H,W", help="of an image (the training crop)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")


def run(arguments: argparse.Namespace) -> int:
    """Checks what is given, builds the network and prints what it costs.

    Raises:
        LfpError: no such experiment, or a size that is none.
    """
    name = named_experiment(arguments).name
    size = input_size(arguments.input_size)

    from lfp_tf.recipes.cost import count_cost
    from lfp_tf.recipes.networks import build

    recipe = build(name, preset=arguments.preset).recipe
    size: Any = size or config.of_experiment(name, preset=arguments.preset).task.usual_size()
    cost = count_cost(recipe.network, recipe.options, crop=size)
    show(_as_json(cost, size) if arguments.json else _as_tables(cost, size))
    return 0


def _as_json(cost, size):
    parts = {
        name: {"parameters": parameters, "multiply_adds": multiply_adds}
        for name, (parameters, multiply_adds) in cost.by_part().items()
    }
    facts = {
        "input_size": list(size),
        "parameters": cost.parameters,
        "multiply_adds": cost.multiply_adds,
        "parts": parts,
        "layers": [dataclasses.asdict(layer) for layer in cost.layers],
    }
    return json.dumps(facts, indent=1)


def _as_tables(cost, size):
    layers = [("layer", "kind", "output", "parameters", "multiply-adds")]
    for layer in cost.layers:
        if layer.parameters or layer.multiply_adds or layer.kind == "PyramidPooling":
            sides = "x".join(map(str, layer.shape))
            numbers = f"{layer.parameters:,}", f"{layer.multiply_adds:,}"
            layers.append((layer.name, layer.kind, sides, *numbers))
    parts = [("part", "parameters", "multiply-adds")]
    for name, (parameters, multiply_adds) in cost.by_part().items():
        parts.append((name, f"{parameters:,}", f"{multiply_adds:,}"))
    parts.append(("all", f"{cost.parameters:,}", f"{cost.multiply_adds:,}"))
    head = f"at {size[0]}x{size[1]}; layers without variables are left out\n"
    return head + "\n".join([*aligned(layers, num_right=2), "", *aligned(parts, num_right=2)])
