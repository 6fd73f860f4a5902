"""`lfp-tf export`, which is what export/export_saved_model.py does: a network as a SavedModel."""

import argparse
import pathlib
import sys
from collections.abc import Sequence

from lfp_tf.cli.checks import check_at_least_one, input_size
from lfp_tf.cli.network_arguments import (
    add_network_arguments,
    checked_experiment,
    load,
    run_folder,
)
from lfp_tf.cli.next_commands import next_lines
from lfp_tf.cli.output import say, show
from lfp_tf.cli.task_options import add_task_options, check_task_options
from lfp_tf.documents import load_json
from lfp_tf.errors import LfpError
from lfp_tf.recipes.shipped import shipped
from lfp_tf.serving.description import read_export
from lfp_tf.tasks import catalog

HELP = "write a network as a SavedModel for TensorFlow Serving"
EXAMPLE = """
lfp-tf export --experiment pspnet18_scenes --checkpoint runs/pspnet18_scenes \\
    --export_dir export/lfp
lfp-tf export --experiment pspnet101_cityscapes --checkpoint pspnet101.pth --export_dir out \\
    --protocol semseg --max_pixels 2097152
"""
DTYPES = ("float32", "bfloat16")
_SCORES = ("best", "scores", "step", "split", "protocol")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `lfp-tf export`."""
    add_network_arguments(parser)
    parser.add_argument("--export_dir", metavar="OUT", help="gets a folder per version")
    parser.add_argument("--version", type=int, help="whole number (the next free one)")
    add_task_options(parser, "export")
    graph = parser.add_argument_group("computation")
    graph.add_argument("--dtype", default="float32", help="of convolutions: float32, bfloat16")
    graph.add_argument(
        "--no-optimize",
        "--no_optimize",
        dest="optimize",
        action="store_false",
        help="keep batch norm apart from the convolutions",
    )
    graph.add_argument(
        "--optimize", dest="optimize", action="store_true", default=True, help="fold it (default)"
    )
    limits = parser.add_argument_group("limits of a request")
    limits.add_argument(
        "--max_pixels", type=int, default=8_388_608, help="of an image (8388608, as 4096x2048)"
    )
    limits.add_argument("--max_batch", type=int, default=16, help="images (16)")


def run(arguments: argparse.Namespace) -> int:
    """Checks what is given, writes the SavedModel and prints its folder.

    Raises:
        LfpError: a name, path, size or weights that do not fit.
    """
    _check(arguments)
    size = input_size(arguments.input_size)
    experiment = checked_experiment(arguments)
    check_task_options(arguments, "export", experiment.task)
    _check_version(arguments)
    show(_export(experiment.task, size, arguments))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The entry point of export/export_saved_model.py."""
    from lfp_tf.cli.main import run_command

    words = sys.argv[1:] if arguments is None else arguments
    return run_command("export", words, program="export_saved_model.py")


def _check(arguments):
    if not arguments.export_dir:
        raise LfpError("--export_dir is missing: the folder that gets a sub-folder per version.")
    if arguments.dtype not in DTYPES:
        raise LfpError(f'--dtype is "{arguments.dtype}", but must be {" or ".join(DTYPES)}.')
    check_at_least_one(arguments, "version", "max_pixels", "max_batch", "max_boxes")


def _check_version(arguments):
    folder = pathlib.Path(arguments.export_dir) / str(arguments.version)
    if arguments.version and folder.exists():
        raise LfpError(f"{folder} exists already; leave --version out.")


def _export(task, size, arguments):
    """Loads the network and writes it; returns the folder of the version."""
    from lfp_tf.serving.export import Origin, ServedForm, export
    from lfp_tf.serving.limits import Limits
    from lfp_tf.training.own_checkpoints import own_checkpoint

    model = load(arguments)
    source = arguments.checkpoint or shipped(arguments.experiment)
    folder = export(
        model,
        pathlib.Path(arguments.export_dir),
        signatures=catalog.part(task, "signatures"),
        protocol=catalog.part(task, "arguments").protocol(model.recipe, arguments, "export"),
        version=arguments.version,
        limits=Limits(
            arguments.max_pixels, arguments.max_batch, size, max_boxes=arguments.max_boxes
        ),
        form=ServedForm(arguments.dtype, arguments.optimize),
        origin=Origin(own_checkpoint(source) or source, _known_scores(arguments)),
    )
    outputs = f"{len(model.recipe.classes)} {task.outputs}"
    signatures = ", ".join(read_export(folder)["signatures"])
    say(f"{arguments.experiment}: {outputs}, signatures {signatures}")
    predict = ["lfp-tf", "predict", "--saved_model", str(folder), "--out", "predictions"]
    say(next_lines([*predict, "IMAGE..."]))
    return folder


def _known_scores(arguments):
    """What `metrics.json` beside the checkpoint says in short, or None."""
    folder = run_folder(arguments)
    for path in (folder / "evaluation" / "metrics.json", folder / "metrics.json") if folder else ():
        if path.exists():
            try:
                metrics = dict(load_json(path))
            except (OSError, ValueError, TypeError) as error:
                raise LfpError(
                    f"{path} holds no scores ({error}); remove it, or evaluate again."
                ) from None
            return {name: metrics[name] for name in _SCORES if name in metrics}
    return None
